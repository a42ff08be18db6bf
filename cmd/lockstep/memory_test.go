package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/wal"
)

func TestTheMemoryLimitFollowsFromTheBounds(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	require.Equal(t, int64(1480)<<20, memoryNeed(limits.Default(), 1))
	require.Equal(t, int64(300)<<20, setMemoryLimit(300<<20, 1<<30), "as configured")
	require.Equal(t, int64(300)<<20, debug.SetMemoryLimit(-1))
	require.Equal(t, int64(1536), setMemoryLimit(0, 1024))
	require.Equal(t, availableMemory("/")/4*3, setMemoryLimit(0, 1<<60))
	t.Setenv("GOMEMLIMIT", "1GiB") // as the runtime has read it at the start
	require.Equal(t, debug.SetMemoryLimit(-1), setMemoryLimit(5, 5))
}

func TestAvailableMemoryIsThatOfTheControlGroup(t *testing.T) {
	root := t.TempDir() + "/"
	write := func(name, content string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(root+name), 0o700))
		require.NoError(t, os.WriteFile(root+name, []byte(content), 0o600))
	}
	write("proc/meminfo", "MemFree: 1 kB\nMemTotal:  2048 kB\n")
	require.Equal(t, int64(2<<20), availableMemory(root))
	write("sys/fs/cgroup/memory.max", "max\n")
	require.Equal(t, int64(2<<20), availableMemory(root))
	write("sys/fs/cgroup/memory.max", "1048576\n")
	require.Equal(t, int64(1<<20), availableMemory(root))
}

func TestClientsGetTheDescriptorsThatAreLeft(t *testing.T) {
	divided := func(most int64, limit uint64) (*node.Config, error) {
		cfg := &node.Config{Shards: 1, Limits: limits.Default(), ControlWAL: controlWAL(),
			ShardWAL: wal.DefaultConfig("")}
		cfg.Limits.Connections = int(most)
		return cfg, divideDescriptors(cfg, limit)
	}
	cfg, err := divided(1<<31-1, 1024)
	require.NoError(t, err)
	require.Equal(t, 616, cfg.Limits.Connections)
	require.Equal(t, 256, cfg.Limits.OpenFiles)
	cfg, err = divided(100, 1<<63)
	require.NoError(t, err)
	require.Equal(t, 100, cfg.Limits.Connections, "max.connections is lower")
	_, err = divided(100, 100)
	require.ErrorContains(t, err, "needs at least 172; raise it")
}
