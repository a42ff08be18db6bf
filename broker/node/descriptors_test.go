package node_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/wal"
)

func TestDescriptorsAreDivided(t *testing.T) {
	for _, shards := range []int{1, 3, 15} {
		cfg := node.Config{
			Shards: shards, Limits: limits.Default(), ControlWAL: wal.DefaultConfig(""),
			ShardWAL: wal.DefaultConfig(""),
		}
		var least int
		for limit := 1; limit <= 1<<16; limit++ {
			d, err := cfg.Descriptors(limit)
			if err != nil {
				require.ErrorContains(t, err, "ulimit -n")
				require.Zero(t, least, "a larger limit is refused")
				continue
			}
			if least == 0 {
				least = limit
			}
			require.Equal(t, limit, d.Reserved+shards*d.OpenFiles+d.Clients)
			require.GreaterOrEqual(t, d.OpenFiles, partition.FilesOfTask)
			require.LessOrEqual(t, d.OpenFiles, cfg.Limits.OpenFiles)
			require.GreaterOrEqual(t, d.Clients, 16)
			require.Greater(t, d.Reserved, (shards+1)*cfg.ShardWAL.Files())
		}
		require.NotZero(t, least)
		require.LessOrEqual(t, least, 260+shards*60, "a node with %d shards needs too many", shards)
	}
}
