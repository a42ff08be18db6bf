package world

import (
	"fmt"
	"strings"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/diskfs"
)

// What the world knows about things that do not run, as vertices of the wait-for graph: loops,
// nodes, disks and links, and the faults that hold them.

// pastIncarnation is an incarnation of a node that has ended.
type pastIncarnation struct {
	number int32
	ended  env.Instant
	how    Ending
	fault  string // number, kind and target; "" if no fault ended it
}

// nodePair is two nodes with connections between them.
type nodePair struct{ a, b *Node }

// closed notes that the network reported the end of a connection to a node.
func (w *World) closed(n *Node, remote string) {
	host, _, _ := strings.Cut(remote, ":")
	if peer := w.byName[host]; peer != nil {
		w.broken[nodePair{n, peer}], w.broken[nodePair{peer, n}] = w.Now(), w.Now()
	}
}

// standsStill reports whether a loop takes no events: a fault holds it, or it lists itself as
// waiting as a whole.
func (g *stallGraph) standsStill(l *loopHost) bool { return l.stuck() || g.ops[l.place()] }

// loop is the vertex of a loop as a whole. about is what the loop says about itself.
func (g *stallGraph) loop(l *loopHost, about string) int {
	if i, ok := g.Find(l.place()); ok {
		return i
	}
	note := fmt.Sprintf("it takes events, the last turn was at %s, %d wait", stallTime(l.lastTurn),
		l.inbox.len())
	if about != "" {
		about += ", "
	}
	about += "the last turn was at " + stallTime(l.lastTurn)
	v := g.Add(wait.Vertex{
		ID: l.place(), Where: l.place(), About: about, Group: "loop",
		Since: wait.Unknown, Until: env.Never, Ends: wait.Open, Note: note,
	})
	if l.node.frozen > 0 {
		g.Edge(v, g.node(l.node), "its node, which does not run")
	} else if l.frozen > 0 {
		g.fault(v, "a turn", func(f *FaultSpan) bool {
			return f.Node == l.name && f.Loop == int(l.id) && strings.HasPrefix(f.Kind, "freeze")
		})
	}
	return v
}

// node is the vertex of a node that is down or frozen.
func (g *stallGraph) node(n *Node) int {
	id := n.spec.Name
	if i, ok := g.Find(id); ok {
		return i
	}
	v := wait.Vertex{ID: id, Where: id, Group: "node", Since: wait.Unknown, Until: env.Never,
		Ends: wait.Fault}
	last := pastIncarnation{}
	if len(n.past) > 0 {
		last = n.past[len(n.past)-1]
	}
	switch {
	case n.up:
		v.About, v.Note = "frozen", "frozen"
	case n.lastStop != nil:
		v.Since, v.Note = last.ended, "it stopped itself: "+n.lastStop.Error()
	case n.incarnation == 0:
		v.Note = "it was never started"
	default:
		v.Since, v.Note = last.ended, "it is down: "+last.how.String()+by(last.fault)
	}
	i := g.Add(v)
	if n.up {
		g.fault(i, "the end of its freeze", func(f *FaultSpan) bool {
			return f.Node == id && strings.HasPrefix(f.Kind, "freeze") && f.Loop < 0
		})
	} else if last.fault != "" {
		g.fault(i, "its start", func(f *FaultSpan) bool { return f.Name == last.fault })
	}
	return i
}

func (g *stallGraph) linkHeld(from, to *Node) bool {
	return g.world.hardware.fabric.Held(from.spec.Name, to.spec.Name)
}

// link is the vertex of one direction of a link on which nothing passes, or which is slow.
func (g *stallGraph) link(from, to *Node, note string) int {
	id := from.spec.Name + ">" + to.spec.Name
	if i, ok := g.Find(id); ok {
		return i
	}
	i := g.Add(wait.Vertex{
		ID: id, Who: "link " + id, Group: "link", Since: wait.Unknown, Until: env.Never,
		Ends: wait.Fault, Note: note,
	})
	a, b := from.spec.Name, to.spec.Name
	g.fault(i, "its mending", func(f *FaultSpan) bool {
		return f.Node == a && (f.Peer == b || f.Peer == "") ||
			f.Peer == a && f.Node == b && f.TwoWay || f.Node == b && f.Peer == ""
	})
	return i
}

// diskOp is the vertex of an operation that the disk has not completed.
func (g *stallGraph) diskOp(l *loopHost, op *diskOp) int {
	id := fmt.Sprintf("%s disk %d.%d", l.place(), op.owner, op.token)
	if i, ok := g.Find(id); ok {
		return i
	}
	v := wait.Vertex{
		ID: id, Where: l.place(), Who: fmt.Sprintf("disk %s %d", op.kind, op.token),
		Group: "disk operation",
		Since: op.since, Until: env.Never, Ends: wait.Open, Note: "the disk works on it",
	}
	stalled := l.node.machine.fs.Stalled(op.kind)
	if stalled {
		v.Ends, v.Note = wait.Fault, "the disk is stalled"
	}
	i := g.Add(v)
	if stalled {
		g.fault(i, "the end of the stall", func(f *FaultSpan) bool {
			return f.Node == l.name && strings.HasSuffix(f.Kind, "stall") && f.Peer == ""
		})
	}
	return i
}

// heldCompletion is the vertex of an operation that the disk has completed, but a fault holds the
// completion back.
func (g *stallGraph) heldCompletion(l *loopHost, kind diskfs.Kind, owner uint32, token uint64) int {
	i := g.Add(wait.Vertex{
		ID: fmt.Sprintf("%s completion %d.%d", l.place(), owner, token), Where: l.place(),
		Who: fmt.Sprintf("completion of disk %s %d", kind, token), Group: "disk completion",
		Since: wait.Unknown, Until: env.Never, Ends: wait.Fault, Note: "completions are held back",
	})
	g.fault(i, "its delivery", func(f *FaultSpan) bool {
		return f.Node == l.name && f.Loop == int(l.id) && f.Kind == "hold-completions"
	})
	return i
}

// fault joins a vertex to the fault that holds it: the first one that is on now and matches. It
// does nothing if there is none.
func (g *stallGraph) fault(from int, what string, match func(*FaultSpan) bool) {
	now := g.world.Now()
	for i := range g.world.past {
		f := &g.world.past[i]
		if f.To <= now || !match(f) {
			continue
		}
		until := "until the healing"
		if f.To != env.Never {
			until = "until " + stallTime(f.To)
		} else if f.For > 0 {
			until = "until " + stallTime(f.From.Add(f.For))
		}
		v := g.Add(wait.Vertex{
			ID: "fault " + f.Name, Who: "fault " + f.Name, Group: "fault", Since: f.From,
			Until: env.Never,
			Ends:  wait.Fault, Note: until,
		})
		g.Edge(from, v, what)
		return
	}
}
