package drive

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wait"
)

// explainedChains is how many chains Explain prints.
const explainedChains = 10

// Explain follows what the loops of a node wait for. A chain begins with an operation that no
// other one waits for. It ends outside the loops (another node, the disk, a time) or at a loop that
// does not answer. Explain prints one chain for each end: the worst first, then the one that has
// waited longest.
func Explain(all []LoopWaits) []string {
	e := explanation{all: all, listed: map[string]bool{}, awaited: map[int]bool{}}
	for i := range all {
		e.now = max(e.now, all[i].At)
		for j := range all[i].Waits {
			e.listed[e.id(i, all[i].Waits[j].Who)] = true
		}
	}
	for i := range all {
		for j := range all[i].Waits {
			e.connect(i, &all[i].Waits[j])
		}
	}
	chains := e.graph.Reduce(e.roots(), e.now)
	var lines []string
	for i := range chains[:min(explainedChains, len(chains))] {
		lines = append(lines, chains[i].Text(func(at env.Instant) string {
			return e.now.Sub(at).Round(time.Millisecond).String() + " ago"
		})...)
	}
	if more := len(chains) - explainedChains; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more reasons", more))
	}
	return lines
}

// explanation is the state of one Explain.
type explanation struct {
	all     []LoopWaits
	graph   wait.Graph
	now     env.Instant
	listed  map[string]bool // ids of operations
	ops     []operation
	awaited map[int]bool // vertices that another one waits for
}

// operation is something pending in a loop.
type operation struct {
	vertex int
	since  env.Instant
}

// id names an operation of a loop in the graph.
func (e *explanation) id(loop int, who string) string {
	return fmt.Sprintf("loop %d %s", loop, who)
}

// op adds an operation of a loop, or the loop itself, and returns its vertex.
func (e *explanation) op(loop int, w *wait.Wait) int {
	before := e.graph.Len()
	v := e.graph.Add(wait.Vertex{
		ID: e.id(loop, w.Who), Where: fmt.Sprintf("loop %d", loop), Who: w.Who, About: w.About,
		Group: wait.Group(w.Who), Since: w.Since, Until: w.Until, Ends: wait.Unnamed,
	})
	if v == before {
		e.ops = append(e.ops, operation{v, w.Since})
	}
	return v
}

// end adds something that is no operation of a loop, and returns its vertex.
func (e *explanation) end(name string, end wait.End, note string) int {
	return e.graph.Add(wait.Vertex{
		ID: name, Who: name, Since: wait.Unknown, Until: env.Never, Ends: end, Note: note,
	})
}

// connect adds the edge from an operation to what it waits for.
func (e *explanation) connect(loop int, w *wait.Wait) {
	from := e.op(loop, w)
	to := e.target(loop, w)
	e.graph.Edge(from, to, w.For)
	e.awaited[to] = true
}

// target returns the vertex of what an operation waits for.
func (e *explanation) target(loop int, w *wait.Wait) int {
	switch t := &w.On; t.Kind {
	case wait.OnOp:
		return e.inLoop(loop, t.Op)
	case wait.OnLoop:
		return e.inLoop(int(t.Loop), t.Op)
	case wait.OnMailbox:
		return e.inLoop(int(t.Loop), wait.Self)
	case wait.OnPeer:
		note := ""
		if t.Op != "" {
			note = "its /debug/waits may list: " + t.Op
		}
		return e.end(fmt.Sprintf("node %d", t.Node), wait.Open, note)
	case wait.OnDisk:
		return e.end(fmt.Sprintf("the disk of loop %d", loop), wait.Open, "")
	case wait.OnTimer:
		return e.end(fmt.Sprintf("a time of loop %d", loop), wait.Open, "")
	case wait.OnSpace:
		return e.end("room on the disk", wait.Fault, "")
	}
	return e.end("clients", wait.Open, "")
}

// inLoop returns the vertex of an operation that should be pending in a loop. The loops answer one
// after the other, so an operation that is not listed may have ended meanwhile.
func (e *explanation) inLoop(loop int, who string) int {
	if loop >= len(e.all) {
		return e.end(fmt.Sprintf("loop %d", loop), wait.Unnamed, "there is no such loop")
	}
	l := &e.all[loop]
	if l.Silent != "" {
		return e.end(fmt.Sprintf("loop %d", loop), wait.Fault,
			"it does not answer; its turn is at "+l.Silent)
	}
	if e.listed[e.id(loop, who)] {
		for i := range l.Waits {
			if l.Waits[i].Who == who {
				return e.op(loop, &l.Waits[i])
			}
		}
	}
	return e.end(e.id(loop, who), wait.Unnamed,
		"the loop lists no such thing; it may have ended meanwhile")
}

// roots returns the operations that no other one waits for: the longest wait first.
func (e *explanation) roots() []int {
	ops := slices.DeleteFunc(slices.Clone(e.ops), func(o operation) bool {
		return e.awaited[o.vertex]
	})
	slices.SortStableFunc(ops, func(a, b operation) int {
		known := func(o operation) env.Instant {
			if o.since == wait.Unknown {
				return env.Never
			}
			return o.since
		}
		return cmp.Compare(known(a), known(b))
	})
	roots := make([]int, len(ops))
	for i, o := range ops {
		roots[i] = o.vertex
	}
	if len(roots) == 0 { // they all wait for each other
		for _, o := range e.ops {
			roots = append(roots, o.vertex)
		}
	}
	return roots
}
