package world

import (
	"fmt"

	"example.com/lockstep/broker/event"
	"example.com/lockstep/sim/plan"
)

// Logged is a line that a loop has written to the event log of its node. The lines are for people
// and for checks; they never enter the trace hash (PROTOCOL 37).
type Logged struct {
	At          plan.Duration
	Node        string
	Incarnation int32
	Loop        int32
	Event       event.Event
}

func (l Logged) String() string {
	return fmt.Sprintf("%s %s.%d/%d %v %s", l.At, l.Node, l.Incarnation, l.Loop,
		l.Event.Name.Level(), l.Event)
}

const (
	// maxLogged is how many lines a run keeps. Later ones are only counted.
	maxLogged = 20_000
	// shownLogged is how many of the last lines the result of a failed run has.
	shownLogged = 80
)

// told keeps a line of a loop. If it is not written, its limiter has counted it.
func (w *World) told(l *loopHost, e event.Event, written bool) {
	line := Logged{At: plan.Duration(w.sched.Now()), Node: l.node.spec.Name,
		Incarnation: l.node.incarnation, Loop: int32(l.id), Event: e}
	w.lastTold = line
	if !written {
		return
	}
	if w.hearLine != nil {
		w.hearLine(line)
	}
	if w.lines++; w.lines <= maxLogged {
		w.eventLog = append(w.eventLog, line)
	}
}

// LastTold is the last event of any node, whether it was written or only counted.
func (w *World) LastTold() Logged { return w.lastTold }

// EventLog returns the lines that all nodes have written so far, in order of time.
func (w *World) EventLog() []Logged { return w.eventLog }

// lastLogged is the end of the event log as text.
func (w *World) lastLogged() (lines []string) {
	for _, l := range w.eventLog[max(0, len(w.eventLog)-shownLogged):] {
		lines = append(lines, l.String())
	}
	return lines
}
