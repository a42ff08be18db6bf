package wal

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
)

// quiet returns a log of n groups with one record of size bytes each. All of them are durable, and
// the mark is written.
func quiet(t *testing.T, cfg Config, n, size int) *world {
	w := newWorld(t, cfg, 1)
	w.recover()
	for range n {
		w.append(size)
		w.endTurn()
		for len(w.proc.flight) > 0 {
			w.step()
			w.endTurn()
		}
	}
	w.settle()
	return w
}

// file is the visible content of a segment.
func (w *world) file(number uint64) *fakeFile { return w.disk.names["wal/"+segmentName(number)] }

// reopen recovers and compares the records with the model, but judges no damage.
func (w *world) reopen() Recovery {
	w.start()
	got := w.finish()
	report := w.log.Recovery()
	missing := map[Seq]bool{}
	for _, d := range report.Damage {
		for s := d.First; s <= d.Last; s++ {
			missing[s] = true
		}
	}
	w.compare(got, report, missing)
	return report
}

func TestTornTailEndsTheLog(t *testing.T) {
	const group = 3 * sectorBytes
	for lost := range 3 {
		for _, how := range []string{"zero", "half", "noise"} {
			t.Run(fmt.Sprintf("%s sector %d", how, lost), func(t *testing.T) {
				cfg := smallConfig(1)
				w := newWorld(t, cfg, 1)
				w.recover()
				w.append(100)
				w.settle()
				durable := w.log.Durable()
				for range 4 { // several records, so that some of the group is whole
					w.append(group/4 - recordHeaderBytes)
				}
				w.endTurn()
				f := w.file(1)
				for len(w.proc.flight) > 0 {
					w.step()
				}
				at := w.records[durable+1].at.Offset - recordHeaderBytes
				sector := f.data[at+int64(lost)*sectorBytes:][:sectorBytes]
				switch how {
				case "zero":
					clear(sector)
				case "half":
					clear(sector[:sectorBytes/2])
				case "noise":
					w.rand.Fill(sector)
				}
				report := w.reopen()
				require.Empty(t, report.Damage)
				require.GreaterOrEqual(t, report.LastSeq, durable)
				require.Less(t, report.LastSeq, durable+4)
				if lost > 0 {
					require.True(t, report.Torn)
				}

				// The next incarnation writes the same sequences again. Records behind the tear
				// must not come back.
				for s := range w.records {
					if s > report.LastSeq {
						delete(w.records, s)
					}
				}
				w.append(77)
				w.settle()
				again := w.reopen()
				require.Empty(t, again.Damage)
				require.False(t, again.Torn)
				require.Equal(t, report.LastSeq+2, again.LastSeq, "the new record and its mark")
			})
		}
	}
}

// A whole group behind the end that a later segment states does not come back, even if its bytes
// become readable.
func TestGroupsBehindTheStatedEndStayAway(t *testing.T) {
	w := quiet(t, smallConfig(1), 3, 100)
	last := w.log.Durable()
	f := w.file(1)
	w.append(500)
	w.endTurn()
	held := w.records[last+1]
	for len(w.proc.flight) > 0 {
		w.step()
	}
	sector := f.data[held.at.Offset-recordHeaderBytes:][:sectorBytes]
	saved := append([]byte(nil), sector...)
	clear(sector)
	delete(w.records, last+1)
	require.Equal(t, last, w.reopen().LastSeq)
	w.append(501)
	w.settle()
	copy(sector, saved)
	report := w.reopen()
	require.Empty(t, report.Damage)
	require.Equal(t, last+2, report.LastSeq)
}

func TestDamageIsToldFromATornTail(t *testing.T) {
	cases := []struct {
		name string
		harm func(w *world, rec modelRecord, sector []byte)
		attr bool
	}{
		{"lost sector", func(_ *world, _ modelRecord, sector []byte) { clear(sector) }, false},
		{"noise", func(w *world, _ modelRecord, sector []byte) { w.rand.Fill(sector) }, false},
		{"misdirected write", func(w *world, _ modelRecord, sector []byte) {
			other := w.records[2].at
			copy(sector, w.file(other.Segment).data[other.Offset-recordHeaderBytes:][:sectorBytes])
		}, false},
		{"payload bit", func(_ *world, _ modelRecord, sector []byte) {
			sector[recordHeaderBytes+5] ^= 4
		}, true},
		{"header bit", func(_ *world, _ modelRecord, sector []byte) { sector[33] ^= 4 }, false},
	}
	for _, c := range cases {
		for _, victim := range []Seq{1, 6, 7, 13, 20} {
			t.Run(fmt.Sprintf("%s of %d", c.name, victim), func(t *testing.T) {
				w := quiet(t, smallConfig(1), 20, 2000)
				rec := w.records[victim]
				f := w.file(rec.at.Segment)
				at := rec.at.Offset - recordHeaderBytes
				c.harm(w, rec, f.data[at:][:sectorBytes])
				report := w.reopen()
				require.Len(t, report.Damage, 1)
				d := report.Damage[0]
				require.Equal(t, [2]Seq{victim, victim}, [2]Seq{d.First, d.Last})
				require.Equal(t, BelowDurable, d.Reason)
				require.Equal(t, c.attr, d.Attributed)
				require.Equal(t, rec.at.Segment, d.At.Segment)
				require.Equal(t, w.durable, report.LastSeq)
				require.False(t, report.Torn)
			})
		}
	}
}

// A group that the disk wrote to the wrong place is not accepted there: the positions of its
// records would be wrong.
func TestGroupAtAnotherPlaceIsNoGroup(t *testing.T) {
	w := quiet(t, smallConfig(1), 3, 100)
	last := w.append(100)
	w.endTurn()
	w.step()
	at := w.records[last].at.Offset - recordHeaderBytes
	data := w.file(1).data
	copy(data[at+sectorBytes:], data[at:at+sectorBytes])
	clear(data[at : at+sectorBytes])
	require.Equal(t, last-1, w.reopen().LastSeq)
}

func TestDamagedHeaderIsReportedAndItsGroupsAreKept(t *testing.T) {
	for _, number := range []int{1, 2, 3} { // first, middle, newest
		for _, part := range []int{3, segmentFixedBytes + 2} { // fixed part, bindings
			t.Run(fmt.Sprintf("segment %d byte %d", number, part), func(t *testing.T) {
				w := newWorld(t, smallConfig(1), 1)
				w.recover()
				w.bind()
				w.settle()
				for range 5 {
					w.append(4500)
					w.settle()
				}
				require.Len(t, w.log.segments, 3)
				if part > segmentFixedBytes && number == 1 {
					t.Skip("the first header has no bindings")
				}
				segment := w.log.segments[number-1].file.number
				w.file(segment).data[part] ^= 1
				report := w.reopen()
				require.NotEmpty(t, report.Damage)
				require.Equal(t, HeaderLost, report.Damage[0].Reason)
				require.Len(t, report.Damage, 1)
				require.Equal(t, w.durable, report.LastSeq)
				_, bound := w.log.Bound(1)
				require.True(t, bound)
			})
		}
	}
}

func TestUnreadableSector(t *testing.T) {
	unreadable := func(w *world, at Position) {
		w.disk.fail = func(op diskfs.Op) error {
			f := w.proc.handles[op.Handle]
			if op.Kind == diskfs.Read && f == w.file(at.Segment) && op.Offset <= at.Offset &&
				at.Offset < op.Offset+int64(len(op.Data)) {
				return diskfs.ErrIO
			}
			return nil
		}
	}
	t.Run("below durable", func(t *testing.T) {
		w := quiet(t, smallConfig(1), 9, 2000)
		unreadable(w, w.records[3].at)
		report := w.reopen()
		require.Len(t, report.Damage, 1)
		require.True(t, report.Unread)
		require.Equal(t, BelowDurable, report.Damage[0].Reason)
		require.Equal(t, Seq(3), report.Damage[0].First)
		require.Equal(t, Seq(3), report.Damage[0].Last)
	})
	t.Run("at the end", func(t *testing.T) {
		w := quiet(t, smallConfig(1), 3, 100)
		unreadable(w, Position{1, w.log.segments[0].end})
		report := w.reopen()
		require.Len(t, report.Damage, 1)
		require.Equal(t, Unreadable, report.Damage[0].Reason)
		require.Equal(t, w.durable+1, report.Damage[0].First)
	})
	t.Run("a header", func(t *testing.T) {
		w := quiet(t, smallConfig(1), 3, 100)
		unreadable(w, Position{1, 0})
		report := w.reopen()
		require.Len(t, report.Damage, 1)
		require.True(t, report.Unread)
		w.disk.fail = nil
		report = w.reopen()
		require.Empty(t, report.Damage, "the next recovery can read everything")
		require.False(t, report.Unread)
	})
}

// Every recovery reports damage until its segment is recycled, also if nothing of an earlier
// incarnation lies behind it. The sector may be readable by then. The incarnation in between has
// used later sequences, so the sector's records do not belong to the log.
func TestDamageAtTheEndIsReportedByEveryRecovery(t *testing.T) {
	for _, owed := range []Seq{0, 5} { // sequences after it that a checkpoint covers
		for _, unread := range []int{1, 2} { // recoveries that meet the bad sector
			w := quiet(t, smallConfig(1), 3, 100)
			last, bad := w.log.Durable(), w.log.segments[0].end
			w.append(500) // lost; its bytes are there when the sector can be read
			w.endTurn()
			for len(w.proc.flight) > 0 {
				w.step()
			}
			delete(w.records, last+1)
			w.disk.fail = func(op diskfs.Op) error {
				if op.Kind == diskfs.Read && w.proc.handles[op.Handle] == w.file(1) &&
					op.Offset <= bad && bad < op.Offset+int64(len(op.Data)) {
					return diskfs.ErrIO
				}
				return nil
			}
			for incarnation := 1; incarnation <= 4; incarnation++ {
				w.proc = w.disk.start()
				w.log = New(w.cfg, w.proc, w.rand)
				if owed > 0 {
					w.log.Expect(last + owed)
				}
				w.log.Recover()
				got, report := w.finish(), w.log.Recovery()
				missing := map[Seq]bool{}
				for _, d := range report.Damage {
					for s := d.First; s <= d.Last; s++ {
						missing[s] = true
					}
				}
				w.compare(got, report, missing)
				require.True(t, missing[last+1], "incarnation %d: %+v", incarnation, report)
				require.Len(t, missing, int(max(1, owed)), "incarnation %d", incarnation)
				if incarnation == unread {
					w.disk.fail = nil
				}
				w.append(77)
				w.settle()
			}
		}
	}
}

// It does not matter which headers cannot be read: another recovery finds everything. The chain
// that was guessed without them must not decide which files are removed. This holds if the owner
// stopped, and if it continued.
func TestUnreadableFilesAreKeptForTheNextRecovery(t *testing.T) {
	const segments = 5
	for unread := 1; unread < 1<<segments; unread++ {
		for _, goesOn := range []bool{false, true} {
			w := newWorld(t, smallConfig(1), uint64(unread))
			w.recover()
			for len(w.log.segments) < segments || !w.log.idle() {
				w.append(4500)
				w.settle()
			}
			var hit []*fakeFile
			for i, s := range w.log.segments {
				if unread>>i&1 != 0 {
					hit = append(hit, w.file(s.file.number))
				}
			}
			w.disk.fail = func(op diskfs.Op) error {
				if op.Kind == diskfs.Read && op.Offset == 0 &&
					slices.Contains(hit, w.proc.handles[op.Handle]) {
					return diskfs.ErrIO
				}
				return nil
			}
			require.True(t, w.reopen().Doubtful(), "segments %b", unread)
			w.disk.fail = nil
			if goesOn {
				w.append(100)
				w.settle()
			}
			for len(w.proc.flight) > 0 {
				w.step()
			}
			report := w.reopen()
			require.Empty(t, report.Damage, "segments %b", unread)
			require.Equal(t, Seq(1), report.FirstSeq, "segments %b", unread)
			require.Equal(t, w.durable, report.LastSeq, "segments %b", unread)
			w.settle()
			require.Less(t, len(w.disk.names), segments+5,
				"files outside of the log are gone: root, directory, two incarnations' segments, "+
					"a spare")
		}
	}
}

func TestAnUnreadableSegmentIsKept(t *testing.T) {
	w := quiet(t, smallConfig(1), 9, 2000)
	newest := w.file(w.log.segments[len(w.log.segments)-1].file.number)
	w.disk.fail = func(op diskfs.Op) error {
		if op.Kind == diskfs.Read && w.proc.handles[op.Handle] == newest {
			return diskfs.ErrIO
		}
		return nil
	}
	require.True(t, w.reopen().Doubtful())
	w.disk.fail = nil
	for len(w.proc.flight) > 0 {
		w.step()
	}
	report := w.reopen()
	require.Empty(t, report.Damage)
	require.Equal(t, w.durable, report.LastSeq)
}

func TestRecycledBytesAreNotRecords(t *testing.T) {
	w := newWorld(t, smallConfig(1), 1)
	w.recover()
	for range 60 {
		w.append(3000)
		w.settle()
		w.released = w.log.Durable()
		w.log.Release(w.released)
	}
	w.append(10)
	w.settle()
	require.LessOrEqual(t, len(w.disk.names), 6, "files are recycled, not added")
	report := w.recover2()
	require.Equal(t, w.durable, report.LastSeq)
	require.Empty(t, report.Damage)
}

// Old bytes may hold sequences that were used again after a torn tail, exactly where the log ends.
// Only the id and the number tell them from new records.
func TestRecordsOfAnotherSegmentAreNotRecords(t *testing.T) {
	for _, c := range []struct {
		name       string
		id, number uint64 // added to the right ones
		accepted   bool
	}{{"own", 0, 0, true}, {"other id", 1, 0, false}, {"other number", 0, 1, false}} {
		t.Run(c.name, func(t *testing.T) {
			w := quiet(t, smallConfig(1), 3, 100)
			s := w.log.segments[0]
			last := w.log.Durable()
			h := recordHeader{
				id: s.id + c.id, number: s.file.number + c.number, offset: s.end,
				seq: last + 1, durable: last, typ: typeMark,
			}
			h.put(w.file(1).data[s.end:])
			report := w.reopen()
			require.Empty(t, report.Damage)
			require.Equal(t, c.accepted, report.LastSeq == last+1)
		})
	}
}

// Until the header of the next segment is durable, only the released segment shows how far the
// sequences have come.
func TestSequencesDoNotGoBackWhenEverythingIsReleased(t *testing.T) {
	w := quiet(t, smallConfig(1), 3, 100)
	w.recover2()
	w.released = w.log.Durable()
	w.log.Release(w.released)
	w.append(100) // plans the next segment; its file is not made yet
	w.endTurn()
	w.log.Release(w.released)
	for i := 0; i < len(w.proc.flight); { // all but the write of the header, which is lost
		if w.proc.flight[i].op.Kind == diskfs.WriteSync {
			i++
			continue
		}
		require.NoError(t, w.log.Completed(w.proc.complete(i)))
		w.endTurn()
	}
	w.proc.flight = nil
	w.crash(false)
	require.Equal(t, w.released, w.recover2().LastSeq)
}

func (w *world) recover2() Recovery {
	w.start()
	return w.recover()
}

// Restarts that append nothing leave the directory as it was.
func TestIdleRestartsAddNoSegments(t *testing.T) {
	w := quiet(t, smallConfig(2), 3, 100)
	for range 5 {
		w.recover2()
		w.settle()
		require.Equal(t, int64(32<<10), w.log.Used())
	}
	require.LessOrEqual(t, len(w.disk.names), 4, "root, directory, the segment, a spare")
}

// The reads and the longest record bound the memory of a recovery. The length of the log does not
// matter.
func TestRecoveryMemoryIsBounded(t *testing.T) {
	cfg := smallConfig(2)
	const longest = 20 << 10
	w := newWorld(t, cfg, 1)
	w.recover()
	for i := range 300 {
		w.append(1 + i*67%longest)
		w.endTurn()
		for len(w.proc.flight) > 0 {
			w.step()
		}
	}
	w.settle()
	require.Greater(t, w.disk.used(), int64(2<<20))
	w.start()
	peak := 0
	for w.log.Phase() == Recovering {
		for {
			_, ok := w.log.NextRecovered()
			peak = max(peak, cap(w.log.recovery.scan.buf)+cap(w.log.recovery.scan.chunk))
			if !ok {
				break
			}
		}
		require.LessOrEqual(t, len(w.proc.flight), 1+2*len(w.disk.names))
		if w.log.Phase() == Recovering {
			w.step()
		}
	}
	require.LessOrEqual(t, peak, 2*(longest+2*cfg.ReadBytes))
}

// A process that was killed leaves records in the page cache only. They are
// delivered, so they must survive the power loss that follows.
func TestRecoveredRecordsAreDurable(t *testing.T) {
	w := quiet(t, smallConfig(1), 2, 100)
	last := w.log.Durable()
	w.append(100)
	w.endTurn()
	for i, f := range w.proc.flight { // the write reached the cache, not the disk
		if f.op.Kind == diskfs.WriteSync {
			copy(w.file(1).data[f.op.Offset:], f.op.Data)
			w.proc.flight = append(w.proc.flight[:i], w.proc.flight[i+1:]...)
			break
		}
	}
	report := w.recover2()
	require.Equal(t, last+1, report.LastSeq)
	w.disk.start().crash(env.NewRand(3, 3), true)
	require.Equal(t, last+1, w.recover2().LastSeq)
}

func TestOpenFailureOfRecoveryStopsTheNode(t *testing.T) {
	w := quiet(t, smallConfig(1), 2, 100)
	w.disk.fail = func(op diskfs.Op) error {
		if op.Kind == diskfs.Sync {
			return diskfs.ErrIO
		}
		return nil
	}
	w.start()
	var err error
	for err == nil {
		err = w.log.Completed(w.proc.complete(0))
	}
	require.ErrorContains(t, err, "wal: recover wal: sync segment")
	require.Equal(t, Failed, w.log.Phase())
	_, ok := w.log.NextRecovered()
	require.False(t, ok)
}

// The end of a log is gone, and nothing behind it shows that. The owner knows how far the log was
// durable, so the log is damaged, and no sequence is used a second time.
func TestALostEndIsDamageIfTheOwnerKnowsOfIt(t *testing.T) {
	for _, beyond := range []Seq{0, 1, 500} {
		w := quiet(t, smallConfig(1), 3, 100)
		last := w.log.Durable()
		w.proc = w.disk.start()
		w.log = New(w.cfg, w.proc, w.rand)
		w.log.Expect(last + beyond)
		w.log.Recover()
		w.finish()
		got := w.log.Recovery()
		require.Equal(t, last+beyond, got.LastSeq)
		require.Equal(t, last+beyond+1, w.log.Next())
		if beyond == 0 {
			require.Empty(t, got.Damage)
			continue
		}
		require.Len(t, got.Damage, 1)
		require.Equal(t, EndLost, got.Damage[0].Reason)
		require.Equal(t, "end lost", got.Damage[0].Reason.String())
		require.Equal(t, last+1, got.Damage[0].First)
		require.Equal(t, last+beyond, got.Damage[0].Last)
	}
}
