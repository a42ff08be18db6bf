package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"example.com/lockstep/broker/limits"
)

// Memory of the process. The bounds of package limits bound what is in use; the garbage between two
// collections may be as much again.

// memoryBase is for what no bound counts: the program, metadata, indexes, stacks.
const memoryBase = 512 << 20

// memoryNeed is the most bytes that a node with these bounds has in use, connections aside. An
// unfinished frame may be buffered in twice its size, and one frame of each shard may be beyond the
// budget.
func memoryNeed(l limits.Limits, shards int) int64 {
	frames := 2 * (l.UnfinishedBytes + shards*l.RequestBytes)
	return int64(l.InflightBytes+frames+l.AnswerBytes+shards*l.TailBytes) + memoryBase
}

// setMemoryLimit sets the limit of the Go runtime, unless GOMEMLIMIT does, and returns it. Without
// a configured limit it is one and a half times the need, and at most three quarters of what the
// machine or the container has.
func setMemoryLimit(configured, need int64) int64 {
	if os.Getenv("GOMEMLIMIT") != "" {
		return debug.SetMemoryLimit(-1)
	}
	limit := configured
	if limit == 0 {
		limit = min(need+need/2, availableMemory("/")/4*3)
	}
	debug.SetMemoryLimit(limit)
	return limit
}

// availableMemory is the memory of the machine, or the bound of its control group if that is less.
// root is the root of the file system. What cannot be read bounds nothing.
func availableMemory(root string) int64 {
	available := int64(1 << 62)
	for _, file := range []string{
		"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes",
	} {
		data, _ := os.ReadFile(root + file)
		n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
		if err == nil && n > 0 {
			available = min(available, n)
		}
	}
	data, _ := os.ReadFile(root + "proc/meminfo")
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "MemTotal:" {
			continue
		}
		if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			available = min(available, kib<<10)
		}
	}
	return available
}

// returnMemory gives memory back to the operating system after a peak. The runtime itself does so
// slowly, and not at all while nothing is allocated.
func returnMemory(ctx context.Context) {
	const pause, spare = 15 * time.Second, 128 << 20
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if resident, live := heapSizes(); resident > 2*live+spare {
			debug.FreeOSMemory()
		}
	}
}

// heapSizes are the bytes of the heap that the operating system has lent, and those that the last
// collection found in use.
func heapSizes() (resident, live uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(samples)
	for _, s := range samples[:3] {
		resident += s.Value.Uint64()
	}
	return resident, samples[3].Value.Uint64()
}
