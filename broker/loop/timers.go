package loop

import (
	"container/heap"

	"example.com/lockstep/broker/env"
)

// Timers is a loop's set of deadlines. Each has a value that says what is due. Timers with the same
// instant fire in the order in which they were set.
type Timers[T any] struct {
	heap timerHeap[T]
	seq  uint64
}

// Timer is a set deadline, for Cancel.
type Timer[T any] struct {
	at    env.Instant
	seq   uint64
	index int // in the heap; -1 when fired or cancelled
	value T
}

// Set arms a timer for an instant.
func (t *Timers[T]) Set(at env.Instant, value T) *Timer[T] {
	t.seq++
	timer := &Timer[T]{at: at, seq: t.seq, value: value}
	heap.Push(&t.heap, timer)
	return timer
}

// Cancel disarms the timer. It may be nil, fired or cancelled.
func (t *Timers[T]) Cancel(timer *Timer[T]) {
	if timer != nil && timer.index >= 0 {
		heap.Remove(&t.heap, timer.index)
	}
}

// Live reports whether the timer is armed.
func (timer *Timer[T]) Live() bool { return timer != nil && timer.index >= 0 }

// At is the instant the timer was set for.
func (timer *Timer[T]) At() env.Instant { return timer.at }

// Pop returns the value of the next timer due at or before now.
func (t *Timers[T]) Pop(now env.Instant) (value T, ok bool) {
	if len(t.heap) == 0 || t.heap[0].at > now {
		return value, false
	}
	return heap.Pop(&t.heap).(*Timer[T]).value, true
}

// Next is the instant of the earliest armed timer, env.Never if there is none.
func (t *Timers[T]) Next() env.Instant {
	if len(t.heap) == 0 {
		return env.Never
	}
	return t.heap[0].at
}

// Len is the number of armed timers.
func (t *Timers[T]) Len() int { return len(t.heap) }

type timerHeap[T any] []*Timer[T]

func (h timerHeap[T]) Len() int { return len(h) }
func (h timerHeap[T]) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h timerHeap[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap[T]) Push(x any) {
	timer := x.(*Timer[T])
	timer.index = len(*h)
	*h = append(*h, timer)
}
func (h *timerHeap[T]) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	last.index = -1
	*h = old[:len(old)-1]
	return last
}
