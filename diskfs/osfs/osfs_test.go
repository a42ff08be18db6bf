package osfs_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/diskfstest"
	"example.com/lockstep/diskfs/osfs"
)

// system brings the completions, which arrive on the workers' goroutines, to
// the test's goroutine.
func system(t *testing.T, opts osfs.Options) diskfstest.System {
	type delivery struct {
		sink diskfs.Sink
		done diskfs.Completion
	}
	root := t.TempDir()
	arrived := make(chan delivery, 4096)
	var inFlight atomic.Int64
	return diskfstest.System{
		LimitFiles: func() func() { return osfs.LimitFiles(t) },
		Process: func(sink diskfs.Sink) diskfs.Disk {
			d, err := osfs.New(root, func(done diskfs.Completion) {
				arrived <- delivery{sink, done}
			}, opts)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
			return counting{d, &inFlight}
		},
		Pump: func() bool {
			if inFlight.Load() == 0 {
				return false
			}
			select {
			case got := <-arrived:
				inFlight.Add(-1)
				got.sink(got.done)
				return true
			case <-time.After(20 * time.Second): // only a hang gets here
				return false
			}
		},
	}
}

// counting counts the operations in flight.
type counting struct {
	diskfs.Disk
	n *atomic.Int64
}

func (c counting) Submit(op diskfs.Op) {
	c.n.Add(1)
	c.Disk.Submit(op)
}

func TestConformance(t *testing.T) {
	diskfstest.Run(t, func(t *testing.T, _ uint64) diskfstest.System {
		return system(t, osfs.Options{})
	})
}

func TestConformanceWithTheFewestWorkers(t *testing.T) {
	diskfstest.Run(t, func(t *testing.T, _ uint64) diskfstest.System {
		return system(t, osfs.Options{Workers: 1})
	})
}

func TestConformanceWithoutRangeSync(t *testing.T) {
	osfs.DisableRangeSync(t)
	diskfstest.Run(t, func(t *testing.T, _ uint64) diskfstest.System {
		return system(t, osfs.Options{})
	})
}

func TestConformanceWithoutSyncFS(t *testing.T) {
	osfs.DisableSyncFS(t)
	diskfstest.Run(t, func(t *testing.T, _ uint64) diskfstest.System {
		return system(t, osfs.Options{})
	})
}

// A descriptor that SyncFS opened itself could miss an error that was reported before. Only the one
// that was open from the start still finds a directory that has another name now.
func TestSyncFSUsesTheDescriptorOfTheStart(t *testing.T) {
	root := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.Mkdir(root, 0o755))
	done := make(chan diskfs.Completion, 1)
	d, err := osfs.New(root, func(c diskfs.Completion) { done <- c }, osfs.Options{})
	require.NoError(t, err)
	require.NoError(t, os.Rename(root, root+"-moved"))
	d.Submit(diskfs.Op{Kind: diskfs.SyncFS})
	require.NoError(t, (<-done).Err)
	require.NoError(t, d.Close())
}

func TestSubmitDoesNotWaitForTheSink(t *testing.T) {
	release := make(chan struct{})
	done := make(chan diskfs.Completion, 1000)
	d, err := osfs.New(t.TempDir(), func(c diskfs.Completion) {
		<-release
		done <- c
	}, osfs.Options{})
	require.NoError(t, err)
	for range 1000 { // all workers are blocked in the sink, and Submit still returns
		d.Submit(diskfs.Op{Kind: diskfs.Space})
	}
	require.Empty(t, done)
	close(release)
	require.NoError(t, d.Close())
	require.Len(t, done, 1000, "Close must wait for every completion")
}

func TestWriteSyncIsNotHeldUpByOtherOperations(t *testing.T) {
	release := make(chan struct{})
	hot := make(chan diskfs.Completion, 1)
	opened := make(chan struct{})
	d, err := osfs.New(t.TempDir(), func(c diskfs.Completion) {
		switch c.Kind {
		case diskfs.Open:
			close(opened)
		case diskfs.WriteSync:
			hot <- c
		default:
			<-release // stands for a slow system call: it keeps its worker
		}
	}, osfs.Options{})
	require.NoError(t, err)
	d.Submit(diskfs.Op{Kind: diskfs.Open, Flags: diskfs.Create, Path: "wal", Handle: 1})
	<-opened
	for range 100 {
		d.Submit(diskfs.Op{Kind: diskfs.Space})
	}
	d.Submit(diskfs.Op{Kind: diskfs.WriteSync, Handle: 1, Data: make([]byte, 4096)})
	require.NoError(t, (<-hot).Err)
	close(release)
	require.NoError(t, d.Close())
}

func TestAClosedDiskAnswersErrClosed(t *testing.T) {
	var got diskfs.Completion
	d, err := osfs.New(t.TempDir(), func(c diskfs.Completion) { got = c }, osfs.Options{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	d.Submit(diskfs.Op{Kind: diskfs.Space, Token: 7})
	require.ErrorIs(t, got.Err, diskfs.ErrClosed)
	require.EqualValues(t, 7, got.Token)
}

func TestCloseReleasesLocks(t *testing.T) {
	root, done := t.TempDir(), make(chan diskfs.Completion, 1)
	for range 2 {
		d, err := osfs.New(root, func(c diskfs.Completion) { done <- c }, osfs.Options{})
		require.NoError(t, err)
		d.Submit(diskfs.Op{Kind: diskfs.Lock, Path: "lock"})
		require.NoError(t, (<-done).Err)
		require.NoError(t, d.Close())
	}
}

func TestOpeningAHandleTwicePanics(t *testing.T) {
	d, err := osfs.New(t.TempDir(), func(diskfs.Completion) {}, osfs.Options{})
	require.NoError(t, err)
	op := diskfs.Op{Kind: diskfs.Open, Flags: diskfs.Create, Path: "f", Handle: 1}
	d.Submit(op)
	require.Panics(t, func() { d.Submit(op) })
}

func TestNewNeedsADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, root := range []string{file, file + "-missing"} {
		_, err := osfs.New(root, nil, osfs.Options{})
		require.Error(t, err)
	}
}

func TestAllocateFillsWithRealZeros(t *testing.T) {
	root, done := t.TempDir(), make(chan diskfs.Completion, 1)
	d, err := osfs.New(root, func(c diskfs.Completion) { done <- c }, osfs.Options{})
	require.NoError(t, err)
	for _, op := range []diskfs.Op{
		{Kind: diskfs.Open, Flags: diskfs.Create, Path: "f", Handle: 1},
		{Kind: diskfs.Allocate, Handle: 1, Size: 3<<20 + 5},
		{Kind: diskfs.Sync, Handle: 1},
	} {
		d.Submit(op)
		require.NoError(t, (<-done).Err)
	}
	require.NoError(t, d.Close())
	require.GreaterOrEqual(t, osfs.BlocksOf(t, filepath.Join(root, "f")), int64(3<<20),
		"the file has holes")
}
