package kafka

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// Drain implements Correspondent.
func (c *cluster) Drain() any { return node.Drain{} }

// Replied implements Correspondent.
func (c *cluster) Replied(n *world.Node, _ loop.ID, m any) (drained bool) {
	switch m := m.(type) {
	case node.Drained:
		return true
	case shard.Return:
		if c.barriers != nil && m.Origin.Request < replacerRequests {
			c.barriers.answered(n, m)
		}
	default:
		c.operator.answered(n)
	}
	return false
}

// operator asks the control loop of every broker for its counters at intervals, as a human
// operator does. A loop that runs must answer, whatever its disk and its peers do.
type operator struct {
	world    *world.World
	every    time.Duration
	bound    time.Duration
	asked    map[operatorAsked]env.Instant // unanswered; looked up only
	reported bool                          // it reports one violation only
}

// operatorAsked names the control loop of one incarnation.
type operatorAsked struct {
	node        *world.Node
	incarnation int32
}

// operatorAsks starts the operator if the plan has one.
func (c *cluster) operatorAsks(w *world.World) {
	bound := time.Duration(c.Options().OperatorMs.Or(0)) * time.Millisecond
	if bound <= 0 {
		return
	}
	o := &operator{world: w, every: bound / 2, bound: bound, asked: map[operatorAsked]env.Instant{}}
	c.operator = o
	w.After(o.every, "operator", o.ask)
}

func (o *operator) ask() {
	o.world.After(o.every, "operator", o.ask)
	now := o.world.Now()
	for _, n := range o.world.Nodes() {
		if !n.Up() || n.Spec().Role != "broker" {
			continue
		}
		l := operatorAsked{n, n.Incarnation()}
		since, waiting := o.asked[l]
		switch {
		case n.Hindered(loop.Control):
			delete(o.asked, l) // a fault of the plan holds the loop up
		case !waiting:
			o.asked[l] = now
			n.Ask(loop.Control, node.StatsRequest{})
		case now.Sub(since) > o.bound && !o.reported:
			o.reported = true
			o.world.Explain(property.OperatorAnswered, n.Where(loop.Control),
				func() []world.Overdue {
					return []world.Overdue{{
						Name: "the operator's question", Group: "questions", Since: since,
						At: []world.StallPlace{{Node: n.Spec().Name, Loop: int32(loop.Control),
							For: "the loop that was asked"}},
					}}
				})
			o.world.Violated(property.OperatorAnswered, n.Where(loop.Control),
				"it was asked for its counters at %v, and has not answered for %v",
				time.Duration(since), now.Sub(since))
		}
	}
}

// answered takes a reply to the operator. Without an operator it does nothing.
func (o *operator) answered(n *world.Node) {
	if o != nil {
		delete(o.asked, operatorAsked{n, n.Incarnation()})
	}
}
