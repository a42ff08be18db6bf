package partition_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/virtual"
)

// What a process cannot do at present says nothing about the files: only an error of the medium is
// damage.
func TestALoadWithoutADescriptorFindsNoDamage(t *testing.T) {
	b := newBed(t, 1)
	b.fill(3)
	want := b.readAll()
	load := func() error {
		b.open()
		b.log.Load(false)
		b.settle()
		loaded := b.take(partition.Loaded)
		require.Len(t, loaded, 1)
		return loaded[0].Err
	}
	for _, kind := range []diskfs.Kind{diskfs.List, diskfs.Open} {
		b.fs.Inject(virtual.Rule{Effect: virtual.Refuse, Kinds: virtual.KindsOf(kind), Times: 1})
		err := load()
		require.ErrorIs(t, err, diskfs.ErrUnavailable)
		require.NotErrorIs(t, err, partition.ErrDamaged)
		require.Equal(t, partition.Failed, b.log.State())
	}
	for _, kind := range []diskfs.Kind{diskfs.List, diskfs.Open, diskfs.Read} {
		b.fs.FailNext(virtual.KindsOf(kind), "", 1)
		require.ErrorIs(t, load(), partition.ErrDamaged)
	}
	require.NoError(t, load())
	b.replay(b.durable)
	require.Equal(t, want, b.readAll())
}

// An index that could not be opened is not lost.
func TestAReadWithoutADescriptorLosesNoIndex(t *testing.T) {
	b := newBed(t, 1)
	b.fill(3)
	b.fs.Inject(virtual.Rule{Effect: virtual.Refuse, Kinds: virtual.NeedFile,
		Path: "parts/p/*index", Times: 1})
	_, err := b.read(0, 1<<20, 30)
	require.ErrorIs(t, err, diskfs.ErrUnavailable)
	require.NotErrorIs(t, err, partition.ErrDamaged)
	b.ops = nil
	_, err = b.read(0, 1<<20, 30)
	require.NoError(t, err)
	for _, op := range b.ops {
		require.NotEqual(t, diskfs.Write, op.Kind, "the index was built again")
	}
}

// If the repair of a lost index finds no descriptor, the next read begins it again.
func TestARepairWithoutADescriptorIsTriedAgain(t *testing.T) {
	b := newBed(t, 1)
	b.fill(3)
	b.tamper(diskfs.Op{Kind: diskfs.Remove, Path: b.file(".index")})
	b.fs.Inject(virtual.Rule{Effect: virtual.Refuse, Kinds: virtual.NeedFile,
		Path: "parts/p/*index", Times: 1})
	b.load()
	b.replay(b.durable)
	b.settle()
	require.ErrorIs(t, b.take(partition.Repaired)[0].Err, diskfs.ErrUnavailable)
	_, err := b.read(0, 1<<20, 30)
	require.NoError(t, err)
	b.settle()
	repaired := b.take(partition.Repaired)
	require.Len(t, repaired, 1)
	require.NoError(t, repaired[0].Err)
}

// A task closes the files of one segment before it opens those of the next one.
func TestATaskHasFewFilesOpen(t *testing.T) {
	b := newBed(t, 1)
	const segments = 12
	b.limits.SegmentBytes = 400
	for i := range segments {
		b.append(plain(1000-int64(i), 10))
		b.flush()
		b.log.SetWatermark(b.log.End() - 10)
	}
	require.Greater(t, len(b.fs.Names("parts/p")), 3*3, "the log has several segments")
	bound := func(what string) {
		b.settle()
		require.LessOrEqual(t, b.mostOpen, partition.FilesOfTask, what)
	}
	bound("flushes")
	for below := kafka.Offset(5); below < b.log.End(); below += 10 {
		b.log.MaxTimestamp(below)
		bound("a search for the largest timestamp")
		b.log.OffsetForTimestamp(1000-int64(below/10), below)
		bound("a search for a timestamp")
	}
	b.crash(0)
	bound("a recovery")
	b.truncate(b.log.Watermark() + 10)
	b.sync()
	bound("a cut")
	require.False(t, b.log.CutPending())
}
