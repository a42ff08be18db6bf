package osfs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/osfs"
)

// BenchmarkWriteSync measures the group commit: 4 KiB groups, one after the
// other, into a file that Allocate has filled with zeros.
func BenchmarkWriteSync(b *testing.B) {
	for _, inFlight := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("inflight=%d", inFlight), func(b *testing.B) {
			benchWriteSync(b, inFlight)
		})
	}
}

func benchWriteSync(b *testing.B, inFlight int) {
	const group, fileSize = 4 << 10, 64 << 20
	done := make(chan diskfs.Completion, inFlight+1)
	d, err := osfs.New(b.TempDir(), func(c diskfs.Completion) { done <- c }, osfs.Options{})
	require.NoError(b, err)
	defer d.Close()
	do := func(op diskfs.Op) { d.Submit(op); require.NoError(b, (<-done).Err) }
	do(diskfs.Op{Kind: diskfs.Open, Flags: diskfs.Create, Handle: 1, Path: "wal"})
	do(diskfs.Op{Kind: diskfs.Allocate, Handle: 1, Size: fileSize})
	do(diskfs.Op{Kind: diskfs.SyncFS})

	buffer := make([]byte, group)
	submit := func(i int) {
		d.Submit(diskfs.Op{
			Kind: diskfs.WriteSync, Handle: 1, Data: buffer, Offset: int64(i) * group % fileSize,
		})
	}
	b.SetBytes(group)
	b.ResetTimer()
	for i := range b.N {
		if i >= inFlight {
			c := <-done
			require.NoError(b, c.Err)
		}
		submit(i)
	}
	for range min(b.N, inFlight) {
		<-done
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "syncs/s")
}
