package world

import (
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/sim/plan"
)

// Milestone is a turning point of a run: what a person would tell of it, and
// what a fault can be anchored at. Milestones never enter the trace hash.
type Milestone struct {
	At plan.Duration `yaml:"at" json:"at"`
	// number of the scheduler's event that brought it; 0: before the first
	Event uint64             `yaml:"event,omitempty" json:"event"`
	Kind  plan.MilestoneKind `yaml:"-" json:"kind"`
	// the node that it concerns; "" is the cluster
	Node string `yaml:"-" json:"node,omitempty"`
	// Key says what happened, without times, random ids and reasons: a run that
	// goes the same way has the same keys on another commit.
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

// milestones are the turning points so far.
type milestones struct {
	first, last []Milestone // last is a ring once it is full
	at          int         // where the ring's next one goes
	omitted     int
	hear        func(Milestone)
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

// list is what was kept, in order.
func (s *milestones) list() []Milestone {
	return slices.Concat(s.first, s.last[s.at:], s.last[:s.at])
}

// Milestone records a turning point. words are the key without its kind.
func (w *World) Milestone(kind plan.MilestoneKind, node, words, text string) {
	key := string(kind)
	if words != "" {
		key += " " + words
	}
	w.timeline.add(Milestone{At: plan.Duration(w.sched.Now()), Event: w.sched.Ran(), Kind: kind,
		Node: node, Key: key, Text: text})
	w.passAnchors(key)
}

// Milestones are the turning points so far; of a long run the first and the last.
func (w *World) Milestones() []Milestone { return w.timeline.list() }

// Names writes names where texts of verdicts have ids and numbers.
func (w *World) Names() *strings.Replacer {
	if s, ok := w.subject.(Namer); ok {
		return s.Names()
	}
	return strings.NewReplacer()
}
