package partition_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs"
)

// cut truncates into the segments and waits for the job.
func (b *bed) cut(to kafka.Offset) {
	b.truncate(to)
	b.sync()
	b.settle()
	done := b.take(partition.Cut)
	require.Len(b.t, done, 1)
	require.NoError(b.t, done[0].Err)
}

func TestALogContinuesInACutSegment(t *testing.T) {
	t.Run("index of every batch", func(t *testing.T) { continueInACutSegment(t, 100) })
	t.Run("sparse index", func(t *testing.T) { continueInACutSegment(t, 600) })
}

func continueInACutSegment(t *testing.T, indexBytes int64) {
	for to := kafka.Offset(0); to <= 60; to += 10 {
		b := newBed(t, uint64(to))
		b.limits.SegmentBytes, b.limits.IndexBytes = 1500, indexBytes
		b.fill(6) // 1000, 1100, ... in several segments
		kept := b.readAll()[:to/10]
		if to < 60 {
			b.cut(to)
		}
		require.Equal(t, len(kept), len(b.readAll()))
		newest := func() kafka.Offset {
			ask := func() partition.Read { return b.log.MaxTimestamp(b.log.End()) }
			found, err := b.search(ask(), ask)
			require.NoError(t, err)
			return found.Offset
		}
		require.Equal(t, to-1, newest(), "the largest timestamp that stays")
		b.epoch++
		for i := range 6 {
			b.append(plain(1000+int64(i), 3+i)) // other sizes than before
		}
		b.flush()
		all := b.readAll()
		require.Equal(t, kept, all[:to/10])
		require.Len(t, all, int(to/10)+6)
		for from := kafka.Offset(0); from < b.log.End(); from++ {
			batches, err := b.read(from, 1, b.log.End())
			require.NoError(t, err, "offset %d after a cut to %d", from, to)
			one := batch.Batch(batches[0])
			require.True(t, one.BaseOffset() <= from && from <= one.LastOffset())
		}
		require.Empty(t, b.take(partition.Repaired), "the indexes were right")
		b.crash(0)
		require.Equal(t, all, b.readAll())
		if to > 10 {
			require.Equal(t, to-1, newest())
		}
	}
}

func TestACrashAtAnyMomentOfAFlushOrCutLeavesAWholeLog(t *testing.T) {
	for _, what := range []string{
		"first flush", "flush into a new segment", "cut", "removal of segments",
	} {
		for seed := range uint64(150) {
			b := newBed(t, seed)
			if what != "first flush" {
				b.fill(6)
			}
			b.log.SetWatermark(min(b.log.DurableEnd(), 20))
			switch what {
			case "cut":
				b.truncate(20)
				b.epoch++
			case "removal of segments":
				b.log.SetWatermark(60)
				b.start(50)
			}
			b.append(plain(1, 10), plain(2, 10))
			b.sync()
			want := b.readTail()
			b.log.Flush(partition.FlushOptions{ExternalSync: seed%2 == 0})
			for range seed % 40 {
				b.sched.step()
			}
			b.crash(0)
			all := b.readAll()
			require.Equal(t, want, all[len(all)-2:], "%s, seed %d", what, seed)
		}
	}
}

// A killed process may have left the name of its last checkpoint in the page cache only. The next
// process loads that checkpoint, and the WAL then releases what it covers.
func TestALoadedCheckpointOfAKilledProcessIsDurable(t *testing.T) {
	for _, before := range []int{0, 3} {
		for seed := range uint64(40) {
			b := newBed(t, seed)
			b.fill(before)
			older, _ := b.fs.ReadVisible("parts/p/checkpoint")
			b.append(plain(1, 10), plain(2, 10))
			b.sync()
			want, end := len(b.readAll()), b.log.End()
			b.log.Flush(partition.FlushOptions{ExternalSync: seed%2 == 0})
			for named := false; !named; {
				require.True(t, b.sched.step())
				newer, _ := b.fs.ReadVisible("parts/p/checkpoint")
				named = !bytes.Equal(newer, older)
			}
			b.process.Kill()
			b.load()
			b.replay(0)
			_, pinned := b.log.Pinned()
			require.False(t, pinned, "the WAL may release everything")
			b.crash(0)
			require.Equal(t, end, b.log.End(), "seed %d", seed)
			require.Len(t, b.readAll(), want)
		}
	}
}

// readTail returns the batches in memory.
func (b *bed) readTail() [][]byte { return b.log.Read(b.log.End()-20, 1<<20, b.log.End()).Batches }

func TestSegmentsStayWhileProducerStateNeedsThem(t *testing.T) {
	b := newBed(t, 1)
	b.limits.SegmentBytes = 300
	b.mustProduce(produced(1, 0, 0, 10))
	b.mustProduce(produced(2, 0, 0, 10))
	b.mustProduce(produced(3, 0, 0, 10))
	b.flush() // everything is above the watermark: the older snapshot is of offset 0
	b.log.SetWatermark(20)
	b.start(20)
	b.flushOnce()
	b.cut(20)
	require.Equal(t, partition.Duplicate, b.check(produced(1, 0, 0, 10)).Kind)
	require.Equal(t, partition.Accept, b.check(produced(3, 0, 5, 1)).Kind)
	require.EqualValues(t, 20, b.log.Start())
}

func TestProducerStateIsCountedFromTheSnapshotOn(t *testing.T) {
	b := newBed(t, 1)
	b.limits.IndexBytes = 200 // every third batch
	for i := range int32(4) {
		b.mustProduce(produced(1, 0, i*2, 2))
	}
	b.flush()
	b.log.SetWatermark(8)
	b.flushOnce() // the snapshot of 8 is at the watermark
	for i := range int32(3) {
		b.mustProduce(produced(1, 0, 8+i*2, 2))
	}
	b.flush()
	b.cut(10)
	for i := range int32(5) {
		require.Equal(t, partition.Duplicate, b.check(produced(1, 0, i*2, 2)).Kind, "batch %d", i)
	}
}

func TestRecoveryKeepsTheSnapshotItBeganWith(t *testing.T) {
	b := newBed(t, 1)
	b.mustProduce(produced(1, 0, 0, 10))
	b.flush()
	b.log.SetWatermark(10)
	b.flushOnce()
	b.mustProduce(produced(1, 0, 10, 10)) // record 2
	b.mustProduce(produced(1, 0, 20, 10)) // record 3
	b.truncate(20)                        // record 4
	b.epoch++
	b.mustProduce(produced(2, 0, 0, 10)) // record 5
	b.sync()
	b.log.SetWatermark(30)
	b.log.Evict(0)
	b.flushOnce() // moves nothing: the checkpoint's watermark is younger than its segments

	b.load()
	require.NoError(t, b.log.Replay(b.wal[1].batches[0], partition.Ref{Seq: 2}))
	require.NoError(t, b.log.Replay(b.wal[2].batches[0], partition.Ref{Seq: 3}))
	b.flushOnce() // during the recovery, and below the watermark
	require.Zero(t, b.log.TailBytes())
	b.log.Truncate(20, partition.Ref{Seq: 4})
	require.NoError(t, b.log.Replay(b.wal[4].batches[0], partition.Ref{Seq: 5}))
	require.True(t, b.log.EndReplay())
	b.sync()
	b.settle()
	require.EqualValues(t, 30, b.log.Watermark())
	require.Equal(t, partition.Accept, b.check(produced(1, 0, 20, 10)).Kind)
	require.Equal(t, partition.Duplicate, b.check(produced(2, 0, 0, 10)).Kind)
}

func TestATruncationThatIsLostTakesNothingWithIt(t *testing.T) {
	b := newBed(t, 1)
	b.append(plain(1, 10))
	b.append(plain(2, 10))
	b.sync()
	b.truncate(0)
	b.log.Flush(partition.FlushOptions{})
	b.settle()
	b.crash(0) // the truncation was not durable
	require.EqualValues(t, 20, b.log.End())
	require.Len(t, b.readAll(), 2)
}

func TestACheckpointKnowsNothingThatTheWALMayLose(t *testing.T) {
	b := newBed(t, 1)
	b.begin(1)
	b.sync()
	b.epoch = 2
	b.append(plain(1, 10)) // replaces the empty epoch 1, and is not durable
	b.log.Flush(partition.FlushOptions{})
	b.settle()
	b.crash(0)
	require.EqualValues(t, 1, b.log.LatestEpoch())

	b.begin(5)
	b.log.Flush(partition.FlushOptions{})
	b.settle()
	b.crash(0)
	require.EqualValues(t, 1, b.log.LatestEpoch())

	b.begin(7)
	b.log.Flush(partition.FlushOptions{})
	b.sync()
	b.settle()
	b.crash(0)
	require.EqualValues(t, 7, b.log.LatestEpoch(), "an epoch without a record is durable")
	_, pinned := b.log.Pinned()
	require.False(t, pinned)
}

func TestReadsAndSearchesSurviveATruncation(t *testing.T) {
	restarted := 0
	for steps := range 30 {
		b := newBed(t, uint64(steps))
		b.fill(6) // 1000, 1100, ...
		b.log.Read(30, 1<<20, 60)
		b.log.OffsetForTimestamp(1300, 60)
		for range steps {
			b.sched.step()
		}
		b.take(partition.ReadDone)
		b.take(partition.LookedUp)
		b.holdBack() // the operations in flight end after everything below
		b.truncate(30)
		b.epoch++
		b.append(plain(1, 3), plain(9000, 10))
		b.flush() // it cuts, and writes over the place
		b.letGo()
		b.settle()
		for _, d := range b.take(partition.ReadDone) {
			require.NoError(t, d.Err)
			require.NotEmpty(t, d.Batches)
			require.EqualValues(t, 32, batch.Batch(d.Batches[0]).LastOffset())
			restarted++
		}
		for _, d := range b.take(partition.LookedUp) {
			require.NoError(t, d.Err)
			require.Equal(t, partition.Found{Offset: 33, TimestampMs: 9000, LeaderEpoch: 1},
				d.Found)
			restarted++
		}
	}
	require.Greater(t, restarted, 10)
}

func TestNamesAreDurableBeforeTheCheckpointIs(t *testing.T) {
	b := newBed(t, 1)
	b.append(plain(1, 10))
	b.sync()
	b.ops = nil
	b.flushOnce()
	var syncs []string
	for _, op := range b.ops {
		switch op.Kind {
		case diskfs.SyncDir:
			syncs = append(syncs, op.Path)
		case diskfs.Rename:
			syncs = append(syncs, "rename")
		}
	}
	require.Equal(t, []string{"parts/p", "parts", "rename", "parts/p"}, syncs)
}
