package world

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
)

func TestCountedReadsAreThoseUnderWay(t *testing.T) {
	r := countedReads{files: map[diskfs.Handle]bool{},
		counts: func(path string) bool { return strings.HasSuffix(path, ".wal") }}
	read := func(h diskfs.Handle, n int) *diskfs.Op {
		return &diskfs.Op{Kind: diskfs.Read, Handle: h, Data: make([]byte, n)}
	}
	require.Zero(t, r.began(&diskfs.Op{Kind: diskfs.Open, Handle: 1,
		Path: "shard-1/0000000000000001.wal"}))
	require.Zero(t, r.began(&diskfs.Op{Kind: diskfs.Open, Handle: 2,
		Path: "partitions/x/checkpoint"}))
	require.EqualValues(t, 100, r.began(read(1, 100)))
	require.Zero(t, r.began(read(2, 50)), "no log")
	require.EqualValues(t, 40, r.began(read(1, 40)))
	r.underWay -= 100 // the first one ends
	require.EqualValues(t, 70, r.began(read(1, 70)))
	require.EqualValues(t, 140, r.most)
	r.began(&diskfs.Op{Kind: diskfs.Close, Handle: 1})
	require.Zero(t, r.began(read(1, 30)), "closed, and the handle means something else now")
}
