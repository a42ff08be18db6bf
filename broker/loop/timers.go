package loop

import (
	"container/heap"

	"lockstep/broker/env"
)

// Timers is a loop's set of deadlines, each carrying a value that says what is
// due. Equal instants fire in the order they were set. Cancelling is lazy: the
// entry is dropped when it reaches the top.
type Timers[T any] struct {
	heap timerHeap[T]
	seq  uint64
}

// Timer is a set deadline, for Cancel.
type Timer[T any] struct {
	at    env.Instant
	seq   uint64
	live  bool
	value T
}

// Set arms a timer that is due at at.
func (t *Timers[T]) Set(at env.Instant, value T) *Timer[T] {
	t.seq++
	timer := &Timer[T]{at: at, seq: t.seq, live: true, value: value}
	heap.Push(&t.heap, timer)
	return timer
}

// Cancel disarms the timer; nil and fired timers are fine.
func (timer *Timer[T]) Cancel() {
	if timer != nil {
		timer.live = false
	}
}

// Live reports whether the timer is armed.
func (timer *Timer[T]) Live() bool { return timer != nil && timer.live }

// Pop returns the value of the next timer due at or before now.
func (t *Timers[T]) Pop(now env.Instant) (value T, ok bool) {
	t.prune()
	if len(t.heap) == 0 || t.heap[0].at > now {
		return value, false
	}
	timer := heap.Pop(&t.heap).(*Timer[T])
	timer.live = false
	return timer.value, true
}

// Next is the instant of the earliest armed timer, env.Never if there is none.
func (t *Timers[T]) Next() env.Instant {
	t.prune()
	if len(t.heap) == 0 {
		return env.Never
	}
	return t.heap[0].at
}

// Len is the number of entries held, cancelled ones that have not yet reached
// the top included.
func (t *Timers[T]) Len() int { return len(t.heap) }

func (t *Timers[T]) prune() {
	for len(t.heap) > 0 && !t.heap[0].live {
		heap.Pop(&t.heap)
	}
}

type timerHeap[T any] []*Timer[T]

func (h timerHeap[T]) Len() int { return len(h) }
func (h timerHeap[T]) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h timerHeap[T]) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap[T]) Push(x any)   { *h = append(*h, x.(*Timer[T])) }
func (h *timerHeap[T]) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
