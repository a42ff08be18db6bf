package partition_test

import (
	"container/heap"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/virtual"
)

// scheduler is the smallest simulator.
type scheduler struct {
	now    env.Instant
	n      uint64
	events eventHeap
}

type event struct {
	at env.Instant
	n  uint64
	fn func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].n < h[j].n
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(e any)   { *h = append(*h, e.(event)) }
func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}

func (s *scheduler) Now() env.Instant { return s.now }

func (s *scheduler) At(at env.Instant, _ string, fn func()) {
	s.n++
	heap.Push(&s.events, event{at, s.n, fn})
}

func (s *scheduler) step() bool {
	if len(s.events) == 0 {
		return false
	}
	e := heap.Pop(&s.events).(event)
	s.now = e.at
	e.fn()
	return true
}

const owner = 7

var small = partition.Limits{
	SegmentBytes: 2000, IndexBytes: 200, FlushBytes: 700, ReadBytes: 150,
	Producers: 100,
}

// record is one record of the bed's WAL.
type record struct {
	seq       uint64
	batches   []batch.Batch
	epoch     kafka.LeaderEpoch   // StartEpoch if >= 0
	cut       kafka.Offset        // Truncate if >= 0
	reset     kafka.Offset        // Reset if >= 0
	beginning partition.Beginning // of reset
	start     kafka.Offset        // SetStart if >= 0
}

func blank() record { return record{epoch: -1, cut: -1, reset: -1, start: -1} }

// bed is the owner of one log: a small shard with a list as its WAL.
type bed struct {
	t       require.TestingT
	sched   *scheduler
	fs      *virtual.FS
	process *virtual.Process
	disk    *virtual.Disk
	handle  diskfs.Handle
	log     *partition.Log
	limits  partition.Limits
	epoch   kafka.LeaderEpoch
	wal     []record
	durable uint64
	life    uint64
	done    []partition.Done
	fatal   error
	ops     []diskfs.Op
	// inFlight holds tokens. Completions of slow operations are kept in late.
	inFlight, slow map[uint64]bool
	late           []diskfs.Completion
	// opened and closed count the operations of that kind. mostOpen is the largest difference.
	opened, closed, mostOpen int
	// noSync leaves NeedSync unanswered.
	noSync bool
}

func (b *bed) NewHandle() diskfs.Handle { b.handle++; return b.handle }
func (b *bed) Submit(op diskfs.Op) {
	require.EqualValues(b.t, owner, op.Owner)
	b.ops = append(b.ops, op)
	b.inFlight[op.Token] = true
	switch op.Kind {
	case diskfs.Open:
		b.opened++
		b.mostOpen = max(b.mostOpen, b.opened-b.closed)
	case diskfs.Close:
		b.closed++
	}
	b.disk.Submit(op)
}

func newBed(t require.TestingT, seed uint64) *bed {
	b := &bed{t: t, sched: new(scheduler), limits: small, life: 1}
	b.fs = virtual.New(b.sched, func(subsystem, purpose string) *env.Rand {
		return env.NewRand(env.Key(seed, subsystem, purpose))
	}, virtual.Options{})
	setup := b.fs.Start().Disk(func(c diskfs.Completion) { require.NoError(t, c.Err) })
	setup.Submit(diskfs.Op{Kind: diskfs.Mkdir, Path: "parts"})
	for b.sched.step() {
	}
	setup.Submit(diskfs.Op{Kind: diskfs.SyncFS})
	for b.sched.step() {
	}
	b.open()
	b.log.Create()
	return b
}

func (b *bed) open() {
	b.process = b.fs.Start()
	var log *partition.Log
	b.inFlight, b.slow = map[uint64]bool{}, nil
	b.disk = b.process.Disk(func(c diskfs.Completion) {
		if b.slow[c.Token] {
			b.late = append(b.late, c)
			return
		}
		delete(b.inFlight, c.Token)
		done, err := log.Completed(c)
		if err != nil {
			b.fatal = err
		}
		b.took(done)
	})
	log = partition.New(partition.Config{
		Dir: "parts/p", Owner: owner, Life: b.life, Limits: &b.limits,
	}, b)
	b.log, b.done = log, nil
}

func (b *bed) took(done []partition.Done) {
	for _, d := range done {
		if d.Kind != partition.NeedSync {
			b.done = append(b.done, d)
		} else if !b.noSync {
			side := b.fs.Start().Disk(func(diskfs.Completion) { b.took(b.log.Synced()) })
			side.Submit(diskfs.Op{Kind: diskfs.SyncFS})
		}
	}
}

// settle runs until nothing is under way.
func (b *bed) settle() {
	for b.sched.step() {
	}
	b.took(b.log.Pending())
}

// holdBack keeps the completions of the operations in flight until letGo.
func (b *bed) holdBack() { b.slow, b.inFlight = b.inFlight, map[uint64]bool{} }

func (b *bed) letGo() {
	b.slow = nil
	for _, c := range b.late {
		done, err := b.log.Completed(c)
		require.NoError(b.t, err)
		b.took(done)
	}
	b.late = nil
}

// take returns and removes the Dones of the given kind.
func (b *bed) take(kind partition.DoneKind) (found []partition.Done) {
	kept := b.done[:0]
	for _, d := range b.done {
		if d.Kind == kind {
			found = append(found, d)
		} else {
			kept = append(kept, d)
		}
	}
	b.done = kept
	return found
}

func (b *bed) write(r record) partition.Ref {
	r.seq = uint64(len(b.wal)) + 1
	b.wal = append(b.wal, r)
	return partition.Ref{Seq: r.seq}
}

// append stamps and appends batches in one WAL record.
func (b *bed) append(batches ...batch.Batch) {
	end := b.log.End()
	for _, one := range batches {
		one.Stamp(end, b.epoch)
		end = one.NextOffset()
	}
	r := blank()
	r.batches = batches
	ref := b.write(r)
	for _, one := range batches {
		b.log.Append(one, ref)
	}
}

func (b *bed) begin(epoch kafka.LeaderEpoch) {
	r := blank()
	r.epoch, b.epoch = epoch, epoch
	b.log.StartEpoch(epoch, b.write(r))
}

func (b *bed) truncate(to kafka.Offset) {
	r := blank()
	r.cut = to
	b.log.Truncate(to, b.write(r))
}

func (b *bed) reset(to kafka.Offset) {
	r := blank()
	r.reset = to
	r.beginning = partition.Beginning{Start: to, State: make([]byte, 12),
		Before: partition.EpochStart{Epoch: b.epoch, Start: to - 1}}
	b.log.Reset(r.beginning, b.write(r))
}

// start moves the log start, durably.
func (b *bed) start(to kafka.Offset) {
	r := blank()
	r.start = to
	b.log.SetStart(to, b.write(r))
	b.sync()
}

func (b *bed) sync() {
	b.durable = uint64(len(b.wal))
	b.log.Durable(b.durable)
}

// flush makes everything durable and flushes until the tail is empty.
func (b *bed) flush() {
	b.sync()
	for b.log.TailBytes() > 0 {
		b.flushOnce()
	}
}

func (b *bed) flushOnce() {
	b.log.Flush(partition.FlushOptions{})
	b.settle()
	for _, d := range b.take(partition.Flushed) {
		require.NoError(b.t, d.Err)
	}
}

// crash cuts the power. The WAL keeps what was durable, and extra records after it. It has released
// what the log did not pin.
func (b *bed) crash(extra int) {
	pinned, ok := b.log.Pinned()
	released := b.durable
	if ok {
		released = min(released, pinned.Seq-1)
	}
	b.fs.Crash()
	b.wal = b.wal[:min(int(b.durable)+extra, len(b.wal))]
	b.load()
	require.Equal(b.t, partition.Replaying, b.log.State())
	b.replay(released)
}

func (b *bed) load() {
	b.open()
	b.log.Load(false)
	b.settle()
	loaded := b.take(partition.Loaded)
	require.Len(b.t, loaded, 1)
	if b.log.State() == partition.Failed {
		require.ErrorIs(b.t, loaded[0].Err, partition.ErrDamaged)
	} else {
		require.NoError(b.t, loaded[0].Err)
	}
}

func (b *bed) replay(released uint64) {
	for _, r := range b.wal {
		if r.seq <= released {
			continue
		}
		ref := partition.Ref{Seq: r.seq}
		for _, one := range r.batches {
			require.NoError(b.t, b.log.Replay(one, ref))
		}
		switch {
		case r.epoch >= 0:
			b.log.StartEpoch(r.epoch, ref)
		case r.cut >= 0:
			b.log.Truncate(r.cut, ref)
		case r.reset >= 0:
			b.log.Reset(r.beginning, ref)
		case r.start >= 0:
			b.log.SetStart(r.start, ref)
		}
		if r.seq%3 == 0 {
			b.sched.step() // recovery and the jobs it causes overlap
		}
	}
	require.True(b.t, b.log.EndReplay())
	b.sync()
}

// read reads until the answer is there.
func (b *bed) read(from kafka.Offset, maxBytes int, below kafka.Offset) ([][]byte, error) {
	for {
		r := b.log.Read(from, maxBytes, below)
		switch {
		case r.Pending():
			b.settle()
			for _, d := range b.take(partition.ReadDone) {
				if d.Token == r.Token {
					return d.Batches, d.Err
				}
			}
			require.Fail(b.t, "the read does not end")
		case len(r.Missing) > 0:
			b.restore(r.Missing)
		default:
			return r.Batches, r.Err
		}
	}
}

// restore reads the evicted batches from the WAL.
func (b *bed) restore(missing []partition.Missing) {
	for _, m := range missing {
		for _, one := range b.wal[m.Ref.Seq-1].batches {
			if one.BaseOffset() == m.Base {
				require.Equal(b.t, m.Size, one.Size())
				require.True(b.t, b.log.Restore(m.Ref, one))
			}
		}
	}
}

// readAll reads the whole log in small steps.
func (b *bed) readAll() (all [][]byte) {
	for from := b.log.Start(); from < b.log.End(); {
		batches, err := b.read(from, 300, b.log.End())
		require.NoError(b.t, err)
		require.NotEmpty(b.t, batches)
		all = append(all, batches...)
		from = batch.Batch(batches[len(batches)-1]).NextOffset()
	}
	return all
}

func (b *bed) search(r partition.Read, again func() partition.Read) (partition.Found, error) {
	for {
		found, missing, err := r.Found, r.Missing, r.Err
		if r.Pending() {
			b.settle()
			done := b.take(partition.LookedUp)
			require.Len(b.t, done, 1)
			require.Equal(b.t, r.Token, done[0].Token)
			found, missing, err = done[0].Found, done[0].Missing, done[0].Err
		}
		if len(missing) == 0 {
			return found, err
		}
		b.restore(missing)
		r = again()
	}
}

// plain is a batch of n records without a producer, the first at timestampMs.
func plain(timestampMs int64, n int) batch.Batch {
	builder := batch.NewBuilder()
	for i := range n {
		builder.Add(timestampMs+int64(i), []byte("key"), []byte("value"))
	}
	return builder.Build()
}

func produced(id kafka.ProducerID, epoch kafka.ProducerEpoch, sequence int32, n int) batch.Batch {
	builder := batch.NewBuilder().Producer(id, epoch, sequence)
	for range n {
		builder.Add(1000, nil, []byte("v"))
	}
	return builder.Build()
}

func bytesOf(batches ...batch.Batch) (out [][]byte) {
	for _, b := range batches {
		out = append(out, b)
	}
	return out
}
