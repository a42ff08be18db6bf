package wal

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/env"
)

// Records are appended, completed and crashed in any order. Recovery gives back every durable
// record, and no record that was never appended.
func TestCrashesKeepEveryDurableRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inFlight := rapid.IntRange(1, 3).Draw(t, "in flight")
		w := newWorld(t, smallConfig(inFlight), rapid.Uint64().Draw(t, "seed"))
		w.recover()
		incarnations := rapid.IntRange(1, 4).Draw(t, "incarnations")
		for range incarnations {
			w.runIncarnation(t)
			w.crash(rapid.Bool().Draw(t, "power"))
			w.start()
			// Some recoveries are interrupted.
			for range rapid.IntRange(0, 2).Draw(t, "cut recoveries") {
				for n := rapid.IntRange(0, 40).Draw(t, "steps"); n > 0 && len(w.proc.flight) > 0 &&
					w.log.Phase() != Ready; n-- {
					w.step()
					w.pull()
				}
				if w.log.Phase() == Ready {
					break
				}
				w.crash(rapid.Bool().Draw(t, "power"))
				w.start()
			}
			if w.log.Phase() == Ready { // nothing has checked what it delivered: recover again
				w.judgeDamage(w.log.Recovery())
				w.crash(rapid.Bool().Draw(t, "power"))
				w.start()
			}
			w.recover()
		}
		w.append(10)
		w.settle()
		require.Equal(t, w.log.Next()-1, w.log.Durable())
		for s, rec := range w.records {
			if s > w.released && !w.lost[s] && w.log.segment(rec.at.Segment) != nil {
				require.Equal(t, rec.payload, w.read(rec.at, len(rec.payload)))
			}
		}
	})
}

// runIncarnation draws the operations of one incarnation.
func (w *world) runIncarnation(t *rapid.T) {
	for n := rapid.IntRange(0, 60).Draw(t, "ops"); n > 0; n-- {
		switch k := rapid.IntRange(0, 19).Draw(t, "op"); {
		case k < 5:
			w.append(w.rand.IntN(3000))
		case k == 5:
			w.append(w.rand.IntN(20 << 10))
		case k == 6:
			w.append(w.rand.IntN(60 << 10)) // may be longer than a segment
		case k == 7:
			w.bind()
		case k == 8:
			w.unbindOne()
		case k < 12:
			w.now += env.Instant(w.rand.IntN(6_000_000))
			w.endTurn()
		case k < 18:
			for range 1 + w.rand.IntN(8) {
				if len(w.proc.flight) > 0 {
					w.step()
				}
			}
			w.endTurn()
		default:
			w.released = max(w.released, Seq(w.rand.Uint64N(uint64(w.log.Durable())+1)))
			w.log.Release(w.released)
		}
	}
}

func (w *world) unbindOne() {
	var handles []uint32
	w.log.Bindings(func(handle uint32, _ ID) bool {
		handles = append(handles, handle)
		return true
	})
	if len(handles) > 0 {
		h := handles[w.rand.IntN(len(handles))]
		w.log.Unbind(h)
		w.binds[w.log.Next()-1] = modelBind{handle: h, undo: true}
	}
}

// A flipped bit in any record that a later group proves durable is damage. The damage names the
// record, and hides no other.
func TestFlippedBitBelowDurableIsDamage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, smallConfig(rapid.IntRange(1, 2).Draw(t, "in flight")),
			rapid.Uint64().Draw(t, "seed"))
		w.recover()
		for range 10 + w.rand.IntN(40) {
			w.append(w.rand.IntN(5000))
			if w.rand.Chance(1, 2) {
				w.endTurn()
			}
			for range w.rand.IntN(4) {
				if len(w.proc.flight) > 0 {
					w.step()
				}
			}
		}
		w.settle()
		var seqs []Seq
		for s := range w.records {
			seqs = append(seqs, s)
		}
		slices.Sort(seqs)
		victim := seqs[w.rand.IntN(len(seqs))]
		rec := w.records[victim]
		f := w.disk.names["wal/"+segmentName(rec.at.Segment)]
		at := int(rec.at.Offset) - recordHeaderBytes +
			w.rand.IntN(recordHeaderBytes+len(rec.payload))
		f.data[at] ^= 1 << w.rand.IntN(8)

		w.start()
		got := w.finish()
		report := w.log.Recovery()
		require.Len(t, report.Damage, 1)
		d := report.Damage[0]
		require.False(t, report.Torn)
		require.LessOrEqual(t, d.First, victim)
		require.GreaterOrEqual(t, d.Last, victim)
		require.Equal(t, BelowDurable, d.Reason)
		if at >= int(rec.at.Offset) {
			require.Equal(t, []uint32{rec.handle}, d.Handles)
			require.True(t, d.Attributed)
			require.Equal(t, d.First, d.Last)
		} else {
			require.False(t, d.Attributed)
		}
		missing := map[Seq]bool{}
		for s := d.First; s <= d.Last; s++ {
			missing[s] = true
		}
		require.Equal(t, w.durable, report.LastSeq)
		w.compare(got, report, missing)
	})
}
