package partition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs/virtual"
)

func TestTheLogStartMovesWhenItsRecordIsDurable(t *testing.T) {
	b := newBed(t, 1)
	b.fill(4)
	b.log.SetWatermark(40)
	b.flushOnce() // the checkpoint has the watermark
	r := blank()
	r.start = 20
	b.log.SetStart(20, b.write(r))
	require.EqualValues(t, 0, b.log.Start())
	require.EqualValues(t, 20, b.log.LoggedStart())
	batches, err := b.read(0, 1, 40)
	require.NoError(t, err)
	require.Len(t, batches, 1)
	b.crash(0)
	require.EqualValues(t, 0, b.log.Start(), "the record was lost")
	b.start(20)
	require.EqualValues(t, 20, b.log.Start())
	b.crash(0)
	require.EqualValues(t, 20, b.log.Start())
	require.Panics(t, func() { b.start(41) }, "above the watermark")
}

func TestAFlushDropsTheTailBelowTheLogStart(t *testing.T) {
	b := newBed(t, 1)
	for i := range int32(6) {
		b.mustProduce(produced(1, 0, i*10, 10))
	}
	b.sync()
	b.log.SetWatermark(60)
	b.start(35)
	require.True(t, b.log.Surplus())
	b.ops = nil
	b.flushOnce()
	require.Empty(t, b.segmentFiles(), "nothing was written to a segment")
	require.False(t, b.log.Surplus())
	require.EqualValues(t, 30, b.log.Flushed(), "the batch that holds the log start stays")
	b.crash(0)
	require.EqualValues(t, 35, b.log.Start())
	require.Len(t, b.readAll(), 3)
	require.Equal(t, partition.Duplicate, b.check(produced(1, 0, 20, 10)).Kind)
	b.flush()
	require.NotEmpty(t, b.segmentFiles())
	require.Len(t, b.readAll(), 3)
}

func TestManySegmentsGoInSteps(t *testing.T) {
	b := newBed(t, 1)
	b.limits.SegmentBytes = 1
	b.fill(150)
	b.log.SetWatermark(b.log.End())
	b.start(b.log.End())
	flushes := 0
	for ; b.log.Surplus(); flushes++ {
		b.flushOnce()
	}
	require.Equal(t, 3, flushes)
	require.Empty(t, b.segmentFiles())
}

// segmentFiles are the names of the log files on disk.
func (b *bed) segmentFiles() (names []string) {
	for _, node := range b.fs.Snapshot(virtual.Visible) {
		if strings.HasSuffix(node.Path, ".log") {
			names = append(names, node.Path)
		}
	}
	return names
}

// A follower begins at its leader's log start, and fetches the rest. It knows what its leader knows
// of producers, over crashes and truncations.
func TestAFollowerThatBeginsAgainKnowsTheProducers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		leader := &world{bed: newBed(rt, 1), rt: rt}
		leader.do(func() { leader.begin(1) })
		for range rapid.IntRange(1, 30).Draw(rt, "batches") {
			leader.do(leader.produce)
		}
		leader.sync()
		leader.log.SetWatermark(leader.log.End())
		leader.do(leader.moveStart)
		leader.sync()
		leader.do(func() {})
		if leader.log.Start() == 0 {
			return
		}
		kept := leader.model.from(leader.log.Start(), leader.model.end, 1<<30)
		from := leader.log.End()
		if len(kept) > 0 {
			from = batch.Batch(kept[0]).BaseOffset()
		}
		a, ok := leader.log.BeginningAt(from)
		require.True(rt, ok)
		decoded, err := partition.DecodeBeginning(a.Encode(nil))
		require.NoError(rt, err)
		require.Equal(rt, a.Start, decoded.Start)

		b := newBed(rt, 2)
		b.epoch = 1
		if rapid.Bool().Draw(rt, "it holds something else") {
			b.append(plain(1, 1))
			b.flush()
		}
		r := blank()
		r.reset, r.beginning = decoded.Start, decoded
		b.log.Reset(decoded, b.write(r))
		require.Equal(rt, a.Start, b.log.Start())
		require.Equal(rt, leader.log.EpochBefore(a.Start), b.log.EpochBefore(a.Start))
		for _, one := range kept {
			r := blank()
			r.batches = []batch.Batch{one}
			b.log.Append(one, b.write(r))
		}
		b.sync()
		b.settle()
		if rapid.Bool().Draw(rt, "crash") {
			b.crash(0)
			b.settle()
		}
		for id := range kafka.ProducerID(3) {
			for epoch := range kafka.ProducerEpoch(3) {
				for sequence := range int32(30) {
					again := produced(id, epoch, sequence, 2)
					require.Equal(rt, leader.check(again), b.check(again))
				}
			}
		}
	})
}

func TestAMalformedStateIsRefused(t *testing.T) {
	b := newBed(t, 1)
	b.epoch = 3
	b.mustProduce(produced(1, 0, 0, 2))
	b.mustProduce(produced(1, 0, 2, 2))
	b.sync()
	b.log.SetWatermark(4)
	b.start(2)
	a, ok := b.log.BeginningAt(2)
	require.True(t, ok)
	whole := a.Encode(nil)
	for n := range whole {
		_, err := partition.DecodeBeginning(whole[:n])
		require.Error(t, err, "%d of %d bytes", n, len(whole))
	}
	_, err := partition.DecodeBeginning(append(whole, 0))
	require.Error(t, err)
}
