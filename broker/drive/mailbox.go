package drive

import (
	"sync"
	"time"

	"example.com/lockstep/broker/loop"
)

// mailbox is the inbox of one loop. Network events, completions, replies and mail share one queue,
// so they are taken in the order in which they were put. Only requests can be refused
// (PROTOCOL 31).
type mailbox struct {
	mu       sync.Mutex
	queue    []mailed
	taken    int // events at the head of queue that were taken already
	requests int // mail in queue that came by trySend
	bound    int // of requests
	perTurn  int // events that take returns at most
	wake     chan struct{}
	asleep   bool
}

// mailed is an event in a mailbox.
type mailed struct {
	loop.Event
	request bool // it came by trySend
}

func newMailbox(bound, perTurn int) *mailbox {
	return &mailbox{bound: bound, perTurn: perTurn, wake: make(chan struct{}, 1)}
}

// put adds an event that cannot be refused.
func (m *mailbox) put(ev loop.Event) {
	m.mu.Lock()
	m.queue = append(m.queue, mailed{Event: ev})
	m.signal()
	m.mu.Unlock()
}

// trySend adds a request unless the bound is reached.
func (m *mailbox) trySend(ev loop.Event) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.requests >= m.bound {
		return false
	}
	m.requests++
	m.queue = append(m.queue, mailed{Event: ev, request: true})
	m.signal()
	return true
}

// signal wakes the loop if it sleeps. The caller holds mu.
func (m *mailbox) signal() {
	if m.asleep {
		m.asleep = false
		m.wake <- struct{}{}
	}
}

// take returns the first events that wait, as many as one turn may have, and reuses spare. It
// sleeps until there is an event, until timeout has passed (negative: forever), or until stop is
// closed.
func (m *mailbox) take(
	spare []mailed, timeout time.Duration, timer *time.Timer, stop <-chan struct{},
) []mailed {
	m.mu.Lock()
	if m.taken == len(m.queue) && timeout != 0 {
		m.asleep = true
		m.mu.Unlock()
		var due <-chan time.Time
		if timeout > 0 {
			timer.Reset(timeout)
			due = timer.C
		}
		select {
		case <-m.wake:
		case <-due:
		case <-stop:
		}
		if timeout > 0 {
			timer.Stop()
		}
		m.mu.Lock()
		if m.asleep {
			m.asleep = false
		} else {
			// A sender has cleared asleep: its token is in wake, or was taken above.
			select {
			case <-m.wake:
			default:
			}
		}
	}
	events := m.first(spare[:0])
	m.mu.Unlock()
	return events
}

// first takes the events of a turn out of the queue. The caller holds mu.
func (m *mailbox) first(spare []mailed) []mailed {
	if m.taken == 0 && len(m.queue) <= m.perTurn {
		events := m.queue
		m.queue, m.requests = spare, 0
		return events
	}
	end := min(m.taken+m.perTurn, len(m.queue))
	events := append(spare, m.queue[m.taken:end]...)
	for i := range events {
		if events[i].request {
			m.requests--
		}
	}
	clear(m.queue[m.taken:end])
	if m.taken = end; 2*m.taken >= len(m.queue) {
		// What is left moves to the front. Each event is moved once on average, however long
		// the queue is.
		left := copy(m.queue, m.queue[m.taken:])
		clear(m.queue[left:])
		m.queue, m.taken = m.queue[:left], 0
	}
	return events
}

// depth is the number of waiting events, for metrics.
func (m *mailbox) depth() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.queue) - m.taken
}
