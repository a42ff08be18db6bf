package sim

import (
	"slices"
	"time"

	"example.com/lockstep/broker/kafka"
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
	if median, bound := took[len(took)/2], ackBound(c.plan); median > bound {
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
func ackBound(p *Plan) time.Duration {
	hop := p.Network.Latency.Std() + p.Network.Jitter.Std()
	turn := p.Limits.WakeUp.Std() + p.Limits.TurnCost.High.Std() + 8*p.Limits.EventCost.Std()
	mail := p.Limits.MailDelay.High.Std() + turn
	disk := DiskOptions(p.Disk).Sync
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
