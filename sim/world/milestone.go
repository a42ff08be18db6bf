package world

import (
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/sim/plan"
)

// Milestone is a turning point of a run. A report shows it, and a fault can be anchored at it.
// Milestones never enter the trace hash.
type Milestone struct {
	At plan.Duration `yaml:"at" json:"at"`
	// Event is the number of the scheduler's event in which it happened; 0: before the first.
	Event uint64             `yaml:"event,omitempty" json:"event"`
	Kind  plan.MilestoneKind `yaml:"-" json:"kind"`
	// Node is the node that it is about; "" is the cluster.
	Node string `yaml:"-" json:"node,omitempty"`
	// Key says what happened, without times, random ids and reasons: if the run goes the same way
	// on another commit, its milestones have the same keys.
	Key  string `yaml:"key" json:"key"`
	Text string `yaml:"text,omitempty" json:"text,omitempty"` // what the key leaves out, for people
}

// Words are the key without its kind, and the text.
func (m *Milestone) Words() string {
	words := strings.TrimSpace(strings.TrimPrefix(m.Key, string(m.Kind)))
	if m.Text != "" {
		words += ": " + m.Text
	}
	return words
}

func (m Milestone) String() string {
	text := fmt.Sprintf("%12s %s", m.At, m.Key)
	if m.Text != "" {
		text += ": " + m.Text
	}
	return text
}

// milestoneHalf is how many of the first milestones a run keeps, and how many of
// the last.
const milestoneHalf = 1000

// milestones is the timeline so far.
type milestones struct {
	first, last []Milestone // last is a ring once it is full
	at          int         // index of the next one in the ring
	omitted     int
	hear        func(Milestone) // see Options.Milestones
}

func (s *milestones) add(m Milestone) {
	if s.hear != nil {
		s.hear(m)
	}
	switch {
	case len(s.first) < milestoneHalf:
		s.first = append(s.first, m)
	case len(s.last) < milestoneHalf:
		s.last = append(s.last, m)
	default:
		s.last[s.at] = m
		s.at = (s.at + 1) % milestoneHalf
		s.omitted++
	}
}

// list returns the milestones that were kept, in order.
func (s *milestones) list() []Milestone {
	return slices.Concat(s.first, s.last[s.at:], s.last[:s.at])
}

// Milestone adds a milestone to the timeline. words are the key without its kind.
func (w *World) Milestone(kind plan.MilestoneKind, node, words, text string) {
	key := string(kind)
	if words != "" {
		key += " " + words
	}
	w.timeline.add(Milestone{At: plan.Duration(w.sched.Now()), Event: w.sched.Ran(), Kind: kind,
		Node: node, Key: key, Text: text})
	w.passAnchors(key)
}

// Milestones is the timeline so far. Of a very long one it has the first and the last milestones.
func (w *World) Milestones() []Milestone { return w.timeline.list() }

// Names replaces the ids and numbers in texts of verdicts by names.
func (w *World) Names() *strings.Replacer {
	if s, ok := w.subject.(Namer); ok {
		return s.Names()
	}
	return strings.NewReplacer()
}
