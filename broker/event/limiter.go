package event

import (
	"time"

	"example.com/lockstep/broker/env"
)

const (
	// window is the time in which events of one name about one subject are counted.
	window = time.Minute
	// burst is how many of them are written in a window. The others are counted, and the last of
	// them is written when the window ends. A row of the table may ask for fewer.
	burst = 10
	// subjects is how many pairs of name and subject are told apart. Beyond it all new ones of a
	// name count as one.
	subjects = 256
)

// Limiter bounds what one loop writes. The zero Limiter is ready.
type Limiter struct{ counters []counter }

// counter counts the events of one name about one subject since a window began.
type counter struct {
	name    Name
	subject string
	ends    env.Instant // of the window
	written int
	left    int   // counted and not written
	last    Event // of those
}

// Take reports whether an event is written now. If not, it is counted.
func (l *Limiter) Take(now env.Instant, e Event) bool {
	c := l.find(e)
	if now >= c.ends && c.left == 0 {
		c.ends, c.written = now.Add(window), 0
	}
	if now < c.ends && c.written < e.Name.burst() {
		c.written++
		return true
	}
	c.left, c.last = c.left+1, e
	return false
}

// Idle reports whether nothing is counted, so that Due would return nothing.
func (l *Limiter) Idle() bool { return len(l.counters) == 0 }

// Due returns the counted events that are written now, each with their number, since their window
// has ended. A host asks at the end of each turn.
func (l *Limiter) Due(now env.Instant) []Event { return l.due(now, false) }

// Rest returns what Due would return if all windows ended now. A host asks when a loop ends.
func (l *Limiter) Rest(now env.Instant) []Event { return l.due(now, true) }

func (l *Limiter) due(now env.Instant, all bool) (due []Event) {
	kept := l.counters[:0]
	for _, c := range l.counters {
		if !all && now < c.ends {
			kept = append(kept, c)
			continue
		}
		if c.left == 0 {
			continue // nothing for a whole window: the subject is forgotten
		}
		due = append(due, c.last.With(Int("repeated", c.left)))
		c.ends, c.written, c.left, c.last = now.Add(window), c.name.burst(), 0, Event{}
		kept = append(kept, c)
	}
	clear(l.counters[len(kept):])
	l.counters = kept
	return due
}

// find returns the counter of an event.
func (l *Limiter) find(e Event) *counter {
	subject := e.subject()
	if len(l.counters) >= subjects {
		subject = ""
	}
	for i := range l.counters {
		c := &l.counters[i]
		if c.name == e.Name && (c.subject == subject || c.subject == e.subject()) {
			return c
		}
	}
	l.counters = append(l.counters, counter{name: e.Name, subject: subject})
	return &l.counters[len(l.counters)-1]
}
