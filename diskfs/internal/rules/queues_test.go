package rules

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
)

func TestAFullQueueHoldsUpNoOtherQueue(t *testing.T) {
	var q Queues[int]
	removal := diskfs.Op{Kind: diskfs.Remove}
	for i := range Workers[Removals] {
		require.True(t, q.Submit(&removal, i))
	}
	require.False(t, q.Submit(&removal, 10))
	require.False(t, q.Submit(&removal, 11))
	for _, op := range []diskfs.Op{
		{Kind: diskfs.WriteSync}, {Kind: diskfs.Allocate, Log: true}, {Kind: diskfs.Read},
		{Kind: diskfs.SyncFS},
	} {
		require.True(t, q.Submit(&op, 0), op.Kind)
	}
	next, ok := q.Ended(&removal)
	require.True(t, ok)
	require.Equal(t, 10, next, "first in, first out")
	next, ok = q.Ended(&removal)
	require.True(t, ok)
	require.Equal(t, 11, next)
	_, ok = q.Ended(&removal)
	require.False(t, ok)
	require.True(t, q.Submit(&removal, 12), "a worker is free")
}
