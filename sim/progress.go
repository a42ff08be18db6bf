package sim

import (
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
)

// What a cluster owes besides safety: it goes on acknowledging while quorums
// live, acknowledges without delay where nothing is wrong, forwards once. A plan
// says in its workload's options which of these its faults leave in force.

// checkProgress judges a finished run.
func (c *cluster) checkProgress(w *World) {
	c.pauses.report(w)
	if bound := c.options().CreateMs.Or(0); bound > 0 {
		c.checkCreations(w, time.Duration(bound)*time.Millisecond)
	}
	if len(c.plan.Faults) == 0 {
		// A push that is refused for no reason is not sent again at once; and in a
		// flood, which windows of 4 KiB may not let through, produces wait for each other.
		if len(c.plan.Rare) == 0 && c.options().Overtakes.Or(0) == 0 {
			c.checkAckTime(w)
		}
		c.checkGuards(w)
	}
	if bound := c.options().Overtakes.Or(0); bound > 0 {
		c.checkTurns(w, int(bound))
	}
	c.checkForwards(w)
	c.facts.terms.check(w)
}

// mayServe reports whether a produce that a broker got at that time had a way to
// the leader: no fault is on the broker, none between it and the leader, nor was
// shortly before, and it is no earlier leader that may not have heard of its successor.
func (c *cluster) mayServe(p checker.Partition, node checker.NodeID, at time.Duration) bool {
	leader, led := checker.NodeID(-1), false
	for i := range c.rec.h.Leaders {
		if f := &c.rec.h.Leaders[i]; f.Partition == p && f.At.At <= at {
			leader = f.Node
			led = led || f.Node == node
		}
	}
	if led && leader != node {
		return false
	}
	name, peer := brokerName(kafka.NodeID(node)), brokerName(kafka.NodeID(leader))
	for _, f := range c.world.FaultSpans() {
		if time.Duration(f.From) > at || settled(at) > f.To {
			continue
		}
		if f.Node == name && (f.Peer == "" || f.Peer == peer) || f.Node == peer && f.Peer == name {
			return false
		}
	}
	return true
}

// checkAckTime: where nothing goes wrong an acknowledgement takes about two
// syncs and a few ways through the network, whatever the load (BUGS W1): what
// arrives while a sync runs is the next batch, and nothing waits for a tick.
func (c *cluster) checkAckTime(w *World) {
	var took []time.Duration
	for i := range c.rec.h.Produces {
		if op := &c.rec.h.Produces[i]; op.Acks == checker.AcksAll && op.Outcome == checker.Acked {
			took = append(took, op.Return.At-op.Call.At)
		}
	}
	const enough = 20
	if len(took) < enough {
		return
	}
	slices.Sort(took)
	if median, bound := took[len(took)/2], c.plan.ackBound(); median > bound {
		w.Violated("acknowledgements take no longer than disks and links do", "",
			"half of %d acks=all produces took %v or more; the plan's disks and links account for %v", len(took), median, bound)
	}
}

// seldomSpikes: with a spike in fewer syncs, more than half of all produces may meet
// one. With a spike of 100 ms in twenty syncs, and some syncs each 14 ms, three disks
// stand still for most of the time.
const seldomSpikes = 200

// ackBound is an upper bound on the median time of an acknowledgement: the
// slowest way of a forwarded produce, with a whole sync in front of each of its
// own, times what queues may add under the plan's limits.
func (p *Plan) ackBound() time.Duration {
	hop := p.Network.Latency.Std() + p.Network.Jitter.Std()
	turn := p.Limits.WakeUp.Std() + p.Limits.TurnCost.High.Std() + 8*p.Limits.EventCost.Std()
	mail := p.Limits.MailDelay.High.Std() + turn
	disk := p.Disk.options().Sync
	sync := disk.Base + disk.Jitter
	if disk.SpikeOneIn > 0 && disk.SpikeOneIn < seldomSpikes {
		sync += disk.Spike
	}
	way := 6*(hop+turn) + 6*mail + 4*sync
	queues := time.Duration(3)
	if p.Workload.Options.Tight.Or(0) != 0 || p.Limits.TurnEvents < 8 || p.Limits.Mailbox < 64 {
		queues = 24
	}
	return queues*way + time.Millisecond
}

// checkForwards: a produce is forwarded once (PROTOCOL 33), so no broker can
// have forwarded more than clients have sent it. Only the present lives are
// counted, against what clients sent in all.
func (c *cluster) checkForwards(w *World) {
	sent := map[checker.NodeID]uint64{}
	for i := range c.rec.h.Produces {
		sent[c.rec.h.Produces[i].Node]++
	}
	for _, name := range c.brokers {
		n := w.Node(name)
		if !n.Up() {
			continue
		}
		var forwarded uint64
		for _, l := range n.loops {
			if s, ok := l.loop.(*shard.Shard); ok {
				stats := s.Stats()
				forwarded += stats.Forwarded - stats.ForwardsRecalled
			}
		}
		if clients := sent[nodeOfAddr(name)] + c.vandalised[nodeOfAddr(name)]; forwarded > clients {
			w.Violated("P11: a produce is forwarded once", name, "%d produces were forwarded, clients had sent %d", forwarded, clients)
		}
	}
}

// operator asks the control loop of every broker for its counters now and then,
// as somebody who watches the cluster does. A loop that runs answers, whatever
// its disk and its peers do.
type operator struct {
	world  *World
	every  time.Duration
	bound  time.Duration
	asked  map[*loopHost]env.Instant // unanswered; looked up only
	silent bool                      // it has complained once
}

// operatorAsks begins to ask, if the plan wants it.
func (c *cluster) operatorAsks(w *World) {
	bound := time.Duration(c.options().OperatorMs.Or(0)) * time.Millisecond
	if bound <= 0 {
		return
	}
	o := &operator{world: w, every: bound / 2, bound: bound, asked: map[*loopHost]env.Instant{}}
	w.operator = o
	w.After(o.every, "operator", o.ask)
}

func (o *operator) ask() {
	o.world.After(o.every, "operator", o.ask)
	now := o.world.Now()
	for _, n := range o.world.nodes {
		if !n.up || n.spec.Role != "broker" {
			continue
		}
		l := n.loops[0]
		since, waiting := o.asked[l]
		switch {
		case l.stuck() || n.slow > 1:
			delete(o.asked, l) // it does not run as it should, and that is the plan's doing
		case !waiting:
			o.asked[l] = now
			l.ask(node.StatsRequest{})
		case now.Sub(since) > o.bound && !o.silent:
			o.silent = true
			const property = "P11: a running loop answers its operator"
			o.world.explain(property, l.where(), func() []Overdue {
				return []Overdue{{
					Name: "the operator's question", Group: "questions", Since: since,
					At: []StallPlace{{Node: l.name, Loop: int32(l.id), For: "the loop that was asked"}},
				}}
			})
			o.world.Violated(property, l.where(),
				"asked for its counters at %v, and silent for %v since", time.Duration(since), now.Sub(since))
		}
	}
}

// answered takes a reply to Outside; without an operator nobody reads it.
func (o *operator) answered(l *loopHost) {
	if o != nil {
		delete(o.asked, l)
	}
}

// ask mails a request from outside of the node.
func (l *loopHost) ask(m any) {
	content, _ := l.node.world.mail.sum(m)
	l.replies++
	l.deliver(inboxEntry{event: loop.Event{Kind: loop.Mail, From: loop.Outside, Mail: m}, sum: content})
}
