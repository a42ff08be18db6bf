package partition_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/virtual"
)

// fill appends n batches of ten records and flushes them.
func (b *bed) fill(n int) {
	for i := range n {
		b.append(plain(1000+int64(i)*100, 10))
	}
	b.flush()
}

func (b *bed) file(suffix string) string {
	for _, node := range b.fs.Snapshot(virtual.Visible) {
		if strings.HasSuffix(node.Path, suffix) {
			return node.Path
		}
	}
	require.Fail(b.t, "no such file")
	return ""
}

func (b *bed) tamper(ops ...diskfs.Op) {
	d := b.fs.Start().Disk(func(c diskfs.Completion) { require.NoError(b.t, c.Err) })
	for i := range ops {
		ops[i].Handle = 1
		d.Submit(ops[i])
	}
	b.settle()
}

func TestEveryCodecIsStoredVerbatim(t *testing.T) {
	b := newBed(t, 1)
	builder := batch.NewBuilder().Producer(1, 0, 0)
	for i := range 20 {
		builder.Add(5000+int64(i), []byte("k"), bytes.Repeat([]byte("v"), 30))
	}
	z, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	sent := []batch.Batch{
		builder.Build(),
		builder.BuildWith(batch.Snappy, snappy.Encode(nil, builder.Plain())),
		builder.BuildWith(batch.Zstd, z.EncodeAll(builder.Plain(), nil)),
		builder.BuildWith(batch.Gzip, []byte("not decompressed")),
		builder.BuildWith(batch.LZ4, []byte("not decompressed")),
	}
	b.append(sent...)
	want := bytesOf(sent...)
	require.Equal(t, want, b.readAll(), "from the tail")
	b.flush()
	require.Equal(t, want, b.readAll(), "from segments")
	b.crash(0)
	require.Equal(t, want, b.readAll(), "after a restart")
}

func TestAReadReturnsTheBatchThatHoldsTheOffset(t *testing.T) {
	b := newBed(t, 1)
	for _, flushed := range []bool{false, true} {
		if !flushed {
			b.append(plain(1, 10), plain(2, 10), plain(3, 10))
		} else {
			b.flush()
		}
		size := batch.Batch(b.readAll()[0]).Size()
		read := func(from kafka.Offset, maxBytes int, below kafka.Offset) int {
			batches, err := b.read(from, maxBytes, below)
			require.NoError(t, err)
			for i, one := range batches {
				require.EqualValues(t, from/10*10+kafka.Offset(i)*10, batch.Batch(one).BaseOffset())
			}
			return len(batches)
		}
		require.Equal(t, 1, read(5, 0, 30), "the first batch whatever its size")
		require.Equal(t, 1, read(15, 2*size-1, 30))
		require.Equal(t, 2, read(15, 2*size, 30))
		require.Equal(t, 2, read(0, 1<<20, 20), "nothing at or beyond the bound")
		require.Equal(t, 1, read(0, 1<<20, 19))
		require.Equal(t, 0, read(0, 1<<20, 5), "no batch that reaches over the bound")
		require.Equal(t, 0, read(30, 1<<20, 30))
		_, err := b.read(31, 1, 40)
		require.ErrorIs(t, err, partition.ErrOutOfRange)
		_, err = b.read(-1, 1, 40)
		require.ErrorIs(t, err, partition.ErrOutOfRange)
	}
}

func TestARottenBatchIsNotServed(t *testing.T) {
	b := newBed(t, 1)
	b.fill(3)
	path := b.file(".log")
	good := b.readAll()
	size := int64(len(good[0]))
	for name, at := range map[string]int64{
		"record": size + 100, "count": size + 59, "length": size + 9, "base offset": size + 6,
	} {
		content, ok := b.fs.ReadVisible(path)
		require.True(t, ok)
		b.tamper(diskfs.Op{Kind: diskfs.Open, Path: path},
			diskfs.Op{Kind: diskfs.Write, Offset: at, Data: []byte{content[at] ^ 0x40}},
			diskfs.Op{Kind: diskfs.Close})
		batches, err := b.read(0, 1<<20, 30)
		require.NoError(t, err, name)
		require.Equal(t, good[:1], batches, "the batches before it are good")
		_, err = b.read(10, 1<<20, 30)
		require.ErrorIs(t, err, partition.ErrDamaged, name)
		b.tamper(diskfs.Op{Kind: diskfs.Open, Path: path},
			diskfs.Op{Kind: diskfs.Write, Offset: at, Data: content[at : at+1]},
			diskfs.Op{Kind: diskfs.Close})
	}
	require.Equal(t, good, b.readAll())
}

func TestBytesBeyondTheCheckpointAreNotTrusted(t *testing.T) {
	b := newBed(t, 1)
	b.fill(3)
	want := b.readAll()
	path := b.file(".log")
	before, _ := b.fs.ReadVisible(path)
	next := plain(9999, 5)
	next.Stamp(30, 0)
	b.tamper(diskfs.Op{Kind: diskfs.Open, Path: path},
		diskfs.Op{Kind: diskfs.Write, Offset: int64(len(before)), Data: next},
		diskfs.Op{Kind: diskfs.Close}, diskfs.Op{Kind: diskfs.SyncFS})
	b.tamper(diskfs.Op{
		Kind: diskfs.Open, Flags: diskfs.Create, Path: "parts/p/00000000000000000030.log",
	}, diskfs.Op{Kind: diskfs.SyncFS})
	b.crash(0)
	require.EqualValues(t, 30, b.log.End())
	require.Equal(t, want, b.readAll())
	after, _ := b.fs.ReadVisible(path)
	require.Equal(t, len(before), len(after), "cut to its trusted size")
	_, ok := b.fs.ReadVisible("parts/p/00000000000000000030.log")
	require.False(t, ok, "removed")
}

func TestMissingTrustedBytesAreDamage(t *testing.T) {
	for name, damage := range map[string]func(b *bed) []diskfs.Op{
		"log cut short": func(b *bed) []diskfs.Op {
			return []diskfs.Op{
				{Kind: diskfs.Open, Path: b.file(".log")},
				{Kind: diskfs.Truncate, Size: 100},
			}
		},
		"log missing": func(b *bed) []diskfs.Op {
			return []diskfs.Op{{Kind: diskfs.Remove, Path: b.file(".log")}}
		},
		"checkpoint rotten": func(b *bed) []diskfs.Op {
			return []diskfs.Op{
				{Kind: diskfs.Open, Path: b.file("checkpoint")},
				{Kind: diskfs.Write, Offset: 40, Data: []byte{77}},
			}
		},
		"checkpoint empty": func(b *bed) []diskfs.Op {
			return []diskfs.Op{
				{Kind: diskfs.Open, Path: b.file("checkpoint")},
				{Kind: diskfs.Truncate},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, 1)
			b.fill(3)
			b.tamper(damage(b)...)
			b.load()
			require.Equal(t, partition.Failed, b.log.State())
			b.log.Delete()
			b.settle()
			require.NoError(t, b.take(partition.Removed)[0].Err)
			_, ok := b.fs.ReadDurable("parts/p/checkpoint")
			require.False(t, ok)
		})
	}
}

func TestARottenByteAnywhereInABatchIsDamage(t *testing.T) {
	b := newBed(t, 1)
	b.fill(1)
	path := b.file(".log")
	whole, _ := b.fs.ReadVisible(path)
	first, err := b.read(0, 1, b.log.End())
	require.NoError(t, err)
	require.Len(t, first, 1)
	for at := range first[0] {
		rotten := slices.Clone(whole)
		rotten[at] ^= 0x10
		b.tamper(diskfs.Op{Kind: diskfs.Open, Path: path},
			diskfs.Op{Kind: diskfs.Write, Data: rotten}, diskfs.Op{Kind: diskfs.Close})
		_, err := b.read(0, 1, b.log.End())
		require.ErrorIs(t, err, partition.ErrDamaged, "byte %d", at)
	}
}

func TestLostIndexesAreBuiltAgain(t *testing.T) {
	for name, damage := range map[string]func(b *bed, path string) []diskfs.Op{
		"missing": func(_ *bed, path string) []diskfs.Op {
			return []diskfs.Op{{Kind: diskfs.Remove, Path: path}}
		},
		"short": func(_ *bed, path string) []diskfs.Op {
			return []diskfs.Op{{Kind: diskfs.Open, Path: path}, {Kind: diskfs.Truncate, Size: 3}}
		},
		"rotten": func(_ *bed, path string) []diskfs.Op {
			return []diskfs.Op{
				{Kind: diskfs.Open, Path: path},
				{Kind: diskfs.Write, Data: []byte{1, 2, 3, 4, 5, 6}},
			}
		},
	} {
		for _, suffix := range []string{".index", ".timeindex"} {
			t.Run(name+" "+suffix, func(t *testing.T) {
				b := newBed(t, 1)
				b.fill(6)
				want, path := b.readAll(), b.file(suffix)
				before, _ := b.fs.ReadVisible(path)
				b.tamper(damage(b, path)...)
				b.load()
				b.replay(b.durable)
				require.Equal(t, want, b.readAll())
				ask := func() partition.Read { return b.log.OffsetForTimestamp(1205, 60) }
				found, err := b.search(ask(), ask)
				require.NoError(t, err)
				require.EqualValues(t, 25, found.Offset)
				require.NotEmpty(t, b.take(partition.Repaired))
				after, _ := b.fs.ReadVisible(path)
				require.Equal(t, before, after)
			})
		}
	}
}

func TestAFullDiskLeavesTheLogAsItWas(t *testing.T) {
	b := newBed(t, 1)
	b.fill(2)
	b.append(plain(1, 10))
	b.sync()
	want := b.readAll()
	b.fs.SetCapacity(b.fs.Used())
	b.log.Flush(partition.FlushOptions{})
	b.settle()
	require.ErrorIs(t, b.take(partition.Flushed)[0].Err, diskfs.ErrNoSpace)
	require.NoError(t, b.fatal)
	require.Equal(t, want, b.readAll())
	pinned, ok := b.log.Pinned()
	require.True(t, ok)
	require.EqualValues(t, len(b.wal), pinned.Seq)
	b.fs.SetCapacity(0)
	b.flush()
	require.Equal(t, want, b.readAll())
	b.crash(0)
	require.Equal(t, want, b.readAll())
}

func TestAFailedSyncOrRenameIsFatal(t *testing.T) {
	for _, kind := range []diskfs.Kind{diskfs.Sync, diskfs.SyncDir, diskfs.Rename} {
		b := newBed(t, 1)
		b.append(plain(1, 10))
		b.sync()
		b.fs.FailNext(virtual.KindsOf(kind), "", 1)
		b.log.Flush(partition.FlushOptions{})
		b.settle()
		require.ErrorIs(t, b.fatal, diskfs.ErrIO)
		require.Equal(t, partition.Failed, b.log.State())
		_, pinned := b.log.Pinned()
		require.True(t, pinned, "nothing may be released")
	}
}

func TestNothingIsOnDiskBeforeTheFirstFlush(t *testing.T) {
	b := newBed(t, 1)
	b.append(plain(1, 10))
	b.sync()
	b.settle()
	require.Len(t, b.fs.Snapshot(virtual.Visible), 1)
	b.crash(0)
	require.EqualValues(t, 10, b.log.End())
}

func TestAFlushIsDurableBeforeTheWALMayForget(t *testing.T) {
	for seed := range uint64(40) {
		for _, external := range []bool{false, true} {
			b := newBed(t, seed)
			b.append(plain(1, 10), plain(2, 10))
			b.sync()
			b.log.Flush(partition.FlushOptions{ExternalSync: external})
			for steps := 0; ; steps++ {
				if _, pinned := b.log.Pinned(); !pinned {
					break
				}
				require.True(t, b.sched.step())
			}
			b.crash(0) // replays nothing
			require.EqualValues(t, 20, b.log.End())
			require.Len(t, b.readAll(), 2)
		}
	}
}

func TestAFlushWaitsForAnExternalSync(t *testing.T) {
	b := newBed(t, 1)
	b.noSync = true
	b.append(plain(1, 10))
	b.sync()
	b.log.Flush(partition.FlushOptions{ExternalSync: true})
	b.settle()
	require.Empty(t, b.take(partition.Flushed))
	_, ok := b.fs.ReadVisible("parts/p/checkpoint")
	require.False(t, ok)
	b.took(b.log.Synced())
	b.settle()
	require.Empty(t, b.take(partition.Flushed))
	_, pinned := b.log.Pinned()
	require.True(t, pinned)
	b.took(b.log.Synced())
	b.settle()
	require.Len(t, b.take(partition.Flushed), 1)
	_, pinned = b.log.Pinned()
	require.False(t, pinned)
}

func TestOnlyDurableBatchesAreFlushedOrEvicted(t *testing.T) {
	b := newBed(t, 1)
	b.append(plain(1, 10))
	b.sync()
	b.append(plain(1, 10))
	require.EqualValues(t, 10, b.log.DurableEnd())
	b.log.Evict(0)
	require.EqualValues(t, b.log.TailBytes()/2, b.log.Buffered())
	require.Len(t, b.log.Candidate().Missing, 1)
	b.restore(b.log.Candidate().Missing)
	b.flushOnce()
	pinned, _ := b.log.Pinned()
	require.EqualValues(t, 2, pinned.Seq)
}

func TestNoFlushIsOfferedBeforeNotesAreDurable(t *testing.T) {
	b := newBed(t, 1)
	b.append(plain(1, 10))
	b.sync()
	b.begin(1)
	require.Equal(t, partition.FlushCandidate{}, b.log.Candidate())
	b.sync()
	require.Equal(t, partition.FlushCandidate{Bytes: b.log.TailBytes(), Notes: 1},
		b.log.Candidate())
}

func TestRestoreRefusesAnotherBatch(t *testing.T) {
	b := newBed(t, 1)
	b.append(plain(1, 10))
	b.sync()
	b.log.Evict(0)
	missing := b.log.Read(0, 1, 10).Missing
	require.Len(t, missing, 1)
	rotten := append(batch.Batch(nil), b.wal[0].batches[0]...)
	rotten[80] ^= 1
	require.False(t, b.log.Restore(missing[0].Ref, rotten))
	require.True(t, b.log.Restore(missing[0].Ref, b.wal[0].batches[0]))
	require.Len(t, b.log.Read(0, 1, 10).Batches, 1)
}

func TestRetentionDropsOldSegmentsWithTheNextFlush(t *testing.T) {
	b := newBed(t, 1)
	b.fill(20) // timestamps 1000, 1100, ...
	b.log.SetWatermark(b.log.End())
	total := b.log.Bytes()
	everything := partition.Retention{Bytes: -1, Ms: -1}
	start, why := b.log.RetentionStart(everything, 1<<40)
	require.EqualValues(t, 0, start)
	require.Equal(t, partition.NoCause, why)
	bySize, why := b.log.RetentionStart(partition.Retention{Bytes: total / 2, Ms: -1}, 0)
	require.Positive(t, bySize)
	require.Equal(t, partition.TooBig, why)
	byTime, why := b.log.RetentionStart(partition.Retention{Bytes: -1, Ms: 100}, 2200)
	require.Positive(t, byTime)
	require.Equal(t, partition.TooOld, why)
	require.LessOrEqual(t, byTime, kafka.Offset(110), "segments that reach past 2100 stay")
	all, _ := b.log.RetentionStart(partition.Retention{Bytes: -1, Ms: 100}, 1<<40)
	require.EqualValues(t, 200, all)

	b.start(bySize)
	_, err := b.read(bySize-1, 1, 200)
	require.ErrorIs(t, err, partition.ErrOutOfRange)
	b.flushOnce()
	require.GreaterOrEqual(t, b.log.Bytes(), total/2)
	require.Less(t, b.log.Bytes(), total)
	_, ok := b.fs.ReadVisible("parts/p/00000000000000000000.log")
	require.False(t, ok)
	b.crash(0)
	require.Equal(t, bySize, b.log.Start())
	require.EqualValues(t, bySize, batch.Batch(b.readAll()[0]).BaseOffset())
}

func TestTheWatermarkNeverMovesBack(t *testing.T) {
	b := newBed(t, 1)
	b.append(plain(1, 10), plain(1, 10))
	b.log.SetWatermark(20)
	b.log.SetWatermark(10)
	require.EqualValues(t, 20, b.log.Watermark())
	require.Panics(t, func() { b.log.SetWatermark(21) })
	require.Panics(t, func() { b.truncate(10) }, "below the watermark")
}

func TestACheckpointOfAnotherWALCoversNothing(t *testing.T) {
	b := newBed(t, 1)
	b.fill(3)
	want := b.readAll()
	require.True(t, b.log.Covered(3))
	b.life, b.wal, b.durable = 2, nil, 0 // a new WAL, from sequence 1
	b.load()
	require.False(t, b.log.Covered(1))
	require.True(t, b.log.EndReplay())
	b.append(plain(7, 10))
	require.EqualValues(t, 30, b.log.DurableEnd(),
		"the checkpoint counts in sequences of another WAL")
	b.flush()
	b.crash(0)
	require.Equal(t, append(want, b.readAll()[3]), b.readAll())
}

func TestAGapInTheWALIsReported(t *testing.T) {
	b := newBed(t, 1)
	b.append(plain(1, 10))
	b.append(plain(1, 10))
	b.log.SetWatermark(10)
	b.sync()
	b.load()
	require.ErrorIs(t, b.log.Replay(b.wal[1].batches[0], partition.Ref{Seq: 2}), partition.ErrGap)
	require.True(t, b.log.EndReplay(), "no checkpoint knew of a watermark")
}

func TestAWatermarkAboveTheRecoveredEndIsReported(t *testing.T) {
	b := newBed(t, 1)
	b.append(plain(1, 10))
	b.sync()
	b.append(plain(1, 10))
	b.log.SetWatermark(20)
	b.flushOnce()
	b.load() // and the WAL has lost everything
	require.False(t, b.log.EndReplay())
	require.EqualValues(t, 10, b.log.Watermark())
}

func TestDeleteRemovesEverythingDurably(t *testing.T) {
	b := newBed(t, 1)
	b.fill(2)
	b.append(plain(1, 10))
	b.sync()
	b.log.Flush(partition.FlushOptions{})
	b.sched.step()
	b.log.Delete()
	b.settle()
	require.NoError(t, b.take(partition.Removed)[0].Err)
	require.Equal(t, partition.Deleted, b.log.State())
	b.fs.Crash()
	require.Len(t, b.fs.Snapshot(virtual.Durable), 1)
}

func TestDeleteEndsAFlushThatHasNotBegun(t *testing.T) {
	b := newBed(t, 1)
	b.fill(2)
	b.begin(1) // not durable: no checkpoint may be written, and the flush waits
	b.log.Flush(partition.FlushOptions{})
	b.settle()
	require.Empty(t, b.take(partition.Flushed))
	b.log.Delete()
	b.settle()
	require.ErrorIs(t, b.take(partition.Flushed)[0].Err, partition.ErrOvertaken)
	require.NoError(t, b.take(partition.Removed)[0].Err)
}

func TestResetBeginsAnEmptyLogElsewhere(t *testing.T) {
	b := newBed(t, 1)
	b.begin(1)
	b.fill(3)
	b.reset(500)
	require.EqualValues(t, 500, b.log.Start())
	b.epoch = 2
	b.append(plain(1, 10))
	b.flush()
	for range 2 {
		require.EqualValues(t, 500, b.log.Start())
		require.EqualValues(t, 510, b.log.End())
		require.Len(t, b.readAll(), 1)
		_, ok := b.fs.ReadVisible("parts/p/00000000000000000000.log")
		require.False(t, ok)
		b.crash(0)
	}
}

func TestAnIdleLogIsSmallAndHoldsNoHandles(t *testing.T) {
	require.Less(t, unsafe.Sizeof(partition.Log{}), uintptr(700))
	b := newBed(t, 1)
	b.fill(20)
	b.readAll()
	ask := func() partition.Read { return b.log.MaxTimestamp(200) }
	_, err := b.search(ask(), ask)
	require.NoError(t, err)
	b.truncate(50)
	b.sync()
	b.settle()
	require.Positive(t, b.opened)
	require.Zero(t, b.opened-b.closed)
	require.False(t, b.log.Busy())
	require.Zero(t, b.log.Buffered())
}
