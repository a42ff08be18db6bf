package sim

import (
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/shard"
)

// Coverage is what a run has reached, whatever its verdict. It is observed, and
// never enters the trace hash; two runs of one plan have the same.
type Coverage struct {
	// Marks are the visits of coverage marks (package mark), by name; those that
	// the run missed are absent.
	Marks map[string]uint64 `json:"marks,omitempty"`
	// Features are the combinations of state in which a replica was seen: role, size
	// of the ISR, whether its node is the controller, and a fault that was on. Sorted.
	Features []string `json:"features,omitempty"`
	// Faults are the faults that began, by kind.
	Faults map[string]int `json:"faults,omitempty"`
	// Judged is how many operations and facts were held against each property.
	Judged map[string]int `json:"judged,omitempty"`
	// Excused is how many violations of each property are explained by what disks
	// and clocks have done (see Unbudgeted).
	Excused map[string]int `json:"excused,omitempty"`
}

// coverage collects it during a run.
type coverage struct {
	// faults counts the beginnings and ends of faults: a replica that looks as
	// before, while nothing began or ended, adds no feature.
	faults   int
	features map[feature]bool // sorted before anybody sees them
	judged   map[string]int
	excused  map[string]int
}

func (c *coverage) init() {
	mark.Reset()
	c.features, c.judged, c.excused = map[feature]bool{}, map[string]int{}, map[string]int{}
}

// feature is one combination, packed: it is looked up after every turn.
type feature struct {
	look  look
	fault int8 // index in faultKinds + 1; 0: none
	other bool // the fault is on another node
}

// look is what of a feature belongs to the replica.
type look struct {
	role       byte // 'l', 'f' or ' '
	isr        int8
	controller bool
}

func (f feature) String() string {
	var b strings.Builder
	b.WriteString(map[byte]string{'l': "leader", 'f': "follower", ' ': "no role"}[f.look.role])
	fmt.Fprintf(&b, ", ISR of %d", f.look.isr)
	if f.look.controller {
		b.WriteString(", controller")
	}
	if f.fault > 0 {
		where := "here"
		if f.other {
			where = "elsewhere"
		}
		fmt.Fprintf(&b, ", %s %s", faultKinds[f.fault-1].Name, where)
	}
	return b.String()
}

// featureSight is the last that was noted of a replica.
type featureSight struct {
	look   look
	faults int
	seen   bool
}

// seeFeatures notes the state of a replica at the end of a turn of its shard.
func (w *World) seeFeatures(s *featureSight, n *Node, controller bool, p *shard.PartState) {
	now := look{role: ' ', isr: int8(min(len(p.ISR), 100)), controller: controller}
	switch {
	case p.Leading:
		now.role = 'l'
	case p.Following:
		now.role = 'f'
	}
	if s.seen && s.look == now && s.faults == w.coverage.faults {
		return
	}
	*s = featureSight{now, w.coverage.faults, true}
	quiet := true
	for _, a := range w.active {
		if a.mend == nil {
			continue
		}
		quiet = false
		w.coverage.features[feature{now, a.kind, !w.concerns(a.span, n)}] = true
	}
	if quiet {
		w.coverage.features[feature{look: now}] = true
	}
}

// concerns reports whether a span is about a node; a fault without a span is
// about every node of a role.
func (w *World) concerns(span int, n *Node) bool {
	return span < 0 || w.past[span].Node == n.spec.Name || w.past[span].Peer == n.spec.Name
}

// reached is the coverage so far.
func (w *World) reached() Coverage {
	c := Coverage{Judged: w.coverage.judged, Excused: w.coverage.excused, Marks: map[string]uint64{}, Faults: map[string]int{}}
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
