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
	queue    []loop.Event
	requests int // mail in queue that came by trySend
	bound    int // of requests
	wake     chan struct{}
	asleep   bool
}

func newMailbox(bound int) *mailbox {
	return &mailbox{bound: bound, wake: make(chan struct{}, 1)}
}

// put adds an event that cannot be refused.
func (m *mailbox) put(ev loop.Event) {
	m.mu.Lock()
	m.queue = append(m.queue, ev)
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
	m.queue = append(m.queue, ev)
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

// take returns all waiting events, and uses spare for the next queue. It sleeps until there is an
// event, until timeout has passed (negative: forever), or until stop is closed.
func (m *mailbox) take(
	spare []loop.Event, timeout time.Duration, timer *time.Timer, stop <-chan struct{},
) []loop.Event {
	m.mu.Lock()
	if len(m.queue) == 0 && timeout != 0 {
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
	events := m.queue
	m.queue, m.requests = spare[:0], 0
	m.mu.Unlock()
	return events
}

// depth is the number of waiting events, for metrics.
func (m *mailbox) depth() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.queue)
}
