package wait

import (
	"slices"
	"strings"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
)

// End says what a chain of waits ends with. Larger is worse: it explains more.
type End uint8

const (
	// Open: the chain ends with something under way that will come: a disk
	// operation, mail, a timer.
	Open End = iota
	// Deadline: nothing is under way, but a wait of the chain ends by itself.
	Deadline
	// Unnamed: the chain names something of which nothing is known.
	Unnamed
	// Lost: nothing is under way that could bring what is waited for.
	Lost
	// Fault: something is broken on purpose, or a node is down.
	Fault
	// Cycle: the last operation of the chain waits for an earlier one.
	Cycle
)

var endNames = [...]string{
	Open: "under way", Deadline: "until its deadline", Unnamed: "unknown", Lost: "lost wake-up",
	Fault: "fault", Cycle: "cycle",
}

func (e End) String() string { return endNames[e] }

// Vertex is an operation, or something that operations wait for.
type Vertex struct {
	ID    string // unique in the graph
	Where string // the loop or node it belongs to, "" for none
	Who   string // its name there
	About string
	Group string      // what kind of operation it is: chains of equal groups are counted
	Since env.Instant // Unknown if it is not known
	Until env.Instant // when it ends by itself; env.Never
	// Ends is what a chain that stops here ends with. It counts if the vertex has no edges.
	Ends End
	Note string // why the chain stops here
}

// Group is the kind of an operation: its name up to the first number. A loop as a
// whole is a "loop".
func Group(who string) string {
	if who == Self {
		return "loop"
	}
	if i := strings.IndexAny(who, "0123456789"); i > 0 {
		who = who[:i]
	}
	return strings.TrimSpace(who)
}

// Graph is a wait-for graph. The zero value is empty.
type Graph struct {
	vertices []Vertex
	edges    [][]edge
	byID     map[string]int // looked up only
}

type edge struct {
	to  int
	why string
}

// Add adds a vertex and returns its number; one that is there stays as it is.
func (g *Graph) Add(v Vertex) int {
	if i, ok := g.byID[v.ID]; ok {
		return i
	}
	if g.byID == nil {
		g.byID = map[string]int{}
	}
	i := len(g.vertices)
	g.byID[v.ID] = i
	g.vertices = append(g.vertices, v)
	g.edges = append(g.edges, nil)
	return i
}

// Find returns the number of a vertex.
func (g *Graph) Find(id string) (int, bool) {
	i, ok := g.byID[id]
	return i, ok
}

// Edge says that from waits for to, and for what of it.
func (g *Graph) Edge(from, to int, why string) {
	assert.That(from < len(g.vertices) && to < len(g.vertices),
		"wait: edge between %d and %d of %d vertices", from, to, len(g.vertices))
	for _, e := range g.edges[from] {
		if e.to == to {
			return
		}
	}
	g.edges[from] = append(g.edges[from], edge{to, why})
}

// Len is the number of vertices.
func (g *Graph) Len() int { return len(g.vertices) }

// Chain is why one root does not end, and which others do not for the same reason.
type Chain struct {
	End   End
	Steps []Step
	// Back is the number of the step that the last one waits for, in a cycle.
	Back int
	// Alike are the groups of further roots whose chains end in the same place.
	Alike []Count
}

// Step is a vertex on the way, and what it waits for of the next one.
type Step struct {
	Vertex
	For string
	// Late says that its deadline has passed, and has not ended it.
	Late bool
}

// Count is how many roots of a group.
type Count struct {
	Group string
	N     int
}

// Reduce follows the edges from each root to the worst end that it can reach, and
// returns a chain for each place in which they end: that of the first root with
// the worst end there. The worst chains come first, those of equal rank in the order
// of the roots. now judges deadlines.
func (g *Graph) Reduce(roots []int, now env.Instant) []Chain {
	r := reducer{graph: g, now: now, state: make([]mark, len(g.vertices))}
	var chains []Chain
	at := map[int]int{} // chains by where they end; looked up only
	for _, root := range roots {
		r.visit(root)
		c, place := r.chain(root)
		i, seen := at[place]
		if !seen {
			at[place] = len(chains)
			chains = append(chains, c)
			continue
		}
		if c.End > chains[i].End {
			c.Alike, chains[i].Alike = chains[i].Alike, nil
			chains[i], c = c, chains[i]
		}
		chains[i].count(c.Steps[0].Group)
	}
	return worstFirst(chains)
}

func (c *Chain) count(group string) {
	for i := range c.Alike {
		if c.Alike[i].Group == group {
			c.Alike[i].N++
			return
		}
	}
	c.Alike = append(c.Alike, Count{group, 1})
}

// worstFirst sorts stably, by falling rank.
func worstFirst(chains []Chain) []Chain {
	sorted := make([]Chain, 0, len(chains))
	for end := Cycle; ; end-- {
		for _, c := range chains {
			if c.End == end {
				sorted = append(sorted, c)
			}
		}
		if end == Open {
			return sorted
		}
	}
}

// mark is what the search knows of a vertex.
type mark struct {
	seen   bool
	active bool // on the path that is being searched
	end    End
	next   int // the edge to follow; -1: the chain stops here
}

type reducer struct {
	graph *Graph
	now   env.Instant
	state []mark
}

// visit finds the worst end that a vertex leads to. A way back to a vertex of the
// path is a cycle, which is the worst: every vertex of the path then keeps the
// edge that led there.
func (r *reducer) visit(v int) End {
	m := &r.state[v]
	if m.active {
		return Cycle
	}
	if m.seen {
		return m.end
	}
	m.seen, m.active, m.next = true, true, -1
	vertex := &r.graph.vertices[v]
	if len(r.graph.edges[v]) == 0 {
		m.end = vertex.Ends
	}
	for i, e := range r.graph.edges[v] {
		if end := r.visit(e.to); m.next < 0 || end > m.end {
			m.end, m.next = end, i
		}
		if m.end == Cycle {
			break
		}
	}
	if m.end == Lost && vertex.Until != env.Never && vertex.Until > r.now {
		m.end = Deadline
	}
	m.active = false
	return m.end
}

// chain walks from a root to where its chain ends; place identifies that. All
// cycles through the same vertices end in the smallest of them.
func (r *reducer) chain(root int) (c Chain, place int) {
	c.End = r.state[root].end
	var path []int
	for v := root; ; {
		if back := slices.Index(path, v); back >= 0 {
			c.Back = back
			return c, slices.Min(path[back:])
		}
		path = append(path, v)
		s := Step{Vertex: r.graph.vertices[v]}
		s.Late = s.Until <= r.now
		m := r.state[v]
		if m.next < 0 {
			c.Steps = append(c.Steps, s)
			return c, v
		}
		e := r.graph.edges[v][m.next]
		s.For = e.why
		c.Steps = append(c.Steps, s)
		v = e.to
	}
}
