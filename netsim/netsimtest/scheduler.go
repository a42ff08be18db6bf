package netsimtest

import (
	"container/heap"
	"time"

	"example.com/lockstep/broker/env"
)

// Scheduler is a deterministic event queue with its own virtual time. Events of
// one instant run in the order in which they were scheduled.
type Scheduler struct {
	now    env.Instant
	seq    uint64
	events eventHeap
}

type event struct {
	at   env.Instant
	seq  uint64
	what string
	fn   func()
}

// Now is the virtual time.
func (s *Scheduler) Now() env.Instant { return s.now }

// At schedules fn; an instant that has passed means now.
func (s *Scheduler) At(at env.Instant, what string, fn func()) {
	s.seq++
	heap.Push(&s.events, event{max(at, s.now), s.seq, what, fn})
}

// Step runs the next event and returns its label; ok is false if there is none.
func (s *Scheduler) Step() (what string, ok bool) {
	if len(s.events) == 0 {
		return "", false
	}
	e := heap.Pop(&s.events).(event)
	s.now = e.at
	e.fn()
	return e.what, true
}

// RunFor runs the events of the next d and lets that time pass.
func (s *Scheduler) RunFor(d time.Duration) {
	end := s.now.Add(d)
	for len(s.events) > 0 && s.events[0].at <= end {
		s.Step()
	}
	s.now = end
}

// RunUntil runs events until cond holds; it reports false if they run out first.
func (s *Scheduler) RunUntil(cond func() bool) bool {
	for !cond() {
		if _, ok := s.Step(); !ok {
			return false
		}
	}
	return true
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*h = old[:len(old)-1]
	return last
}
