package wal

import (
	"bytes"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
)

func smallConfig(inFlight int) Config {
	return Config{
		Dir: "wal", SegmentBytes: 32 << 10, GroupBytes: 12 << 10, InFlight: inFlight,
		BudgetBytes: 256 << 10, ReadBytes: 8 << 10, MarkDelay: 5 * time.Millisecond,
	}
}

// world is a log on a fake disk, with a naive model of the records that it must hold.
type world struct {
	t    require.TestingT
	cfg  Config
	disk *fakeDisk
	rand *env.Rand
	proc *process
	log  *Log
	now  env.Instant

	records  map[Seq]modelRecord // owner's records that may exist
	binds    map[Seq]modelBind
	durable  Seq
	released Seq
	lost     map[Seq]bool // sequences that an earlier recovery reported missing
}

type modelRecord struct {
	typ     uint8
	handle  uint32
	payload []byte
	at      Position
}

type modelBind struct {
	handle uint32
	id     ID
	undo   bool
}

func newWorld(t require.TestingT, cfg Config, seed uint64) *world {
	w := &world{
		t: t, cfg: cfg, disk: newFakeDisk(), rand: env.NewRand(seed, 7),
		records: map[Seq]modelRecord{}, binds: map[Seq]modelBind{}, lost: map[Seq]bool{},
	}
	w.start()
	return w
}

// start begins the next incarnation and its recovery.
func (w *world) start() {
	w.proc = w.disk.start()
	w.log = New(w.cfg, w.proc, w.rand)
	w.log.Recover()
}

// pull takes the records that are recovered so far.
func (w *world) pull() (got []Record) {
	for {
		rec, ok := w.log.NextRecovered()
		if !ok {
			return got
		}
		rec.Payload = bytes.Clone(rec.Payload)
		got = append(got, rec)
	}
}

// finish ends a recovery. It checks nothing more.
func (w *world) finish() (got []Record) {
	for w.log.Phase() == Recovering {
		got = append(got, w.pull()...)
		if w.log.Phase() == Recovering {
			require.NotEmpty(w.t, w.proc.flight, "recovery waits for nothing")
			w.step()
		}
	}
	require.Equal(w.t, Ready, w.log.Phase())
	return got
}

// step completes one operation: any of those that may end.
func (w *world) step() {
	i := w.rand.IntN(len(w.proc.flight))
	for !w.proc.ready(i) {
		i--
	}
	require.NoError(w.t, w.log.Completed(w.proc.complete(i)))
	w.durable = max(w.durable, w.log.Durable())
}

func (w *world) append(n int) Seq {
	payload := make([]byte, n)
	w.rand.Fill(payload)
	cut := w.rand.IntN(n + 1)
	typ, handle := uint8(1+w.rand.IntN(int(MaxType))), uint32(w.rand.IntN(5))
	seq, at := w.log.Append(typ, handle, payload[:cut], payload[cut:])
	w.records[seq] = modelRecord{typ, handle, payload, at}
	return seq
}

func (w *world) bind() {
	var id ID
	w.rand.Fill(id[:])
	handle := w.log.Bind(id)
	w.binds[w.log.Next()-1] = modelBind{handle: handle, id: id}
}

func (w *world) endTurn() {
	w.log.EndTurn(w.now)
	w.durable = max(w.durable, w.log.Durable())
}

// settle runs until nothing is in flight and the mark is written.
func (w *world) settle() {
	for {
		w.endTurn()
		switch {
		case len(w.proc.flight) > 0:
			w.step()
		case w.log.NextTimer() != env.Never:
			w.now = max(w.now, w.log.NextTimer())
		default:
			return
		}
	}
}

func (w *world) crash(power bool) {
	w.proc.crash(w.rand, power)
}

// recover runs a whole recovery and compares it with the model.
func (w *world) recover() Recovery {
	got := w.finish()
	report := w.log.Recovery()
	missing := w.judgeDamage(report)
	require.GreaterOrEqual(w.t, report.LastSeq, w.durable)
	require.LessOrEqual(w.t, report.FirstSeq, w.released+1)
	require.Equal(w.t, report.LastSeq, w.log.Durable())

	w.compare(got, report, missing)
	for s := range w.records {
		if s > report.LastSeq {
			delete(w.records, s)
		}
	}
	for s := range w.binds {
		if s > report.LastSeq {
			delete(w.binds, s)
		}
	}
	w.durable = report.LastSeq
	w.compareBindings()
	return report
}

// judgeDamage compares the report with what an honest crash may do. A crash may cost a group that
// was not durable, if a later one was in flight with it.
func (w *world) judgeDamage(report Recovery) map[Seq]bool {
	missing := map[Seq]bool{}
	for _, d := range report.Damage {
		for s := d.First; s <= d.Last; s++ {
			missing[s] = true
			if !w.lost[s] {
				require.Greater(w.t, s, w.durable,
					"a durable record is reported damaged: %+v", report)
			}
			w.lost[s] = true
		}
		require.Equal(w.t, BeforeValid, d.Reason, "damage %v", d)
	}
	if w.cfg.InFlight == 1 {
		require.Empty(w.t, report.Damage, "an honest crash is no damage")
	}
	return missing
}

// compare compares the delivered records with the model: each is equal, they are in order, and none
// is left out.
func (w *world) compare(got []Record, report Recovery, missing map[Seq]bool) {
	var last Seq
	delivered := map[Seq]bool{}
	for _, rec := range got {
		require.Greater(w.t, rec.Seq, last, "order")
		last = rec.Seq
		want, ok := w.records[rec.Seq]
		require.True(w.t, ok, "record %d was never appended", rec.Seq)
		require.Equal(w.t, want.typ, rec.Type)
		require.Equal(w.t, want.handle, rec.Handle)
		require.Equal(w.t, want.at, rec.At)
		require.True(w.t, bytes.Equal(want.payload, rec.Payload), "bytes of record %d", rec.Seq)
		delivered[rec.Seq] = true
	}
	for s := range w.records {
		if s >= report.FirstSeq && s <= report.LastSeq && !missing[s] {
			require.True(w.t, delivered[s], "record %d of %d..%d is gone, durable was %d",
				s, report.FirstSeq, report.LastSeq, w.durable)
		}
	}
}

func (w *world) compareBindings() {
	want := map[uint32]ID{}
	for s := Seq(1); s <= w.durable; s++ {
		b, ok := w.binds[s]
		if w.lost[s] {
			return // the next header may bring back a binding that was lost
		}
		switch {
		case ok && b.undo:
			delete(want, b.handle)
		case ok:
			want[b.handle] = b.id
		}
	}
	got := map[uint32]ID{}
	w.log.Bindings(func(handle uint32, id ID) bool { got[handle] = id; return true })
	require.Equal(w.t, want, got)
}

// read re-reads a payload through the log.
func (w *world) read(at Position, n int) []byte {
	buf := make([]byte, n)
	w.log.Pin(at.Segment)
	op := w.log.ReadOp(at, buf)
	require.Equal(w.t, diskfs.Read, op.Kind)
	var c diskfs.Completion
	w.proc.execute(op, &c)
	require.Equal(w.t, n, c.N)
	w.log.Unpin(at.Segment)
	return buf
}
