package wait

import (
	"slices"
	"strings"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
)

// End says what a chain of waits ends with. A larger one is worse: it explains more.
type End uint8

const (
	// Open: the chain ends with something under way that will come: a disk
	// operation, mail, a timer.
	Open End = iota
	// Deadline: nothing is under way, but a wait of the chain ends by itself.
	Deadline
	// Unnamed: the chain ends with something unknown.
	Unnamed
	// Lost: nothing is under way that could end the wait.
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
	Who   string // its name in Where
	About string
	Group string      // what kind of operation it is: chains of equal groups are counted
	Since env.Instant // Unknown if it is not known
	Until env.Instant // when it ends by itself, or env.Never
	// Ends is the end of a chain that stops here. It counts only if the vertex has no edges.
	Ends End
	Note string // why the chain stops here
}

// Group is the kind of an operation: its name up to the first number. The kind of a loop as a whole
// is "loop".
func Group(name string) string {
	if name == Self {
		return "loop"
	}
	if i := strings.IndexAny(name, "0123456789"); i > 0 {
		name = name[:i]
	}
	return strings.TrimSpace(name)
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

// Add adds a vertex and returns its number. If the ID exists, it keeps the old vertex.
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

// Edge says that from waits for to, and why.
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

// Chain is the reason why one root does not end. It counts the other roots with the same reason.
type Chain struct {
	End   End
	Steps []Step
	// Back is the number of the step that the last one waits for, in a cycle.
	Back int
	// Alike counts, by group, the other roots with chains that end in the same place.
	Alike []Count
}

// Step is a vertex of a chain, with what it needs from the next one.
type Step struct {
	Vertex
	For string
	// Late: its deadline has passed, and the operation has not ended.
	Late bool
}

// Count is a number of roots of one group.
type Count struct {
	Group string
	N     int
}

// Reduce follows the edges from each root to the worst end that it can reach. It returns one chain
// for each place where they end: that of the first root with the worst end there. The worst chains
// come first, and chains of equal rank are in the order of their roots. A deadline counts if it is
// later than now.
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

// worstFirst sorts stably, the worst end first.
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

// visit finds the worst end that a vertex leads to. An edge back to a vertex of the current path is
// a cycle, which is the worst. Every vertex of the path then keeps its edge towards the cycle.
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

// chain follows a root to the end of its chain. place identifies that end. All cycles through the
// same vertices have the smallest of them as their place.
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
