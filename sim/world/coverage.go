package world

import (
	"fmt"
	"slices"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/sim/plan"
)

// Coverage is what a run has reached, whatever its verdict is. It never enters the trace hash. Two
// runs of one plan have the same coverage.
type Coverage struct {
	// Marks says how often the run passed each coverage mark (package mark), by name. Marks that it
	// did not reach are absent.
	Marks map[string]uint64 `json:"marks,omitempty"`
	// Features are the combinations in which a replica was seen: its role, the size of the ISR,
	// whether its node is the controller, and a fault that was on. Sorted.
	Features []string `json:"features,omitempty"`
	// Faults counts the faults that began, by kind.
	Faults map[string]int `json:"faults,omitempty"`
	// Judged counts the operations and facts on which each property was judged.
	Judged map[string]int `json:"judged,omitempty"`
	// Excused counts the violations of each property that are explained by what disks and clocks
	// have done (see plan.Unbudgeted).
	Excused map[string]int `json:"excused,omitempty"`
}

// coverage collects a Coverage during a run.
type coverage struct {
	faults   int              // number of faults that began or ended
	features map[feature]bool // sorted in reached
	judged   map[string]int
	excused  map[string]int
}

func (c *coverage) init() {
	mark.Reset()
	c.features, c.judged, c.excused = map[feature]bool{}, map[string]int{}, map[string]int{}
}

// feature is one combination of Coverage.Features.
type feature struct {
	look  string // all of it except the fault
	fault int8   // plan.FaultNumber; 0: none
	other bool   // the fault is on another node
}

func (f feature) String() string {
	if f.fault == 0 {
		return f.look
	}
	where := "here"
	if f.other {
		where = "elsewhere"
	}
	return fmt.Sprintf("%s, %s %s", f.look, plan.FaultKinds()[f.fault-1].Name, where)
}

// FaultChanges counts the faults that began or ended. While it stays the same, a look that Saw has
// noted adds no new feature.
func (w *World) FaultChanges() int { return w.coverage.faults }

// Saw notes how something on a node looks to the subject, together with the faults that are on.
func (w *World) Saw(look string, n *Node) {
	quiet := true
	for _, a := range w.active {
		if a.mend == nil {
			continue
		}
		quiet = false
		w.coverage.features[feature{look, a.kind, !w.concerns(a.span, n)}] = true
	}
	if quiet {
		w.coverage.features[feature{look: look}] = true
	}
}

// Judged notes on how many operations and facts a property was judged, and how many violations of
// it are excused.
func (w *World) Judged(property string, judged, excused int) {
	w.coverage.judged[property] += judged
	if excused > 0 {
		w.coverage.excused[property] += excused
	}
}

// concerns reports whether a span is about a node. A fault without its own span is about all nodes
// of a role.
func (w *World) concerns(span int, n *Node) bool {
	return span < 0 || w.past[span].Node == n.spec.Name || w.past[span].Peer == n.spec.Name
}

// reached is the coverage so far.
func (w *World) reached() Coverage {
	c := Coverage{Judged: w.coverage.judged, Excused: w.coverage.excused,
		Marks: map[string]uint64{}, Faults: map[string]int{}}
	names := mark.All()
	for i, n := range mark.Counts() {
		if n > 0 {
			c.Marks[names[i]] = n
		}
	}
	for _, span := range w.past {
		c.Faults[span.Kind]++
	}
	for f := range w.coverage.features {
		c.Features = append(c.Features, f.String())
	}
	slices.Sort(c.Features)
	return c
}
