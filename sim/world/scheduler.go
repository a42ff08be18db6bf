package world

import "example.com/lockstep/broker/env"

// Scheduler is the single thread of a world and its only clock. Events run in the order of their
// times; events of one time run in the order in which they were scheduled. So a run is a function
// of what was scheduled and of nothing else. The zero value is ready, at instant 0.
//
// It satisfies the Scheduler interfaces of netsim/virtual and diskfs/virtual.
type Scheduler struct {
	now    env.Instant
	seq    uint64
	ran    uint64
	halted bool
	heap   []scheduled
	events []task // by slot
	free   []uint32
}

// scheduled is the place of one event in the order. It holds no pointer, so that
// sifting the heap costs the garbage collector nothing.
type scheduled struct {
	at   env.Instant
	seq  uint64
	slot uint32
}

// task is what runs then. The label what names it in reports; it is never hashed.
type task struct {
	what string
	run  func()
}

// Now is the world's time: nanoseconds since the world began.
func (s *Scheduler) Now() env.Instant { return s.now }

// Ran is the number of events that have run.
func (s *Scheduler) Ran() uint64 { return s.ran }

// Len is the number of events that wait.
func (s *Scheduler) Len() int { return len(s.heap) }

// At schedules fn. An instant in the past means now: fn then runs after everything that is already
// scheduled for now. fn never runs at [env.Never].
func (s *Scheduler) At(at env.Instant, what string, fn func()) {
	if at == env.Never {
		return
	}
	s.seq++
	slot := uint32(len(s.events))
	if n := len(s.free); n > 0 {
		slot = s.free[n-1]
		s.free = s.free[:n-1]
		s.events[slot] = task{what, fn}
	} else {
		s.events = append(s.events, task{what, fn})
	}
	s.push(scheduled{max(at, s.now), s.seq, slot})
}

// Halt makes the Run in progress return after the current event.
func (s *Scheduler) Halt() { s.halted = true }

// StopReason says why Run returned.
type StopReason uint8

const (
	// Reached: every event up to the instant has run; the time is that instant.
	Reached StopReason = iota
	// Exhausted: the limit on the number of events was reached first.
	Exhausted
	// Halted: an event called Halt.
	Halted
)

// Run runs the events up to and including until. It stops when limit events have run, counted from
// the beginning of the world.
func (s *Scheduler) Run(until env.Instant, limit uint64) StopReason {
	s.halted = false
	for len(s.heap) > 0 && s.heap[0].at <= until {
		if s.ran >= limit {
			return Exhausted
		}
		next := s.pop()
		s.now = next.at
		s.ran++
		run := s.events[next.slot].run
		s.events[next.slot].run = nil
		s.free = append(s.free, next.slot)
		run()
		if s.halted {
			return Halted
		}
	}
	s.now = max(s.now, until)
	return Reached
}

// Upcoming lists the labels of the first n waiting events, in the order of the heap, for reports.
// The first is the next event.
func (s *Scheduler) Upcoming(n int) []string {
	var labels []string
	for _, e := range s.heap[:min(n, len(s.heap))] {
		labels = append(labels, s.events[e.slot].what)
	}
	return labels
}

// The heap is written out, with four children a node: container/heap would allocate for every
// event, and this is the hottest code of the simulator.

func (e *scheduled) before(o *scheduled) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

func (s *Scheduler) push(e scheduled) {
	s.heap = append(s.heap, e)
	i := len(s.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&s.heap[parent]) {
			break
		}
		s.heap[i] = s.heap[parent]
		i = parent
	}
	s.heap[i] = e
}

func (s *Scheduler) pop() scheduled {
	top := s.heap[0]
	n := len(s.heap) - 1
	last := s.heap[n]
	s.heap = s.heap[:n]
	if n == 0 {
		return top
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, n); c++ {
			if s.heap[c].before(&s.heap[least]) {
				least = c
			}
		}
		if !s.heap[least].before(&last) {
			break
		}
		s.heap[i] = s.heap[least]
		i = least
	}
	s.heap[i] = last
	return top
}
