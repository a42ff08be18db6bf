package virtual_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/virtual"
)

// A volume keeps its content while another is mounted.
func TestAVolumeIsMountedAgain(t *testing.T) {
	s := &scheduler{}
	fs := virtual.New(s, entropy(1), virtual.Options{})
	mkdir := func(dir string) {
		p := fs.Start()
		p.Disk(func(c diskfs.Completion) { require.NoError(t, c.Err) }).
			Submit(diskfs.Op{Kind: diskfs.Mkdir, Path: dir})
		for s.step() {
			continue
		}
		p.Kill()
	}
	mkdir("first")
	away := fs.Mount(nil)
	require.Empty(t, fs.Names("."))
	mkdir("second")
	fs.Mount(away)
	require.Equal(t, []string{"first"}, fs.Names("."))
	require.Equal(t, 2, fs.Mounted())
}

// A copy does not see what is written after it was made.
func TestACopyOfAVolumeStaysAsItWas(t *testing.T) {
	s := &scheduler{}
	fs := virtual.New(s, entropy(1), virtual.Options{})
	write := func(text string) {
		p := fs.Start()
		disk := p.Disk(func(c diskfs.Completion) { require.NoError(t, c.Err) })
		for _, op := range []diskfs.Op{
			{Kind: diskfs.Open, Path: "file", Handle: 1, Flags: diskfs.Create},
			{Kind: diskfs.Write, Handle: 1, Data: []byte(text)},
		} {
			disk.Submit(op)
			for s.step() {
				continue
			}
		}
		p.Kill()
	}
	content := func() string {
		data, ok := fs.ReadVisible("file")
		require.True(t, ok)
		return string(data)
	}
	write("first")
	older := fs.Copy()
	write("other")
	require.Equal(t, "other", content())
	fs.Mount(older)
	require.Equal(t, "first", content())
	write("third")
	require.Equal(t, "third", content())
}
