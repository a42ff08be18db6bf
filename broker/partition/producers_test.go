package partition_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
)

func (b *bed) check(batches ...batch.Batch) partition.Verdict {
	return b.log.CheckProducer(batches)
}

func (b *bed) mustProduce(batches ...batch.Batch) {
	require.Equal(b.t, partition.Accept, b.check(batches...).Kind)
	b.append(batches...)
}

func TestFiveBatchesAreRememberedAsDuplicates(t *testing.T) {
	b := newBed(t, 1)
	b.begin(1)
	for i := range int32(6) {
		b.mustProduce(produced(1, 0, i*2, 2))
	}
	for i := range int32(6) {
		v := b.check(produced(1, 0, i*2, 2))
		if i == 0 {
			require.Equal(t, kafka.OutOfOrderSequenceNumber, v.Code, "only five are remembered")
			continue
		}
		require.Equal(t, partition.Duplicate, v.Kind)
		require.Equal(t, kafka.None, v.Code)
		require.EqualValues(t, i*2, v.Base)
		require.EqualValues(t, i*2+1, v.Last)
		require.EqualValues(t, 1000, v.TimestampMs)
	}
	require.Equal(t, partition.OutOfOrderSequence, b.check(produced(1, 0, 2, 3)).Kind,
		"overlap is no duplicate")
	require.Equal(t, partition.OutOfOrderSequence, b.check(produced(1, 0, 13, 1)).Kind, "gap")
	require.Equal(t, partition.Accept, b.check(produced(1, 0, 12, 1)).Kind)
}

func TestAnUnknownProducerMayStartAnywhere(t *testing.T) {
	b := newBed(t, 1)
	b.mustProduce(produced(1, 3, 500, 2))
	require.Equal(t, partition.Accept, b.check(produced(1, 3, 502, 1)).Kind)
	require.Equal(t, partition.OutOfOrderSequence, b.check(produced(1, 3, 0, 1)).Kind)
}

func TestSequencesWrapToZero(t *testing.T) {
	b := newBed(t, 1)
	b.mustProduce(produced(1, 0, math.MaxInt32-1, 4)) // ends at 1
	require.Equal(t, partition.Accept, b.check(produced(1, 0, 2, 1)).Kind)
	v := b.check(produced(1, 0, math.MaxInt32-1, 4))
	require.Equal(t, partition.Duplicate, v.Kind)
	require.EqualValues(t, 3, v.Last)
	b.mustProduce(produced(2, 0, math.MaxInt32-1, 2)) // ends at the maximum
	require.Equal(t, partition.Accept, b.check(produced(2, 0, 0, 1)).Kind)
}

func TestANewEpochStartsAtZeroAndFencesTheOld(t *testing.T) {
	b := newBed(t, 1)
	b.mustProduce(produced(1, 4, 0, 3))
	require.Equal(t, partition.OutOfOrderSequence, b.check(produced(1, 5, 3, 1)).Kind)
	b.mustProduce(produced(1, 5, 0, 1))
	v := b.check(produced(1, 4, 3, 1))
	require.Equal(t, partition.InvalidProducerEpoch, v.Kind)
	require.Equal(t, kafka.InvalidProducerEpoch, v.Code)
	require.Equal(t, kafka.InvalidProducerEpoch, b.check(produced(1, 4, 0, 3)).Code,
		"also a batch that is in the log")
	require.Equal(t, partition.Duplicate, b.check(produced(1, 5, 0, 1)).Kind)
}

func TestAMarkerOfANewEpochBumpsIt(t *testing.T) {
	b := newBed(t, 1)
	b.mustProduce(produced(1, 0, 0, 3))
	marker := batch.NewBuilder().Producer(1, 1, batch.NoSequence)
	marker.Control, marker.Transactional = true, true
	b.mustProduce(marker.Add(1, []byte{0, 0, 0, 0}, nil).Build())
	require.Equal(t, partition.InvalidProducerEpoch, b.check(produced(1, 0, 3, 1)).Kind)
	require.Equal(t, partition.OutOfOrderSequence, b.check(produced(1, 1, 3, 1)).Kind)
	require.Equal(t, partition.Accept, b.check(produced(1, 1, 0, 1)).Kind)
}

func TestSeveralBatchesOfOneRequestAreJudgedTogether(t *testing.T) {
	b := newBed(t, 1)
	b.mustProduce(produced(1, 0, 0, 2), produced(1, 0, 2, 2))
	v := b.check(produced(1, 0, 0, 2), produced(1, 0, 2, 2))
	require.Equal(t, partition.Duplicate, v.Kind)
	require.EqualValues(t, 0, v.Base)
	require.EqualValues(t, 3, v.Last)
	require.Equal(t, partition.OutOfOrderSequence,
		b.check(produced(1, 0, 2, 2), produced(1, 0, 4, 2)).Kind)
	require.Equal(t, partition.OutOfOrderSequence,
		b.check(produced(1, 0, 4, 2), produced(1, 0, 7, 2)).Kind)
	require.Equal(t, partition.Accept, b.check(produced(1, 0, 4, 2), produced(1, 0, 6, 2)).Kind)
}

func TestCheckingLeavesNoTrace(t *testing.T) {
	b := newBed(t, 1)
	for range 3 { // the WAL refused the append each time
		require.Equal(t, partition.Accept, b.check(produced(1, 0, 0, 2)).Kind)
	}
	require.Zero(t, b.log.Producers())
	b.mustProduce(produced(1, 0, 0, 2))
}

func TestProducerStateSurvivesFlushReloadAndLogDeletion(t *testing.T) {
	b := newBed(t, 1)
	for i := range int32(7) {
		b.mustProduce(produced(1, 2, i*3, 3))
	}
	b.flush()
	b.log.SetWatermark(b.log.End())
	b.start(b.log.End())
	b.flushOnce()
	require.Zero(t, b.log.Bytes(), "the data is gone")
	b.crash(0)
	require.Equal(t, partition.Duplicate, b.check(produced(1, 2, 18, 3)).Kind)
	require.Equal(t, partition.Duplicate, b.check(produced(1, 2, 6, 3)).Kind)
	require.Equal(t, partition.OutOfOrderSequence, b.check(produced(1, 2, 3, 3)).Kind)
	require.Equal(t, partition.Accept, b.check(produced(1, 2, 21, 3)).Kind)
	require.Equal(t, partition.InvalidProducerEpoch, b.check(produced(1, 1, 21, 3)).Kind)
}

func TestProducerStateFollowsATruncation(t *testing.T) {
	for name, flushFirst := range map[string]bool{"in the tail": false, "into segments": true} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, 1)
			b.mustProduce(produced(1, 0, 0, 2))
			b.mustProduce(produced(1, 0, 2, 2))
			b.mustProduce(produced(2, 0, 0, 2))
			b.mustProduce(produced(1, 1, 0, 2))
			if flushFirst {
				b.flush()
			}
			b.truncate(2)
			require.EqualValues(t, 2, b.log.End())
			if flushFirst {
				require.Equal(t, partition.NotReady, b.check(produced(1, 0, 2, 2)).Kind)
				require.Equal(t, kafka.NotEnoughReplicas, b.check(produced(1, 0, 2, 2)).Code)
			}
			b.epoch++
			b.append(plain(1, 1)) // the log is appended to in the meantime
			b.sync()
			b.settle()
			require.Equal(t, flushFirst, len(b.take(partition.Cut)) == 1)
			require.Equal(t, partition.Duplicate, b.check(produced(1, 0, 0, 2)).Kind)
			require.Equal(t, partition.Accept, b.check(produced(1, 0, 2, 2)).Kind)
			require.Equal(t, partition.Accept, b.check(produced(2, 0, 77, 2)).Kind,
				"it has never written")
		})
	}
}

func TestProducersAreBounded(t *testing.T) {
	b := newBed(t, 1)
	b.limits.Producers = 16
	for id := range kafka.ProducerID(17) {
		b.mustProduce(produced(id, 0, 0, 1))
	}
	require.Equal(t, 14, b.log.Producers(), "an eighth is removed")
	require.Equal(t, partition.Accept, b.check(produced(0, 0, 9, 1)).Kind,
		"the oldest is forgotten")
	require.Equal(t, partition.OutOfOrderSequence, b.check(produced(16, 0, 9, 1)).Kind)
}

// A checkpoint is written again at each flush, so it must not hold every producer that ever wrote.
func TestCheckpointsHoldABoundedNumberOfProducers(t *testing.T) {
	b := newBed(t, 1)
	b.limits.Producers = 16
	for id := range kafka.ProducerID(100) {
		b.mustProduce(produced(id, 0, 0, 1))
		b.flush()
		require.LessOrEqual(t, b.log.CheckpointProducers(), 16)
	}
	b.crash(0)
	require.LessOrEqual(t, b.log.Producers(), 16)
	require.Equal(t, partition.Duplicate, b.check(produced(99, 0, 0, 1)).Kind)
}

func TestAnIdleProducerIsForgottenAndALiveOneIsNot(t *testing.T) {
	b := newBed(t, 1)
	b.limits.ProducerIdle = 10 * time.Second
	b.mustProduce(produced(1, 0, 0, 1))
	for second := range int32(30) {
		b.mustProduce(produced(2, 0, second, 1))
		b.flush()
		b.log.PassTime(time.Second)
		known := b.check(produced(1, 0, 77, 1)).Kind == partition.OutOfOrderSequence
		require.Equal(t, second < 11, known, "after %d s", second+1)
		for last := max(0, second-4); last <= second; last++ {
			require.Equal(t, partition.Duplicate, b.check(produced(2, 0, last, 1)).Kind)
		}
	}
	require.Equal(t, 1, b.log.CheckpointProducers())
}

// The clock of the log stands still while no process has the log open.
func TestTheTimeThatAProducerWasIdleIsInTheCheckpoint(t *testing.T) {
	b := newBed(t, 1)
	b.limits.ProducerIdle = 10 * time.Second
	b.mustProduce(produced(1, 0, 0, 1))
	for range 8 {
		b.log.PassTime(time.Second)
	}
	b.flush()
	b.crash(0)
	for range 3 {
		require.Zero(t, b.log.PassTime(time.Second))
	}
	require.Equal(t, 1, b.log.PassTime(time.Second))
}
