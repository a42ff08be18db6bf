package world

import (
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wait"
)

// stallGraph is the wait-for graph of a moment. It joins the operations that the loops list as
// waiting to what the world knows: the nodes, disks, links and faults.
type stallGraph struct {
	wait.Graph
	world *World
	ops   map[string]bool // ids of the listed operations, and of loops that wait; looked up only
}

func newStallGraph(w *World) *stallGraph {
	g := &stallGraph{world: w, ops: map[string]bool{}}
	type listed struct {
		loop  *loopHost
		waits []wait.Wait
	}
	var all []listed
	for _, n := range w.nodes {
		if !n.up {
			continue
		}
		for _, l := range n.loops {
			waiter, ok := l.loop.(wait.Waiter)
			if !ok {
				continue
			}
			e := listed{loop: l}
			waiter.Waits(func(x wait.Wait) { e.waits = append(e.waits, x) })
			for i := range e.waits {
				g.add(l, &e.waits[i])
			}
			all = append(all, e)
		}
	}
	for _, e := range all {
		free := taken(e.waits)
		for i := range e.waits {
			g.connect(e.loop, &e.waits[i], free)
		}
	}
	return g
}

// taken are the operations that a loop goes on with although it waits as a whole: those that it
// waits for.
func taken(waits []wait.Wait) map[string]bool {
	free := map[string]bool{wait.Self: true}
	for grown := true; grown; {
		grown = false
		for i := range waits {
			if x := &waits[i]; x.On.Kind == wait.OnOp && free[x.Who] && !free[x.On.Op] {
				free[x.On.Op], grown = true, true
			}
		}
	}
	return free
}

// opID is the id of an operation in the graph; the id of a loop as a whole is its place.
func opID(where, op string) string {
	if op == wait.Self {
		return where
	}
	return where + " " + op
}

// place is a loop's name in a stall: "b1/0".
func (l *loopHost) place() string { return fmt.Sprintf("%s/%d", l.name, l.id) }

// add adds an operation, without what it waits for.
func (g *stallGraph) add(l *loopHost, x *wait.Wait) int {
	if x.Who == wait.Self {
		g.ops[l.place()] = true
		return g.loop(l, x.About)
	}
	id := opID(l.place(), x.Who)
	g.ops[id] = true
	return g.Add(wait.Vertex{
		ID: id, Where: l.place(), Who: x.Who, About: x.About, Group: wait.Group(x.Who),
		Since: g.since(l, x.Since), Until: l.node.clock.world(x.Until),
		Ends: wait.Unnamed, Note: "it does not say what for",
	})
}

// since turns a time of a loop's clock into a time of the world.
func (g *stallGraph) since(l *loopHost, at env.Instant) env.Instant {
	if at == wait.Unknown {
		return wait.Unknown
	}
	return l.node.clock.before(at)
}

// connect adds what an operation waits for. First of all, its own loop must run, unless the
// operation is in free (see taken).
func (g *stallGraph) connect(l *loopHost, x *wait.Wait, free map[string]bool) {
	from := g.add(l, x)
	if x.Who != wait.Self && (l.stuck() || g.standsStill(l) && !free[x.Who]) {
		g.Edge(from, g.loop(l, ""), "its loop")
	}
	t := &x.On
	switch t.Kind {
	case wait.OnOp:
		g.onLoop(from, l, l, t.Op, x)
	case wait.OnLoop:
		if int(t.Loop) >= len(l.node.loops) {
			g.Edge(from, g.nothing(l.name, t.Op, wait.Unnamed,
				fmt.Sprintf("there is no loop %d", t.Loop)), x.For)
			return
		}
		g.onLoop(from, l, l.node.loops[t.Loop], t.Op, x)
	case wait.OnMailbox:
		g.Edge(from, g.loop(l.node.loops[t.Loop], ""), x.For)
	case wait.OnPeer:
		g.onPeer(from, l, x)
	case wait.OnDisk:
		g.onDisk(from, l, x)
	case wait.OnTimer:
		g.onTimer(from, l, x)
	case wait.OnSpace:
		g.onSpace(from, l, x)
	case wait.OnClient:
		v := g.Add(wait.Vertex{
			ID: opID(l.place(), x.Who) + " client", Who: "the client of " + x.Who,
			Since: wait.Unknown, Until: env.Never,
			Ends: wait.Open, Note: "it may send, read or close",
		})
		g.Edge(from, v, x.For)
	}
}

// nothing is the vertex of an operation that is not listed: a chain ends there.
func (g *stallGraph) nothing(where, op string, end wait.End, note string) int {
	return g.Add(wait.Vertex{
		ID: opID(where, op) + " is missing: " + note, Where: where, Who: op,
		Group: wait.Group(op),
		Since: wait.Unknown, Until: env.Never, Ends: end, Note: note,
	})
}

// onLoop joins a wait of a loop to an operation of the same loop, or of another loop of its node.
func (g *stallGraph) onLoop(from int, l, other *loopHost, op string, x *wait.Wait) {
	id := opID(other.place(), op)
	switch {
	case g.ops[id]:
		to, _ := g.Find(id)
		g.Edge(from, to, x.For)
	case g.standsStill(other):
		g.Edge(from, g.loop(other, ""), x.For)
	case l != other && (g.mailBetween(l, other) || g.mailBetween(other, l)):
		g.Edge(from, g.nothing(other.place(), op, wait.Open,
			"there is mail between "+l.place()+" and it"), x.For)
	default:
		g.Edge(from, g.nothing(other.place(), op, wait.Lost,
			"the loop runs, and has nothing of that name pending"), x.For)
	}
}

// mailBetween reports whether mail from one loop to another is under way or waits in the inbox.
func (g *stallGraph) mailBetween(from, to *loopHost) bool {
	if p := from.out[to.id]; p != nil && len(p.queue) > p.head {
		return true
	}
	for _, e := range to.inbox.entries[to.inbox.head:] {
		if e.event.Mail != nil && e.event.From == from.id {
			return true
		}
	}
	return false
}

// onPeer joins a wait of a loop to an operation of another node.
func (g *stallGraph) onPeer(from int, l *loopHost, x *wait.Wait) {
	var peer *Node
	if teller, ok := g.world.subject.(PeerTeller); ok {
		peer = g.world.byName[teller.PeerName(&x.On)]
	}
	switch {
	case peer == nil:
		g.Edge(from, g.nothing("", fmt.Sprintf("node %d", x.On.Node), wait.Unnamed,
			"the world has no such node"), x.For)
	case !peer.up || peer.frozen > 0:
		g.Edge(from, g.node(peer), x.For)
	case g.linkHeld(l.node, peer):
		g.Edge(from, g.link(l.node, peer, "nothing passes"), x.For)
	case g.linkHeld(peer, l.node):
		g.Edge(from, g.link(peer, l.node, "nothing passes"), x.For)
	case x.On.IfAny && !g.listed(peer, x.On.Op) && !slices.ContainsFunc(peer.loops, g.standsStill):
	default:
		g.onNode(from, l.node, peer, x.On.Op, x.For, g.since(l, x.Since))
	}
}

// listed reports whether a loop of a node lists an operation.
func (g *stallGraph) listed(n *Node, op string) bool {
	return slices.ContainsFunc(n.loops,
		func(l *loopHost) bool { return g.ops[opID(l.place(), op)] })
}

// onNode joins a wait to an operation that some loop of the node peer should have pending. n is the
// node that waits; nil if no node does.
func (g *stallGraph) onNode(from int, n, peer *Node, op, what string, since env.Instant) {
	for _, other := range peer.loops {
		if id := opID(other.place(), op); op != "" && g.ops[id] {
			to, _ := g.Find(id)
			g.Edge(from, to, what)
			return
		}
	}
	stands := false
	for _, other := range peer.loops {
		if g.standsStill(other) { // it may have the operation and not list it
			g.Edge(from, g.loop(other, ""), what)
			stands = true
		}
	}
	if n != nil {
		for _, way := range [][2]*Node{{n, peer}, {peer, n}} {
			if g.world.hardware.fabric.Slowed(way[0].spec.Name, way[1].spec.Name) {
				g.Edge(from, g.link(way[0], way[1], "slow"), what)
				stands = true
			}
		}
	}
	if !stands {
		g.Edge(from, g.nothing(peer.spec.Name, op, wait.Lost, g.whyGone(n, peer, op, since)), what)
	}
}

// whyGone says why the node peer does not have the operation that n waits for.
func (g *stallGraph) whyGone(n, peer *Node, op string, since env.Instant) string {
	for _, p := range peer.past {
		if since != wait.Unknown && (p.ended >= since || peer.began > since &&
			p.number == peer.incarnation-1) {
			return fmt.Sprintf("incarnation %d ended (%s) at %s%s; incarnation %d, from %s on, "+
				"knows nothing of it",
				p.number, p.how, stallTime(p.ended), by(p.fault), peer.incarnation,
				stallTime(peer.began))
		}
	}
	why := "the node runs"
	if op != "" {
		why += ", and nothing of that name is pending there"
	}
	if teller, ok := g.world.subject.(PeerTeller); ok {
		if is := teller.Tell(peer); is != "" {
			why += "; " + is
		}
	}
	if at, ok := g.world.broken[nodePair{n, peer}]; ok && since != wait.Unknown && at >= since {
		why += "; a connection between the two broke at " + stallTime(at)
	}
	return why
}

func by(fault string) string {
	if fault == "" {
		return ""
	}
	return " by fault " + fault
}

// onDisk joins a wait to operations of the loop's disk.
func (g *stallGraph) onDisk(from int, l *loopHost, x *wait.Wait) {
	found := false
	for i := range l.disk.ops {
		op := &l.disk.ops[i]
		if op.active && op.owner == x.On.Owner &&
			(x.On.Token == wait.AnyToken || op.token == x.On.Token) {
			g.Edge(from, g.diskOp(l, op), x.For)
			found = true
		}
	}
	for i := range l.disk.queue {
		c := &l.disk.queue[i].event.Disk
		if c.Owner == x.On.Owner && (x.On.Token == wait.AnyToken || c.Token == x.On.Token) {
			g.Edge(from, g.heldCompletion(l, c.Kind, c.Owner, c.Token), x.For)
			found = true
		}
	}
	if found {
		return
	}
	end, note := wait.Lost, "the disk has no such operation"
	if l.inbox.len() > 0 {
		end, note = wait.Open, "it may be among the events that wait for the loop"
	}
	g.Edge(from, g.nothing(l.place(), "disk operation", end, note), x.For)
}

// onSpace joins a wait to the full disk of the node.
func (g *stallGraph) onSpace(from int, l *loopHost, x *wait.Wait) {
	v := g.Add(wait.Vertex{
		ID: l.name + " space", Where: l.name, Who: "disk space", Group: "disk", Since: wait.Unknown,
		Until: env.Never,
		Ends:  wait.Fault, Note: "the disk is full",
	})
	g.fault(v, "its end", func(f *FaultSpan) bool {
		return f.Node == l.name && strings.Contains(f.Kind, "full")
	})
	g.Edge(from, v, x.For)
}

// onTimer joins a wait to the loop's timer.
func (g *stallGraph) onTimer(from int, l *loopHost, x *wait.Wait) {
	due := l.node.clock.world(x.On.At)
	end, note := wait.Open, "due at "+stallTime(due)
	if l.timer > x.On.At {
		end, note = wait.Lost, fmt.Sprintf("due at %s, and the loop has no timer before %s",
			stallTime(due), timerText(l))
	}
	g.Edge(from, g.nothing(l.place(), "timer", end, note), x.For)
}

func timerText(l *loopHost) string {
	if l.timer == env.Never {
		return "the end of time"
	}
	return stallTime(l.node.clock.world(l.timer))
}

// roots adds the operations that are overdue, and returns their vertices.
func (g *stallGraph) roots(overdue []Overdue) (roots []int) {
	for _, o := range overdue {
		if o.Name == "" {
			for _, at := range o.At {
				if i, ok := g.Find(opID(fmt.Sprintf("%s/%d", at.Node, at.Loop), at.Op)); ok {
					roots = append(roots, i)
				}
			}
			continue
		}
		v := g.Add(wait.Vertex{
			ID: "overdue " + o.Name, Who: o.Name, Group: o.Group, Since: o.Since, Until: env.Never,
			Ends: wait.Unnamed, Note: "nothing says what it waits for",
		})
		roots = append(roots, v)
		for _, at := range o.At {
			g.place(v, at, o.Since)
		}
	}
	return roots
}

// place joins a root to the operation, loop or node that it waits for.
func (g *stallGraph) place(from int, at StallPlace, since env.Instant) {
	n := g.world.byName[at.Node]
	switch {
	case n == nil:
	case !n.up || n.frozen > 0:
		g.Edge(from, g.node(n), at.For)
	case at.Loop >= 0 && int(at.Loop) < len(n.loops):
		l := n.loops[at.Loop]
		if id := opID(l.place(), at.Op); g.ops[id] {
			to, _ := g.Find(id)
			g.Edge(from, to, at.For)
			return
		}
		if at.Op == wait.Self || g.standsStill(l) {
			g.Edge(from, g.loop(l, ""), at.For)
			return
		}
		g.Edge(from, g.nothing(l.place(), at.Op, wait.Lost,
			"the loop runs, and has nothing of that name pending"), at.For)
	default:
		g.onNode(from, nil, n, at.Op, at.For, since)
	}
}
