package partition_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/virtual"
)

// The naive model applies the WAL's records one by one: it is a slice of batches and a slice of
// epochs.
type model struct {
	start, end kafka.Offset
	starts     []record      // that may not be durable
	batches    []batch.Batch // also those below start: producers remember them
	epochs     []partition.EpochStart
}

func fold(wal []record) (m model) {
	for _, r := range wal {
		m.apply(r)
	}
	return m
}

func (m *model) apply(r record) {
	for _, b := range r.batches {
		m.batches = append(m.batches, b)
		m.beginEpoch(b.LeaderEpoch())
		m.end = b.NextOffset()
	}
	switch {
	case r.epoch >= 0:
		m.beginEpoch(r.epoch)
	case r.cut >= 0:
		m.batches = slices.DeleteFunc(slices.Clone(m.batches), func(b batch.Batch) bool {
			return b.LastOffset() >= r.cut
		})
		m.epochs = slices.DeleteFunc(slices.Clone(m.epochs), func(e partition.EpochStart) bool {
			return e.Start >= r.cut
		})
		m.end = r.cut
	case r.reset >= 0:
		*m = model{start: r.reset, end: r.reset, epochs: []partition.EpochStart{
			{Epoch: r.beginning.Before.Epoch, Start: r.beginning.Before.Start}}}
	case r.start >= 0:
		m.starts = append(m.starts, r)
	}
}

// sync moves the log start to what is durable.
func (m *model) sync(durable uint64) {
	for len(m.starts) > 0 && m.starts[0].seq <= durable {
		m.start = max(m.start, m.starts[0].start)
		m.starts = m.starts[1:]
	}
}

func (m *model) beginEpoch(epoch kafka.LeaderEpoch) {
	m.epochs = slices.DeleteFunc(slices.Clone(m.epochs), func(e partition.EpochStart) bool {
		return e.Start >= m.end
	})
	if n := len(m.epochs); n == 0 || m.epochs[n-1].Epoch < epoch {
		m.epochs = append(m.epochs, partition.EpochStart{Epoch: epoch, Start: m.end})
	}
}

// endOf is EndOffsetFor, straight from the definition.
func (m *model) endOf(epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset) {
	best := partition.NoEpoch
	for i, e := range m.epochs {
		if e.Epoch <= epoch && (i+1 == len(m.epochs) || m.epochs[i+1].Start >= m.start) {
			best = e.Epoch
		}
	}
	if best == partition.NoEpoch {
		return best, m.start
	}
	end := m.end
	for _, e := range m.epochs {
		if e.Epoch > best {
			end = min(end, e.Start)
		}
	}
	return best, end
}

// verdict judges a batch by looking at the whole log.
func (m *model) verdict(b batch.Batch) partition.VerdictKind {
	var mine []batch.Batch
	for _, old := range m.batches {
		if old.ProducerID() == b.ProducerID() {
			mine = append(mine, old)
		}
	}
	if b.ProducerID() < 0 || len(mine) == 0 {
		return partition.Accept
	}
	last := mine[len(mine)-1]
	if b.ProducerEpoch() < last.ProducerEpoch() {
		return partition.InvalidProducerEpoch
	}
	if b.ProducerEpoch() > last.ProducerEpoch() {
		if b.BaseSequence() == 0 {
			return partition.Accept
		}
		return partition.OutOfOrderSequence
	}
	window := 0
	for i := len(mine) - 1; i >= 0 && window < 5 &&
		mine[i].ProducerEpoch() == b.ProducerEpoch(); i-- {
		if mine[i].BaseSequence() == b.BaseSequence() &&
			mine[i].LastSequence() == b.LastSequence() {
			return partition.Duplicate
		}
		window++
	}
	if int64(b.BaseSequence()) == int64(last.LastSequence())+1 {
		return partition.Accept
	}
	return partition.OutOfOrderSequence
}

// from returns what a read at an offset may return.
func (m *model) from(offset, below kafka.Offset, maxBytes int) (out [][]byte) {
	total := 0
	for _, b := range m.batches {
		if b.LastOffset() < offset {
			continue
		}
		if b.LastOffset() >= below || len(out) > 0 && total+b.Size() > maxBytes {
			break
		}
		out = append(out, b)
		total += b.Size()
	}
	return out
}

// world is the state of one model test.
type world struct {
	*bed
	rt    *rapid.T
	model model
	reads map[uint64]asked
	cuts  int // truncations so far
	clock int64
}

type asked struct {
	from, below kafka.Offset
	cuts        int
}

func (w *world) catchUp(from int) {
	for _, r := range w.wal[from:] {
		w.model.apply(r)
	}
}

// do runs an action and applies the records that it logged to the model.
func (w *world) do(action func()) {
	n := len(w.wal)
	action()
	w.catchUp(n)
	w.look()
}

func (w *world) newBatch() batch.Batch {
	w.clock += rapid.Int64Range(-3, 5).Draw(w.rt, "clock")
	n := rapid.IntRange(1, 4).Draw(w.rt, "records")
	b := batch.NewBuilder()
	if id := rapid.Int64Range(-1, 2).Draw(w.rt, "producer"); id >= 0 {
		epoch := rapid.SampledFrom([]int16{0, 0, 0, 1}).Draw(w.rt, "producer epoch")
		sequence := int32(0)
		for _, old := range w.model.batches {
			if old.ProducerID() == kafka.ProducerID(id) &&
				old.ProducerEpoch() == kafka.ProducerEpoch(epoch) {
				sequence = old.LastSequence() + 1
				if rapid.IntRange(0, 9).Draw(w.rt, "again") == 0 {
					sequence, n = old.BaseSequence(), old.Count()
					break
				}
			}
		}
		b.Producer(kafka.ProducerID(id), kafka.ProducerEpoch(epoch), sequence)
	}
	for i := range n {
		b.Add(1000+w.clock+int64(i%2), nil,
			bytes.Repeat([]byte{byte(w.cuts)}, rapid.IntRange(0, 90).Draw(w.rt, "size")))
	}
	return b.Build()
}

func (w *world) produce() {
	b := w.newBatch()
	if w.log.CheckProducer([]batch.Batch{b}).Kind == partition.NotReady {
		w.sync()
		w.settle()
	}
	want := w.model.verdict(b)
	got := w.log.CheckProducer([]batch.Batch{b})
	require.Equal(w.rt, want, got.Kind)
	switch got.Kind {
	case partition.Accept:
		if rapid.Bool().Draw(w.rt, "two in one record") {
			w.append(b, plain(1000+w.clock, 1))
		} else {
			w.append(b)
		}
	case partition.Duplicate:
		for _, old := range w.model.batches {
			if old.BaseOffset() == got.Base {
				require.Equal(w.rt, old.LastOffset(), got.Last)
				require.Equal(w.rt, old.MaxTimestampMs(), got.TimestampMs)
				require.Equal(w.rt, b.ProducerID(), old.ProducerID())
			}
		}
	}
}

// look compares the answers that need no disk.
func (w *world) look() {
	m := &w.model
	m.sync(w.durable)
	require.Equal(w.rt, m.end, w.log.End())
	require.Equal(w.rt, m.start, w.log.Start())
	for epoch := partition.NoEpoch; epoch <= w.epoch+1; epoch++ {
		wantEpoch, wantEnd := m.endOf(epoch)
		gotEpoch, gotEnd := w.log.EndOffsetFor(epoch)
		require.Equal(w.rt, wantEpoch, gotEpoch, "epoch %d of %v, log start %d",
			epoch, m.epochs, m.start)
		require.Equal(w.rt, wantEnd, gotEnd)
	}
	for _, b := range m.batches {
		if b.NextOffset() >= m.start {
			require.Equal(w.rt, b.LeaderEpoch(), w.log.EpochBefore(b.NextOffset()))
		}
	}
	for _, d := range w.take(partition.ReadDone) {
		ask := w.reads[d.Token]
		delete(w.reads, d.Token)
		if ask.from < m.start && d.Err != nil {
			require.ErrorIs(w.rt, d.Err, partition.ErrOutOfRange)
			continue
		}
		require.NoError(w.rt, d.Err)
		want := m.from(ask.from, min(ask.below, m.end), 1<<30)
		if ask.cuts == w.cuts {
			require.NotEmpty(w.rt, d.Batches)
		}
		require.LessOrEqual(w.rt, len(d.Batches), len(want))
		for i := range d.Batches {
			require.Equal(w.rt, want[i], d.Batches[i])
		}
	}
	for _, d := range w.take(partition.Flushed) {
		if d.Err != nil {
			require.ErrorIs(w.rt, d.Err, partition.ErrOvertaken)
		}
	}
	for _, d := range slices.Concat(w.take(partition.Cut), w.take(partition.Repaired)) {
		require.NoError(w.rt, d.Err)
	}
	require.NoError(w.rt, w.fatal)
}

func (w *world) askRead() {
	from := kafka.Offset(rapid.Int64Range(int64(w.model.start),
		int64(w.model.end)).Draw(w.rt, "from"))
	below := kafka.Offset(rapid.SampledFrom([]int64{
		int64(w.log.Watermark()),
		int64(w.model.end),
	}).Draw(w.rt, "below"))
	maxBytes := rapid.SampledFrom([]int{1, 300, 5000}).Draw(w.rt, "max")
	r := w.log.Read(from, maxBytes, below)
	require.NoError(w.rt, r.Err)
	switch {
	case r.Pending():
		w.reads[r.Token] = asked{from, below, w.cuts}
	case len(r.Missing) > 0:
		w.restore(r.Missing)
	default:
		want := w.model.from(from, below, maxBytes)
		require.Equal(w.rt, len(want) == 0, len(r.Batches) == 0)
		for i := range r.Batches {
			require.Equal(w.rt, want[i], r.Batches[i])
		}
	}
}

// boundary is a batch boundary at or above the watermark.
func (w *world) boundary() kafka.Offset {
	ends := []kafka.Offset{w.model.end}
	for _, b := range w.model.batches {
		if b.BaseOffset() >= max(w.log.Watermark(), w.model.start) {
			ends = append(ends, b.BaseOffset())
		}
	}
	return rapid.SampledFrom(ends).Draw(w.rt, "boundary")
}

func (w *world) searchTimes() {
	w.settle()
	w.look()
	ms := 1000 + w.clock + rapid.Int64Range(-20, 5).Draw(w.rt, "ms")
	below := w.model.end
	ask := func() partition.Read { return w.log.OffsetForTimestamp(ms, below) }
	found, err := w.search(ask(), ask)
	require.NoError(w.rt, err)
	want, largest, largestAt := kafka.Offset(-1), int64(-1<<62), kafka.Offset(-1)
	for _, b := range w.model.batches {
		for it := b.Records(0); it.Next(); {
			if it.Record.Offset < w.model.start {
				continue
			}
			if it.Record.TimestampMs >= ms && want < 0 {
				want = it.Record.Offset
			}
			if it.Record.TimestampMs > largest {
				largest, largestAt = it.Record.TimestampMs, it.Record.Offset
			}
		}
	}
	require.Equal(w.rt, want, found.Offset)
	ask = func() partition.Read { return w.log.MaxTimestamp(below) }
	found, err = w.search(ask(), ask)
	require.NoError(w.rt, err)
	require.Equal(w.rt, largestAt, found.Offset)
}

func (w *world) moveStart() {
	if to := w.log.Watermark(); to > w.model.start {
		// To a batch boundary: the model knows the largest timestamp of whole batches only.
		for _, b := range w.model.batches {
			if b.BaseOffset() > w.model.start && b.BaseOffset() <= to &&
				rapid.Bool().Draw(w.rt, "further") {
				to = b.BaseOffset()
				break
			}
		}
		r := blank()
		r.start = to
		w.log.SetStart(to, w.write(r))
	}
}

func (w *world) step() {
	action := rapid.SampledFrom([]string{"produce", "produce", "produce", "produce", "epoch",
		"durable", "durable", "watermark", "truncate", "flush", "flush", "flush", "run", "run",
		"settle", "read", "read", "evict", "crash", "start", "search", "reset",
		"lose index"}).Draw(w.rt, "action")
	w.do(func() {
		switch action {
		case "produce":
			w.produce()
		case "epoch":
			w.begin(w.epoch + 1)
		case "durable":
			w.durable = rapid.Uint64Range(w.durable, uint64(len(w.wal))).Draw(w.rt, "seq")
			w.log.Durable(w.durable)
		case "watermark":
			if rapid.IntRange(0, 2).Draw(w.rt, "lag") == 0 { // otherwise no cut would go deep
				w.log.SetWatermark(max(w.log.Watermark(), min(w.boundary(), w.log.DurableEnd())))
			}
		case "truncate":
			w.cuts++
			w.truncate(w.boundary())
			w.epoch++
		case "flush":
			w.log.Flush(partition.FlushOptions{ExternalSync: rapid.Bool().Draw(w.rt, "external")})
		case "run":
			for range rapid.IntRange(1, 12).Draw(w.rt, "events") {
				w.sched.step()
			}
		case "settle":
			w.settle()
		case "read":
			w.askRead()
		case "evict":
			w.log.Evict(rapid.Int64Range(0, 500).Draw(w.rt, "keep"))
			if rapid.Bool().Draw(w.rt, "restore") {
				w.restore(w.log.Candidate().Missing)
			}
		case "start":
			w.moveStart()
		case "search":
			w.searchTimes()
		case "reset":
			if rapid.IntRange(0, 3).Draw(w.rt, "really") == 0 {
				w.cuts++
				w.reset(max(1, w.model.end) +
					kafka.Offset(rapid.IntRange(0, 3).Draw(w.rt, "gap")))
				w.epoch++
			}
		}
	})
	switch action {
	case "crash":
		w.powerCut()
	case "lose index":
		w.loseIndex()
	}
}

func (w *world) powerCut() {
	w.crash(rapid.IntRange(0, 3).Draw(w.rt, "extra"))
	w.cuts++
	w.reads = map[uint64]asked{}
	w.model = fold(w.wal)
	w.model.sync(w.durable)
	w.epoch++ // a new incarnation never continues its old epoch
	w.look()
}

// loseIndex damages an index file, and the log does not notice.
func (w *world) loseIndex() {
	w.settle()
	w.look()
	for _, node := range w.fs.Snapshot(virtual.Visible) {
		if len(node.Path) > 6 && node.Path[len(node.Path)-6:] == ".index" && node.Size > 0 {
			d := w.fs.Start().Disk(func(diskfs.Completion) {})
			d.Submit(diskfs.Op{Kind: diskfs.Open, Path: node.Path, Handle: 1})
			d.Submit(diskfs.Op{
				Kind: diskfs.Write, Handle: 1, Offset: node.Size / 2, Data: []byte{0xa5, 0x5a},
			})
			d.Submit(diskfs.Op{Kind: diskfs.Close, Handle: 1})
			w.settle()
			return
		}
	}
}

func (w *world) final() {
	w.do(func() { w.sync(); w.settle() })
	w.do(func() {})
	w.checkAll()
	w.powerCut()
	w.settle()
	w.look()
	w.checkAll()
	require.Empty(w.rt, w.reads)
}

func (w *world) checkAll() {
	want := w.model.from(w.model.start, w.model.end, 1<<30)
	got := w.readAll()
	require.Equal(w.rt, len(want), len(got))
	for i := range want {
		require.Equal(w.rt, want[i], got[i])
	}
	for id := range kafka.ProducerID(3) {
		for epoch := range kafka.ProducerEpoch(3) {
			for sequence := range int32(30) {
				b := produced(id, epoch, sequence, 2)
				require.Equal(w.rt, w.model.verdict(b), w.log.CheckProducer([]batch.Batch{b}).Kind)
			}
		}
	}
}

func TestLogAgreesWithANaiveModelOverCrashes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			bed: newBed(rt, rapid.Uint64().Draw(rt, "seed")), rt: rt, reads: map[uint64]asked{},
		}
		w.do(func() { w.begin(1) })
		for range rapid.IntRange(10, 80).Draw(rt, "steps") {
			w.step()
		}
		w.final()
	})
}
