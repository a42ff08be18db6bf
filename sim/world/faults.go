package world

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
)

// faultBegin breaks what the target names, and returns how to mend it; nil if there is nothing to
// mend.
type faultBegin func(w *World, t target, f *plan.Fault) (mend func())

// target is what the Target of a fault names.
type target struct {
	node   *Node
	loop   loop.ID
	onLoop bool
	peer   *Node // OnLink
	twoWay bool
	nodes  []*Node // OnRole, in the plan's order
}

// begins has the effect of every kind of fault.
var begins = map[string]faultBegin{}

func init() { // not in the declaration: the effects refer to the map, through the world
	for _, kinds := range []map[string]faultBegin{processFaults, operatorFaults, networkFaults,
		diskFaults, directoryFaults} {
		maps.Copy(begins, kinds)
	}
}

// activeFault is a fault that has begun and has something to mend.
type activeFault struct {
	fault *plan.Fault
	name  string // its number in the plan, its kind and what it hit
	kind  int8   // plan.FaultNumber
	mend  func() // nil: it is mended
	span  int    // index into World.past; -1: the kind makes its own spans
}

// strike is a fault at the moment at which it begins.
type strike struct {
	name   string
	target target
	lasts  time.Duration // 0: until the healing
}

// killer is the name of the fault that ends an incarnation of a node now; "" if none does.
func (w *World) killer(n *Node) string {
	if w.striking != nil {
		return w.striking.name
	}
	for i := len(w.past) - 1; i >= 0; i-- {
		if s := &w.past[i]; s.Node == n.spec.Name && s.To > w.Now() &&
			slices.Contains(endingFaults, s.Kind) {
			return s.Name
		}
	}
	return ""
}

// endingFaults are the kinds that end incarnations later than when they begin.
var endingFaults = []string{"clean-stop", "rolling-restart", "crash-loop"}

// FaultSpan says when a fault was on, and what it hit.
type FaultSpan struct {
	Number     int    // in the plan, from 1 on; 0: it is one part of a fault of several nodes
	Name       string // number, kind and what it hit
	Kind       string
	Text       string        // amount, length, path
	Loop       int           // -1: the whole node
	Node, Peer string        // Peer: the other end of a link
	TwoWay     bool          // of a link
	For        time.Duration // as planned; 0: until the healing
	From, To   env.Instant   // To: env.Never while it is on
}

// FaultSpans are the spans of all faults that have begun so far, in that order. A fault with
// nothing to mend has its planned length.
func (w *World) FaultSpans() []FaultSpan { return w.past }

// spanBegins notes that a fault begins on a node, or on its link to a peer.
func (w *World) spanBegins(kind string, n, peer *Node) int {
	span := FaultSpan{Name: kind + " " + n.spec.Name, Kind: kind, Loop: -1, Node: n.spec.Name,
		From: w.Now(), To: env.Never}
	if s := w.striking; s != nil {
		span.Name, span.For, span.TwoWay = s.name, s.lasts, s.target.twoWay
	}
	if peer != nil {
		span.Peer = peer.spec.Name
	}
	w.past = append(w.past, span)
	return len(w.past) - 1
}

// spanEnds ends a span that spanBegins returned; -1 is none.
func (w *World) spanEnds(span int, at env.Instant) {
	if span >= 0 {
		w.past[span].To = at
	}
}

// spanNode is the node of a span; "" for span -1.
func (w *World) spanNode(span int) string {
	if span < 0 {
		return ""
	}
	return w.past[span].Node
}

// faultRandom is the random stream of one fault of the plan. It depends only on this fault, not on
// the rest of the plan.
func (w *World) faultRandom(f *plan.Fault) *env.Rand {
	return w.streams.Open("fault", f.Kind, f.Target, f.At.String())
}

func (w *World) beginFault(i int) {
	f := &w.plan.Faults[i]
	if w.healed {
		return
	}
	kind := plan.FindFaultKind(f.Kind)
	t, ok := w.resolve(kind, f.Target)
	if !ok {
		return
	}
	w.Note(nil, FaultBegun, uint64(f.Amount), f.Kind+" "+f.Target)
	name := fmt.Sprintf("%d %s %s", i+1, f.Kind, t.String())
	w.Milestone(plan.FaultOn, t.nodeName(), name, faultText(f, t.String()))
	w.coverage.faults++
	w.striking = &strike{name, t, f.For.Std()}
	defer func() { w.striking = nil }()
	a := &activeFault{fault: f, name: name, kind: int8(plan.FaultNumber(f.Kind)), span: -1}
	if kind.Target != plan.OnRole {
		a.span = w.spanBegins(f.Kind, t.node, t.peer)
		span := &w.past[a.span]
		if span.Number, span.Text = i+1, faultText(f, t.String()); t.onLoop {
			span.Loop = int(t.loop)
		}
	}
	if a.mend = begins[f.Kind](w, t, f); a.mend == nil {
		w.spanEnds(a.span, w.Now().Add(f.For.Std()))
		return
	}
	w.active = append(w.active, a)
	if f.For > 0 {
		w.After(f.For.Std(), "fault ends", func() { w.endFault(a) })
	}
}

func (w *World) endFault(a *activeFault) {
	if a.mend == nil {
		return // the healing came first
	}
	mend := a.mend
	a.mend = nil
	w.coverage.faults++
	w.spanEnds(a.span, w.Now())
	w.Note(nil, FaultEnded, 0, a.fault.Kind+" "+a.fault.Target)
	w.Milestone(plan.FaultOff, w.spanNode(a.span), a.name, "")
	mend()
}

func (w *World) endFaults() {
	for _, a := range w.active {
		w.endFault(a)
	}
	w.active = nil
}

// resolve finds what a fault's target names. A plan that names something that does not exist fails
// the run: without the fault the run would be easier.
func (w *World) resolve(kind *plan.FaultKind, name string) (t target, ok bool) {
	if strings.HasPrefix(name, "@") {
		resolved, ok := w.subject.Resolve(w, name[1:])
		if !ok {
			return t, false
		}
		name = resolved
	}
	if err := t.parse(w, kind.Target, name); err != nil {
		w.Violated(property.FaultsHaveTargets, name, "%s: %v", kind.Name, err)
		return t, false
	}
	return t, true
}

func (t *target) parse(w *World, kind plan.TargetKind, name string) error {
	first, rest := name, ""
	switch kind {
	case plan.OnRole:
		for _, n := range w.nodes {
			if n.spec.Role == name {
				t.nodes = append(t.nodes, n)
			}
		}
		if t.nodes == nil {
			return fmt.Errorf("no node of role %q", name)
		}
		return nil
	case plan.OnLoop:
		first, rest, _ = strings.Cut(name, "/")
		id, err := strconv.Atoi(rest)
		if err != nil {
			return fmt.Errorf("want node/loop: %w", err)
		}
		t.loop, t.onLoop = loop.ID(id), true
	case plan.OnLink:
		var peer string
		if first, peer, t.twoWay = strings.Cut(name, "-"); !t.twoWay {
			first, peer, _ = strings.Cut(name, ">")
		}
		if t.peer = w.byName[peer]; t.peer == nil {
			return fmt.Errorf("no node %q", peer)
		}
	}
	if t.node = w.byName[first]; t.node == nil {
		return fmt.Errorf("no node %q", first)
	}
	if kind == plan.OnLoop && int(t.loop) >= t.node.spec.Loops() {
		return fmt.Errorf("no loop %d on %s", t.loop, first)
	}
	return nil
}

// String is the target as a plan would write it.
func (t *target) String() string {
	switch {
	case t.nodes != nil:
		return t.nodes[0].spec.Role
	case t.peer != nil && t.twoWay:
		return t.node.spec.Name + "-" + t.peer.spec.Name
	case t.peer != nil:
		return t.node.spec.Name + ">" + t.peer.spec.Name
	case t.onLoop:
		return fmt.Sprintf("%s/%d", t.node.spec.Name, t.loop)
	}
	return t.node.spec.Name
}

// nodeName is the node that the target names; "" if it names several.
func (t *target) nodeName() string {
	if t.node == nil {
		return ""
	}
	return t.node.spec.Name
}

// faultText is what the key of a fault's milestone leaves out.
func faultText(f *plan.Fault, resolved string) string {
	var parts []string
	if f.Target != resolved {
		parts = append(parts, "is "+f.Target)
	}
	if f.For > 0 {
		parts = append(parts, "for "+f.For.String())
	}
	if f.Amount != 0 {
		parts = append(parts, fmt.Sprintf("amount %d", f.Amount))
	}
	if f.Path != "" {
		parts = append(parts, "path "+f.Path)
	}
	return strings.Join(parts, ", ")
}
