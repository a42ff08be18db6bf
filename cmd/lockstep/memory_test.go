package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/limits"
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

func TestClientsGetHalfOfTheDescriptors(t *testing.T) {
	require.Equal(t, 512, connectionShare(1024))
	require.Equal(t, 1, connectionShare(1))
	require.Equal(t, 1<<31-1, connectionShare(1<<63))
}
