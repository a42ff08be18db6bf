package virtual_test

import (
	"container/heap"
	"testing"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/diskfstest"
	"example.com/lockstep/diskfs/virtual"
)

// scheduler is a minimal simulator: events in order of time, then of
// scheduling.
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
	if at < s.now {
		panic("scheduled in the past")
	}
	s.n++
	heap.Push(&s.events, event{at, s.n, fn})
}

// step runs one event.
func (s *scheduler) step() bool {
	if len(s.events) == 0 {
		return false
	}
	e := heap.Pop(&s.events).(event)
	s.now = e.at
	e.fn()
	return true
}

// advance lets time pass.
func (s *scheduler) advance(d time.Duration) {
	until := s.now.Add(d)
	for len(s.events) > 0 && s.events[0].at <= until {
		s.step()
	}
	s.now = until
}

func entropy(seed uint64) env.Entropy {
	return func(subsystem, purpose string) *env.Rand {
		return env.NewRand(env.Key(seed, subsystem, purpose))
	}
}

// machine is a file system with one process and a client that waits for each
// operation.
type machine struct {
	t     testing.TB
	sched *scheduler
	fs    *virtual.FS
	proc  *virtual.Process
	disk  *virtual.Disk
	done  map[uint64]diskfs.Completion
	token uint64
}

func newMachine(t testing.TB, seed uint64, opts virtual.Options) *machine {
	m := &machine{t: t, sched: new(scheduler)}
	m.fs = virtual.New(m.sched, entropy(seed), opts)
	m.start()
	return m
}

func (m *machine) start() {
	m.proc = m.fs.Start()
	m.done = make(map[uint64]diskfs.Completion)
	done := m.done
	m.disk = m.proc.Disk(func(c diskfs.Completion) { done[c.Token] = c })
}

func (m *machine) submit(op diskfs.Op) uint64 {
	m.token++
	op.Token = m.token
	m.disk.Submit(op)
	return m.token
}

func (m *machine) wait(token uint64) diskfs.Completion {
	m.t.Helper()
	for {
		if c, ok := m.done[token]; ok {
			return c
		}
		if !m.sched.step() {
			m.t.Fatalf("operation %d never completes", token)
		}
	}
}

func (m *machine) do(op diskfs.Op) diskfs.Completion { m.t.Helper(); return m.wait(m.submit(op)) }

func (m *machine) must(op diskfs.Op) diskfs.Completion {
	m.t.Helper()
	c := m.do(op)
	if c.Err != nil {
		m.t.Fatalf("%v: %v", op.Kind, c.Err)
	}
	return c
}

// file makes a durable file and returns its handle.
func (m *machine) file(handle diskfs.Handle, path string, content []byte) diskfs.Handle {
	m.t.Helper()
	m.must(diskfs.Op{Kind: diskfs.Open, Flags: diskfs.Create, Path: path, Handle: handle})
	m.must(diskfs.Op{Kind: diskfs.Write, Handle: handle, Data: content})
	m.must(diskfs.Op{Kind: diskfs.SyncFS})
	return handle
}

func (m *machine) visible(path string) []byte { data, _ := m.fs.ReadVisible(path); return data }
func (m *machine) durable(path string) []byte { data, _ := m.fs.ReadDurable(path); return data }

func TestConformance(t *testing.T) {
	diskfstest.Run(t, func(_ *testing.T, seed uint64) diskfstest.System {
		sched := new(scheduler)
		fs := virtual.New(sched, entropy(seed), virtual.Options{})
		return diskfstest.System{
			Process: func(sink diskfs.Sink) diskfs.Disk { return fs.Start().Disk(sink) },
			Pump:    sched.step,
			Crash:   fs.Crash,
			Fail:    func(kind diskfs.Kind) { fs.FailNext(virtual.KindsOf(kind), "", 1) },
			LimitFiles: func() func() {
				fs.LimitFiles("", fs.MostOpen())
				return func() { fs.LimitFiles("", 0) }
			},
		}
	})
}
