package diskfstest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
)

func descriptorsRunOut(t *testing.T, open Open) {
	sys := open(t, 1)
	if sys.LimitFiles == nil {
		t.Skip("this disk has no limit of open files")
	}
	c := newClient(t, sys)
	c.mkdir("d")
	c.mkdir("e")
	h := durableFile(c, "d/f", fill('o', sector))
	needing := func() []diskfs.Op {
		return []diskfs.Op{
			{Kind: diskfs.Open, Path: "d/f", Handle: c.newHandle()},
			{Kind: diskfs.Open, Flags: diskfs.Create, Path: "g", Handle: c.newHandle()},
			{Kind: diskfs.List, Path: "d"},
			{Kind: diskfs.SyncDir, Path: "."},
			{Kind: diskfs.Lock, Path: "lock"},
		}
	}
	lift := sys.LimitFiles()
	for _, op := range needing() {
		err := c.do(op).Err
		require.ErrorIs(t, err, diskfs.ErrUnavailable, "%v", op.Kind)
		require.NotErrorIs(t, err, diskfs.ErrIO)
		require.NotErrorIs(t, err, diskfs.ErrNotExist)
	}
	// What is open stays usable, and names need no descriptor.
	c.write(h, 0, fill('n', sector))
	c.sync(h)
	require.Equal(t, fill('n', sector), c.read(h, 0, sector))
	c.must(diskfs.Op{Kind: diskfs.Rename, Path: "d/f", To: "d/g"})
	c.must(diskfs.Op{Kind: diskfs.Remove, Path: "e"})
	lift()
	require.Equal(t, []string{"d/"}, c.list("."), "a refused operation has made a file")
	for _, op := range needing()[1:] {
		c.must(op)
	}
}
