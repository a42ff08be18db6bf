package kafka

import (
	"fmt"
	"strings"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/world"
)

// PeerName implements PeerTeller.
func (c *cluster) PeerName(on *wait.Target) string { return history.BrokerName(on.Node) }

// Tell implements PeerTeller: it says what a broker knows of the controller.
func (c *cluster) Tell(n *world.Node) string {
	if n.Spec().Role != "broker" {
		return ""
	}
	state, ok := c.control(n.Spec().Name)
	switch {
	case !ok:
		return "it has not recovered"
	case state.Leading:
		return fmt.Sprintf("it is the controller of term %d", state.Term)
	case state.Leader == kafka.NoNode:
		return fmt.Sprintf("it knows no controller in term %d", state.Term)
	}
	return fmt.Sprintf("its controller is node %d in term %d", state.Leader, state.Term)
}

// Overdue implements Explainer. It lists the requests of clients, then what has not
// converged.
func (c *cluster) Overdue(w *world.World) (out []world.Overdue) {
	for _, k := range c.Clients {
		if len(k.Pending()) > 0 {
			out = append(out, k.RequestsPending()...)
		}
	}
	return append(out, c.unsettledPlaces()...)
}

func overdueBroker(name string, at []world.StallPlace) world.Overdue {
	return world.Overdue{Name: name, Group: "brokers", Since: wait.Unknown, At: at}
}

// unsettledPlaces lists the same as unsettled, with the operations that would end each.
func (c *cluster) unsettledPlaces() (out []world.Overdue) {
	newest := c.NewestImage()
	if newest == nil {
		o := world.Overdue{Name: "metadata on any node", Group: "metadata", Since: wait.Unknown}
		for _, name := range c.Brokers {
			o.At = append(o.At, world.StallPlace{Node: name, Op: wait.Recovery,
				For: "the recovery of " + name})
		}
		return append(out, o)
	}
	for _, name := range c.Brokers {
		state, ok := c.control(name)
		b := newest.Broker(kafka.NodeID(history.NodeOf(name)))
		at := func(op, what string) []world.StallPlace {
			return []world.StallPlace{{Node: name, Op: op, For: what}}
		}
		switch {
		case !ok:
			out = append(out, overdueBroker(name+" to recover",
				at(wait.Recovery, "the recovery of its control loop")))
		case state.Epoch == 0:
			out = append(out, overdueBroker(name+" to be registered",
				at(wait.Registration, "its registration")))
		case state.Image.Index() != newest.Index():
			out = append(out, overdueBroker(fmt.Sprintf("%s to apply %d, it has %d", name,
				newest.Index(), state.Image.Index()),
				at(wait.Applying, "entries of the controller")))
		case b == nil || b.Fenced:
			out = append(out, overdueBroker(name+" to be unfenced",
				at(wait.Session, "its session with the controller")))
		}
	}
	for _, t := range c.topicsOf(newest) {
		for i, p := range t.Partitions {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			name := fmt.Sprintf("%s/%d", t.Name, i)
			lagging := c.lagging(t.Name, id, p.Replicas)
			if len(p.ISR) == len(p.Replicas) && len(lagging) == 0 {
				continue
			}
			what := fmt.Sprintf("%s to have all of its replicas in sync (ISR %v of %v)", name,
				p.ISR, p.Replicas)
			if len(p.ISR) == len(p.Replicas) {
				what = name + " to be equal on its replicas: " + strings.Join(lagging, ", ")
			}
			o := world.Overdue{Name: what, Group: "partitions", Since: wait.Unknown}
			op := wait.Watermark
			if len(p.ISR) < len(p.Replicas) {
				op = wait.InSync
			}
			o.At = c.leaderPlaces(p, name, op)
			out = append(out, o)
		}
	}
	return out
}

// leaderPlaces are the operations for which the leader of a partition waits. Without a
// leader they are the sessions of its replicas.
func (c *cluster) leaderPlaces(p *meta.Partition, name string,
	op func(string) string) (places []world.StallPlace) {
	if p.Leader != kafka.NoNode {
		leader := history.BrokerName(p.Leader)
		return []world.StallPlace{{Node: leader, Loop: -1, Op: op(name),
			For: "its leader, " + leader}}
	}
	for _, r := range p.Replicas {
		places = append(places, world.StallPlace{Node: history.BrokerName(r), Op: wait.Session,
			For: fmt.Sprintf("a leader: node %d could lead", r)})
	}
	return places
}

// timersOf are the operations of a node that wait for a time: they are what wakes it.
func timersOf(n *world.Node) (out []world.Overdue) {
	for id, l := range n.Loops() {
		waiter, ok := l.(wait.Waiter)
		if !ok {
			continue
		}
		waiter.Waits(func(x wait.Wait) {
			if x.On.Kind == wait.OnTimer {
				out = append(out, world.Overdue{At: []world.StallPlace{{Node: n.Spec().Name,
					Loop: int32(id), Op: x.Who}}})
			}
		})
	}
	return out
}

// requestOverdue is a request of the history that has not ended, as a root of a wait-for
// graph.
func (c *cluster) requestOverdue(r *checker.Request) (out []world.Overdue) {
	for _, k := range c.Clients {
		out = append(out, k.RequestPending(r)...)
	}
	return out
}

// pauseRoots are the roots of a wait-for graph for a pause: the request of a produce that
// has not ended, and the acknowledgement that its partition has not sent since a moment.
func (c *cluster) pauseRoots(op *checker.Produce, since env.Instant) []world.Overdue {
	roots := c.produceOverdue(op)
	if image := c.NewestImage(); image != nil {
		id := history.PartitionID(op.Partition)
		if t := image.TopicByID(id.Topic); t != nil && int(id.Partition) < len(t.Partitions) {
			name := fmt.Sprintf("%s/%d", t.Name, id.Partition)
			o := world.Overdue{Name: name + " to acknowledge", Group: "partitions", Since: since}
			o.At = c.leaderPlaces(t.Partitions[id.Partition], name, wait.Watermark)
			roots = append(roots, o)
		}
	}
	return roots
}

// produceOverdue is the request of a produce that has not ended.
func (c *cluster) produceOverdue(op *checker.Produce) []world.Overdue {
	for i := len(c.Rec.History.Requests) - 1; i >= 0; i-- {
		if r := &c.Rec.History.Requests[i]; r.Call.At == op.Call.At && r.Conn == op.Conn &&
			r.Return == checker.Never {
			return c.requestOverdue(r)
		}
	}
	return nil
}
