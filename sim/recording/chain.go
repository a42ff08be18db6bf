package recording

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"example.com/lockstep/broker/env"
)

// hop is one link of a causal chain: a flow, or a time in which a loop that the chain had
// reached waited for something that the chain did not cause.
type hop struct {
	flow     uint32 // 1 + index; 0: a wait
	lane     uint16 // of a wait
	from, to env.Instant
	released uint32 // of a wait: the flow that ended it; 0: a timer
}

// chain is what led from a request to its answer, or how far the request came.
type chain struct {
	hops []hop
	// stuck lists flows (1 + index) that did not arrive, or that no loop took. An operation
	// without an end still waits for them.
	stuck []uint32
	// partial says that part of the chain lies outside the slices that were kept.
	partial bool
}

// flowGraph finds chains in a recording. Its vertices are steps, its edges flows.
type flowGraph struct {
	r        *Recording
	incoming [][2]uint32 // by step: a range of byTo
	byTo     []uint32    // indices of flows, by the step that they end in
	outgoing [][2]uint32
	byFrom   []uint32
	answers  map[uint32]uint32 // by request (1 + index): the flow of the answer (1 + index)
}

func newFlowGraph(r *Recording) *flowGraph {
	g := &flowGraph{r: r, answers: map[uint32]uint32{}}
	g.byTo, g.incoming = groupFlows(r, func(f *flow) uint32 { return f.to })
	g.byFrom, g.outgoing = groupFlows(r, func(f *flow) uint32 { return f.from })
	for i := range r.flows {
		if f := &r.flows[i]; f.response && f.request != 0 {
			g.answers[f.request] = uint32(i) + 1
		}
	}
	return g
}

// groupFlows sorts flows by a step, and returns the range of each step in that order.
func groupFlows(r *Recording, key func(*flow) uint32) (order []uint32, ranges [][2]uint32) {
	for i := range r.flows {
		if key(&r.flows[i]) != 0 {
			order = append(order, uint32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b uint32) int {
		return cmp.Compare(key(&r.flows[a]), key(&r.flows[b]))
	})
	ranges = make([][2]uint32, len(r.given))
	for i := 0; i < len(order); {
		step, j := key(&r.flows[order[i]]), i
		for j < len(order) && key(&r.flows[order[j]]) == step {
			j++
		}
		ranges[step] = [2]uint32{uint32(i), uint32(j)}
		i = j
	}
	return order, ranges
}

func (g *flowGraph) in(step uint32) []uint32  { s := g.incoming[step]; return g.byTo[s[0]:s[1]] }
func (g *flowGraph) out(step uint32) []uint32 { s := g.outgoing[step]; return g.byFrom[s[0]:s[1]] }

// end is the last step of the turn that has this step. It stands for the end of the turn.
func (g *flowGraph) end(step uint32) uint32 {
	t := g.r.turnOf(step)
	return t.first + t.steps - 1
}

// spread is what a request brought about, as far as steps show: each step that it reached,
// with the flow that reached the step first. What a turn does at its end counts as caused
// by each event of the turn.
type spread struct {
	// by step: the flow (1 + index) that reached it; for the end of a turn, that of the step.
	by    map[uint32]uint32
	order []uint32 // steps, nearest first
	open  []uint32 // flows (1 + index) that no loop took
}

const spreadBound = 50_000

func (g *flowGraph) reach(from uint32, until env.Instant) spread {
	first := g.r.flows[from-1]
	s := spread{by: map[uint32]uint32{}}
	visit := func(step, by uint32) {
		if _, known := s.by[step]; !known && step != 0 {
			s.by[step] = by
			s.order = append(s.order, step)
		}
	}
	if first.to == 0 {
		s.open = append(s.open, from)
	}
	visit(first.to, from)
	for i := 0; i < len(s.order) && i < spreadBound; i++ {
		step := s.order[i]
		for _, n := range g.out(step) {
			f := &g.r.flows[n]
			switch {
			case !f.taken && f.kind != flowRefused && f.kind != flowClose:
				s.open = append(s.open, n+1)
			case f.to != 0 && g.r.turnOf(f.to).at <= until:
				visit(f.to, n+1)
			}
		}
		visit(g.end(step), s.by[step])
	}
	return s
}

// request finds the chain of a client's request. With an answer, the chain leads back from
// the answer to the request. Without one, it leads from the request to the flows that are
// stuck.
func (g *flowGraph) request(i int) chain {
	if i < 0 || i >= len(g.r.requests) || g.r.requests[i].flow == 0 {
		return chain{partial: true}
	}
	asked := g.r.requests[i].flow
	answer := g.answers[uint32(i)+1]
	until := env.Never
	if answer != 0 && g.r.flows[answer-1].taken {
		until = g.r.flows[answer-1].arrived
	}
	s := g.reach(asked, until)
	if answer == 0 {
		return g.stuckChain(asked, &s)
	}
	c := g.back(answer, asked, &s)
	if !g.r.flows[answer-1].taken {
		c.stuck = []uint32{answer}
	}
	return c
}

const chainBound = 200

// back follows causes from the last flow to the first one of a chain.
func (g *flowGraph) back(last, first uint32, s *spread) (c chain) {
	defer func() { slices.Reverse(c.hops) }()
	at := last
	for range chainBound {
		f := &g.r.flows[at-1]
		c.hops = append(c.hops, hop{flow: at, from: f.sent, to: f.arrived})
		if at == first {
			return c
		}
		if f.from == 0 {
			break
		}
		cause, between := g.cause(f.from, first, s)
		c.hops = append(c.hops, between...)
		if cause == 0 {
			break
		}
		at = cause
	}
	c.partial = true
	return c
}

// cause is the flow that made a step send what it sent: the last one given to the step
// among those that the chain's first flow brought about. Often there is none, for example
// because a timer or the mail of another request woke the loop. Then the cause is a flow of
// the chain that had reached the same loop before, or a loop earlier on the way. The hops
// between are the wait of that loop, and the flows from the end of the wait to the step,
// the last one first.
func (g *flowGraph) cause(step, first uint32, s *spread) (cause uint32, between []hop) {
	if n := g.among(step, first, s); n != 0 {
		return n, nil
	}
	began := g.r.flows[first-1].arrived
	var path []hop
	for range chainBound {
		n := g.given(step)
		if waited, by := g.waitBefore(step, first, s); waited != 0 {
			// A later round finds a shorter wait, which replaces this one.
			t := g.r.turnOf(step)
			cause = waited
			between = append(slices.Clone(path), hop{lane: t.lane, from: by, to: t.at, released: n})
		}
		if n == 0 || g.r.flows[n-1].from == 0 || g.r.flows[n-1].sent < began {
			return cause, between
		}
		f := &g.r.flows[n-1]
		path = append(path, hop{flow: n, from: f.sent, to: f.arrived})
		step = f.from
	}
	return cause, between
}

// given is the last flow (1 + index) that a step was given. For the end of a turn it is the
// last flow that any step of the turn was given. 0: none.
func (g *flowGraph) given(step uint32) uint32 {
	for k := step + 1; k > g.lowest(step); k-- {
		if in := g.in(k - 1); len(in) > 0 {
			return in[len(in)-1] + 1
		}
	}
	return 0
}

// lowest is the first step that may have caused what a step sent: the step itself, or for
// the end of a turn the first step of the turn.
func (g *flowGraph) lowest(step uint32) uint32 {
	if t := g.r.turnOf(step); step == t.first+t.steps-1 {
		return t.first
	}
	return step
}

// waitBefore finds the last time before a step at which its loop was given something that
// the chain's first flow brought about.
func (g *flowGraph) waitBefore(step, first uint32, s *spread) (cause uint32, at env.Instant) {
	t := g.r.turnOf(step)
	for i := g.laneTurn(t); i >= 0; i-- {
		earlier := &g.r.turns[i]
		if earlier.at < g.r.flows[first-1].sent {
			break
		}
		if earlier.lane != t.lane {
			continue
		}
		for k := earlier.first + earlier.steps; k > earlier.first; k-- {
			if k-1 >= step {
				continue
			}
			if n := g.among(k-1, first, s); n != 0 {
				return n, earlier.at
			}
		}
	}
	return 0, 0
}

// laneTurn is the index of a turn.
func (g *flowGraph) laneTurn(t *recordedTurn) int {
	i, _ := slices.BinarySearchFunc(g.r.turns, t.first,
		func(t recordedTurn, first uint32) int { return cmp.Compare(t.first, first) })
	return i
}

// among is the last flow (1 + index) that a step was given and that the chain's first flow
// brought about. For the end of a turn, any step of the turn counts. 0: none.
func (g *flowGraph) among(step, first uint32, s *spread) uint32 {
	if _, ok := s.by[step]; !ok {
		return 0
	}
	for k := step + 1; k > g.lowest(step); k-- {
		if _, ok := s.by[k-1]; !ok {
			continue
		}
		in := g.in(k - 1)
		for j := len(in); j > 0; j-- {
			n := in[j-1] + 1
			if n == first {
				return n
			}
			if from := g.r.flows[n-1].from; from != 0 {
				if _, ok := s.by[from]; ok {
					return n
				}
			}
		}
	}
	return 0
}

// stuckChain leads from a request to the nearest flows that never arrived or were not
// taken.
func (g *flowGraph) stuckChain(asked uint32, s *spread) (c chain) {
	const most = 3
	for _, n := range s.open {
		if len(c.stuck) == most {
			break
		}
		c.stuck = append(c.stuck, n)
	}
	at := asked
	if len(c.stuck) > 0 {
		at = c.stuck[0]
	}
	for range chainBound {
		f := &g.r.flows[at-1]
		c.hops = append(c.hops, hop{flow: at, from: f.sent, to: f.arrived})
		if at == asked || f.from == 0 {
			break
		}
		if at = s.by[f.from]; at == 0 {
			break
		}
	}
	slices.Reverse(c.hops)
	if f := &g.r.flows[asked-1]; len(c.stuck) == 0 && f.to != 0 {
		c.hops = append(c.hops, hop{lane: f.toLane, from: g.r.turnOf(f.to).at, to: env.Never})
	}
	return c
}

// lines is the chain as text, with one line for each link.
func (g *flowGraph) lines(c *chain) (lines []string) {
	link := func(at env.Instant, took, path, what string) {
		lines = append(lines, fmt.Sprintf("%14s %12s  %-22s %s", time.Duration(at), took, path,
			what))
	}
	stuck := c.stuck
	for _, h := range c.hops {
		switch {
		case h.flow != 0:
			stuck = slices.DeleteFunc(slices.Clone(stuck),
				func(n uint32) bool { return n == h.flow })
			g.flowLine(h.flow, link)
		case h.to == env.Never:
			link(h.from, "to the end", g.r.laneName(h.lane),
				"took it, and sent nothing more for it")
		case h.released != 0:
			link(h.from, time.Duration(h.to-h.from).String(), g.r.laneName(h.lane),
				"waits, until "+g.r.labels[g.r.flows[h.released-1].label]+" comes")
		default:
			link(h.from, time.Duration(h.to-h.from).String(), g.r.laneName(h.lane),
				"waits for a timer")
		}
	}
	for _, n := range stuck {
		g.flowLine(n, link)
	}
	if c.partial {
		lines = append(lines, "  the rest was not kept in detail")
	}
	return lines
}

func (g *flowGraph) flowLine(n uint32, link func(at env.Instant, took, path, what string)) {
	f := &g.r.flows[n-1]
	took, path := "never came", g.r.laneName(f.fromLane)
	if f.arrived != env.Never {
		took = time.Duration(f.arrived - f.sent).String()
	}
	if f.toLane != f.fromLane {
		path += " → " + g.r.laneName(f.toLane)
	}
	link(f.sent, took, path, g.r.labels[f.label])
}

// laneName names a loop as plans do: "b1/2". A client with one loop has the name of its
// node.
func (r *Recording) laneName(lane uint16) string {
	if lane == noLane {
		return "?"
	}
	l := r.lanes[lane]
	n := r.world.Nodes()[l.key.node]
	if n.Spec().Role != "broker" && n.Spec().Loops() == 1 {
		return n.Spec().Name
	}
	return fmt.Sprintf("%s/%d", n.Spec().Name, l.key.loop)
}
