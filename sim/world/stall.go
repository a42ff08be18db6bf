package world

import (
	"fmt"
	"strings"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/sim/plan"
)

// Stall explains why something did not end in time. It is the wait-for graph of the moment at which
// that was overdue, reduced to one chain for each reason.
type Stall struct {
	Property string        `json:"property"` // of the Failure that it explains
	Where    string        `json:"where,omitempty"`
	At       plan.Duration `json:"at"`
	// Overdue is the number of operations that should have ended. Vertices is the number of
	// vertices in the graph.
	Overdue  int `json:"overdue"`
	Vertices int `json:"vertices"`
	// Chains are the reasons, the worst first. More is how many were left out.
	Chains []StallChain `json:"chains"`
	More   int          `json:"more,omitempty"`
}

// StallChain is one reason: what an overdue operation waits for, what that waits
// for, and so on.
type StallChain struct {
	// End is "cycle", "fault", "lost wake-up", "unknown", "until its deadline" or "under way".
	// Culprit names what the chain ends with.
	End     string      `json:"end"`
	Culprit string      `json:"culprit"`
	Steps   []StallStep `json:"steps"`
	// Back is the index of the step that the last step of a cycle waits for; -1 if the chain is no
	// cycle.
	Back int `json:"back"`
	// Alike counts the other overdue operations with chains that end in the same place.
	Alike []StallCount `json:"alike,omitempty"`
	// Text is the chain as lines: a headline, then a line for each step.
	Text []string `json:"text"`
}

// StallStep is one operation, loop, disk operation, node, link or fault.
type StallStep struct {
	Where string         `json:"where,omitempty"` // "b1/0", "b1" or ""
	Name  string         `json:"name,omitempty"`  // "" is all of Where
	About string         `json:"about,omitempty"`
	Since *plan.Duration `json:"since,omitempty"` // when it began; nil: unknown
	Until *plan.Duration `json:"until,omitempty"` // its deadline; nil: none
	For   string         `json:"for,omitempty"`   // what it needs from the next step
	Note  string         `json:"note,omitempty"`  // of the last step: why the chain ends there
}

// StallCount is the number of operations in a group.
type StallCount struct {
	Group string `json:"group"`
	N     int    `json:"n"`
}

const (
	chainsKept    = 8 // in a result
	chainsPrinted = 3 // in the text of a stall
)

// Text is the stall for people, the worst chains first.
func (s *Stall) Text() []string {
	lines := []string{fmt.Sprintf("stall at %s: %d overdue", s.At, s.Overdue)}
	for i, c := range s.Chains[:min(chainsPrinted, len(s.Chains))] {
		lines = append(lines, fmt.Sprintf("%d. %s", i+1, c.Text[0]))
		lines = append(lines, c.Text[1:]...)
	}
	if left := len(s.Chains) - chainsPrinted + s.More; left > 0 &&
		len(s.Chains) >= chainsPrinted {
		lines = append(lines, fmt.Sprintf("and %d other reasons", left))
	}
	return lines
}

func (s *Stall) String() string { return strings.Join(s.Text(), "\n") }

// Overdue is an operation that should have ended: the root of a chain.
type Overdue struct {
	Name  string // for people; "": the operations in At are the roots
	Group string // the name under which it is counted with others
	Since env.Instant
	At    []StallPlace // what it waits for
}

// StallPlace names an operation of a loop of a node. Op "" is the loop itself.
type StallPlace struct {
	Node string
	Loop int32 // -1: any loop of the node that lists the operation
	Op   string
	For  string // what is needed from it
}

// overdue is everything that the liveness phase waits for.
func (w *World) overdue() []Overdue {
	if e, ok := w.subject.(Explainer); ok {
		return e.Overdue(w)
	}
	var out []Overdue
	for _, name := range w.subject.Pending(w) {
		out = append(out, Overdue{Name: name, Group: "operations", Since: wait.Unknown})
	}
	return out
}

// Explain keeps an explanation why something is overdue now, for a failure that is reported later
// or may be. Of each property only the first explanation is kept. Explain changes nothing that the
// run or its trace hash depends on.
func (w *World) Explain(property, where string, overdue func() []Overdue) *Stall {
	for _, s := range w.stalls {
		if s.Property == property {
			return s
		}
	}
	s := w.StallOf(property, where, overdue())
	w.stalls = append(w.stalls, s)
	return s
}

// Keep keeps an explanation for a failure that will be reported.
func (w *World) Keep(s *Stall) { w.stalls = append(w.stalls, s) }

// stallOfFailures is the explanation of the first failure that has one.
func (w *World) stallOfFailures() *Stall {
	for i := range w.failures {
		for _, s := range w.stalls {
			if s.Property == w.failures[i].Property {
				return s
			}
		}
	}
	return nil
}

// symptom is the end of the first chain if that shows a bug by itself: a cycle or a lost wake-up.
// In all other cases it is otherwise.
func (s *Stall) symptom(otherwise string) string {
	if len(s.Chains) == 0 {
		return otherwise
	}
	switch c := &s.Chains[0]; c.End {
	case wait.Cycle.String(), wait.Lost.String():
		return c.End + ": " + c.Culprit
	}
	return otherwise
}

// StallOf makes the wait-for graph of this moment and reduces it.
func (w *World) StallOf(property, where string, overdue []Overdue) *Stall {
	g := newStallGraph(w)
	roots := g.roots(overdue)
	chains := g.Reduce(roots, w.Now())
	s := &Stall{Property: property, Where: where, At: plan.Duration(w.Now()), Overdue: len(roots),
		Vertices: g.Len()}
	s.More = max(0, len(chains)-chainsKept)
	for i := range chains[:len(chains)-s.More] {
		s.Chains = append(s.Chains, stallChain(&chains[i]))
	}
	return s
}

// stallTime is a time of the world for people.
func stallTime(at env.Instant) string { return time.Duration(at).Round(time.Millisecond).String() }

func stallChain(c *wait.Chain) StallChain {
	out := StallChain{
		End: c.End.String(), Culprit: c.Culprit(), Back: -1,
		Text: c.Text(stallTime),
	}
	if c.End == wait.Cycle {
		out.Back = c.Back
	}
	for _, n := range c.Alike {
		out.Alike = append(out.Alike, StallCount{n.Group, n.N})
	}
	for _, s := range c.Steps {
		step := StallStep{Where: s.Where, Name: s.Who, About: s.About, For: s.For, Note: s.Note}
		if s.Since != wait.Unknown {
			since := plan.Duration(s.Since)
			step.Since = &since
		}
		if s.Until != env.Never {
			until := plan.Duration(s.Until)
			step.Until = &until
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}
