package drive

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wait"
)

// explainedChains is how many chains Explain prints.
const explainedChains = 10

// Explain follows what the loops of a node wait for. A chain begins with an operation that no
// other one waits for. It ends outside the loops (another node, the disk, a time) or at a loop that
// does not answer. Explain prints one chain for each end: the worst first, then the one that has
// waited longest.
func Explain(all []LoopWaits) []string {
	return explain([]NodeWaits{{Loops: all}}, false)
}

// NodeWaits is what is pending in one node, by loop.
type NodeWaits struct {
	Node  kafka.NodeID
	Loops []LoopWaits
}

// ExplainCluster is Explain for the nodes of a cluster that have answered: a chain goes on in the
// loops of another node. The clocks of nodes differ, so each wait counts from when its own loop
// answered.
func ExplainCluster(nodes []NodeWaits) []string { return explain(nodes, true) }

func explain(nodes []NodeWaits, cluster bool) []string {
	e := explanation{cluster: cluster, listed: map[string]bool{}, awaited: map[int]bool{}}
	for _, n := range nodes {
		e.add(n)
	}
	for i := range e.all {
		for j := range e.all[i].Waits {
			e.listed[e.id(i, e.all[i].Waits[j].Who)] = true
		}
	}
	for i := range e.all {
		for j := range e.all[i].Waits {
			e.connect(i, &e.all[i].Waits[j])
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
	cluster bool
	nodes   []NodeWaits
	all     []LoopWaits // of all nodes
	home    []int       // of each loop: its node
	first   []int       // of each node: its first loop in all
	graph   wait.Graph
	now     env.Instant
	listed  map[string]bool // ids of operations
	ops     []operation
	awaited map[int]bool // vertices that another one waits for
}

// explainedNow is the common time of several nodes: each loop answers at it.
const explainedNow = env.Instant(1 << 61)

// add adds a node. In a cluster it moves the times of each loop to the common time.
func (e *explanation) add(n NodeWaits) {
	e.first = append(e.first, len(e.all))
	for _, l := range n.Loops {
		if e.cluster {
			moved := slices.Clone(l.Waits)
			for i := range moved {
				if w := &moved[i]; w.Since != wait.Unknown {
					w.Since += explainedNow - l.At
				}
				if w := &moved[i]; w.Until != env.Never {
					w.Until += explainedNow - l.At
				}
			}
			l.Waits, l.At = moved, explainedNow
		}
		e.now = max(e.now, l.At)
		e.all, e.home = append(e.all, l), append(e.home, len(e.nodes))
	}
	e.nodes = append(e.nodes, n)
}

// where names a loop.
func (e *explanation) where(loop int) string {
	name := fmt.Sprintf("loop %d", loop-e.first[e.home[loop]])
	if e.cluster {
		return fmt.Sprintf("node %d %s", e.nodes[e.home[loop]].Node, name)
	}
	return name
}

// operation is something pending in a loop.
type operation struct {
	vertex int
	since  env.Instant
}

// id names an operation of a loop in the graph.
func (e *explanation) id(loop int, who string) string {
	return e.where(loop) + " " + who
}

// op adds an operation of a loop, or the loop itself, and returns its vertex.
func (e *explanation) op(loop int, w *wait.Wait) int {
	before := e.graph.Len()
	v := e.graph.Add(wait.Vertex{
		ID: e.id(loop, w.Who), Where: e.where(loop), Who: w.Who, About: w.About,
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
		return e.inLoop(e.sibling(loop, t.Loop), t.Op)
	case wait.OnMailbox:
		return e.inLoop(e.sibling(loop, t.Loop), wait.Self)
	case wait.OnPeer:
		return e.inPeer(t)
	case wait.OnDisk:
		return e.end("the disk of "+e.where(loop), wait.Open, "")
	case wait.OnTimer:
		return e.end("a time of "+e.where(loop), wait.Open, "")
	case wait.OnSpace:
		return e.end("room on the disk"+e.ofNode(loop), wait.Fault, "")
	}
	return e.end("clients", wait.Open, "")
}

// ofNode names the node of a loop, if there are several.
func (e *explanation) ofNode(loop int) string {
	if !e.cluster {
		return ""
	}
	return fmt.Sprintf(" of node %d", e.nodes[e.home[loop]].Node)
}

// sibling is the loop with the number in the node of another loop, or -1.
func (e *explanation) sibling(of int, number int32) int {
	n := e.home[of]
	if int(number) >= len(e.nodes[n].Loops) {
		return -1
	}
	return e.first[n] + int(number)
}

// inPeer returns the vertex of an operation of another node, or of the node itself.
func (e *explanation) inPeer(t *wait.Target) int {
	name := fmt.Sprintf("node %d", t.Node)
	at := slices.IndexFunc(e.nodes, func(n NodeWaits) bool { return n.Node == t.Node })
	if e.cluster && at < 0 {
		return e.end(name, wait.Fault, "it has not answered, or was not asked")
	}
	if !e.cluster {
		note := ""
		if t.Op != "" {
			note = "its /debug/waits may list: " + t.Op
		}
		return e.end(name, wait.Open, note)
	}
	n := &e.nodes[at]
	if t.Op == "" {
		return e.end(name, wait.Open, "it answers")
	}
	for i := range n.Loops {
		if loop := e.first[at] + i; n.Loops[i].Silent != "" || e.listed[e.id(loop, t.Op)] {
			return e.inLoop(loop, t.Op)
		}
	}
	return e.end(name+" "+t.Op, wait.Open, "the node lists no such thing; an answer is under way")
}

// inLoop returns the vertex of an operation that should be pending in a loop. The loops answer one
// after the other, so an operation that is not listed may have ended meanwhile.
func (e *explanation) inLoop(loop int, who string) int {
	if loop < 0 {
		return e.end("a loop that does not exist", wait.Unnamed, "")
	}
	l := &e.all[loop]
	if l.Silent != "" {
		return e.end(e.where(loop), wait.Fault,
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
