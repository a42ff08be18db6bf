package node

import (
	"fmt"
	"slices"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wait"
)

// Waits implements wait.Waiter: what is pending in the control loop, and what it waits for.
func (c *Control) Waits(yield func(wait.Wait)) {
	c.ops.Waits(yield)
	if c.wal != nil {
		c.wal.Waits(ownerWAL, yield)
	}
	for i := range c.unsynced {
		p := &c.unsynced[i]
		yield(wait.Wait{
			Who: wait.Persist, About: fmt.Sprintf("records %d..%d", p.first, p.seq), Since: p.since,
			Until: env.Never, For: "the log of the control loop", On: wait.Of(wait.Log),
		})
	}
	if c.meta == nil || c.converting() {
		c.recoveryWaits(yield)
	} else {
		c.meta.Waits(yield)
		c.registrationWaits(yield)
		c.healthWaits(yield)
	}
	c.callWaits(yield)
	for _, l := range c.peers {
		c.peerWaits(l, yield)
	}
}

// recoveryWaits lists what a start or a conversion waits for.
func (c *Control) recoveryWaits(yield func(wait.Wait)) {
	w := wait.Wait{Who: wait.Recovery, Since: wait.Unknown, Until: env.Never}
	if c.wal != nil && !c.loading {
		w.For, w.On = "its log", wait.OfDisk(ownerWAL, wait.AnyToken)
		yield(w)
		return
	}
	if c.converting() && len(c.sequences) == 0 {
		for i := range c.shards {
			if !c.shards[i].converted {
				w.For, w.On = fmt.Sprintf("loop %d to empty its log", i+1),
					wait.OfLoop(int32(shardID(i)), wait.Recovery)
				yield(w)
			}
		}
		return
	}
	w.For, w.On = "its files", wait.OfDisk(ownerSequences, wait.AnyToken)
	yield(w)
}

// registrationWaits lists the shards that hold up the registration.
func (c *Control) registrationWaits(yield func(wait.Wait)) {
	if c.epoch != 0 {
		return
	}
	for i := range c.shards {
		if !c.shards[i].recovered {
			yield(wait.Wait{
				Who: wait.Registration, Since: wait.Unknown, Until: env.Never,
				For: fmt.Sprintf("loop %d to recover", i+1),
				On:  wait.OfLoop(int32(shardID(i)), wait.Recovery),
			})
		}
	}
}

// healthWaits lists what the node waits for while it cannot vouch for itself.
func (c *Control) healthWaits(yield func(wait.Wait)) {
	if c.healthy(c.now) {
		return
	}
	stopped := []string{wait.Health, wait.Session, wait.Election}
	if c.epoch == 0 {
		stopped = append(stopped, wait.Registration)
	}
	for _, who := range stopped {
		w := wait.Wait{
			Who: who, About: "the node does not vouch for itself", Since: wait.Unknown,
			Until: env.Never,
		}
		if c.now.Mono >= shard.DiskDue(c.host.Disk(), &c.cfg.Limits) {
			w.For, w.On = "a disk operation of the control loop", c.ops.OldestTarget()
			yield(w)
		}
		if len(c.unsynced) > 0 && c.now.Mono >= c.unsynced[0].since.Add(c.cfg.Limits.VouchAge) {
			w.For, w.On = "its records", wait.Of(wait.Persist)
			yield(w)
		}
		for i := range c.shards {
			sh := &c.shards[i]
			silent := c.now.Mono >= sh.answered.Add(c.cfg.Limits.VouchAge)
			if silent || c.now.Mono >= sh.diskDue {
				w.For, w.On = fmt.Sprintf("loop %d to answer, and its disk", i+1),
					wait.OfLoop(int32(shardID(i)), shard.OldestOp)
				yield(w)
			}
		}
	}
}

// callWaits lists the calls of the shards.
func (c *Control) callWaits(yield func(wait.Wait)) {
	call := func(origin shard.Origin, what, op string) {
		yield(wait.Wait{
			Who: shard.CallName(origin), Since: wait.Unknown, Until: env.Never, For: what,
			On: wait.Of(op),
		})
	}
	for _, seq := range inOrder(c.proposals) {
		call(c.proposals[seq], "its command", meta.CommandName(seq))
	}
	for _, id := range inOrder(c.barriers) {
		call(c.barriers[id], "its barrier", meta.BarrierName(id))
	}
	for _, w := range c.ids.waiting {
		call(w.Origin, "a block of producer ids", meta.CommandName(c.ids.asked))
	}
	for _, w := range c.applied {
		out := wait.Wait{
			Who: shard.CallName(w.origin), About: fmt.Sprintf("index %d", w.index),
			Since: wait.Unknown, Until: w.until, For: "all brokers to have applied it",
			On: wait.OfTimer(w.until),
		}
		yield(out)
		for _, b := range c.meta.Image().Brokers() {
			if b.ID != c.cfg.Node && c.awaits(b) < w.index {
				out.For, out.On = fmt.Sprintf("node %d to apply it", b.ID),
					wait.OfPeerIfAny(b.ID, wait.Health)
				yield(out)
			}
		}
	}
}

// inOrder returns the keys of a map in ascending order.
func inOrder(m map[uint64]shard.Origin) []uint64 {
	var keys []uint64
	for k := range m { //corelint:ordered sorted below
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// peerWaits lists a link that is not open.
func (c *Control) peerWaits(l *peerLink, yield func(wait.Wait)) {
	if l.open {
		return
	}
	w := wait.Wait{
		Who:   fmt.Sprintf("control link to node %d", l.node),
		About: fmt.Sprintf("attempt %d", l.backoff+1),
		Since: wait.Unknown, Until: env.Never,
	}
	switch {
	case l.conn != nil:
		w.Since, w.Until = l.heard, l.heard.Add(c.cfg.Limits.PeerSilence)
		w.For, w.On = "an answer", wait.OfPeer(l.node, "")
	case l.redial.Live():
		w.For, w.On = "the next attempt", wait.OfTimer(l.redial.At())
		if l.backoff > 1 {
			yield(w)
			w.For, w.On = fmt.Sprintf("node %d to answer", l.node), wait.OfPeerIfAny(l.node, "")
		}
	default:
		w.For, w.On = "the other side to dial",
			wait.OfPeer(l.node, fmt.Sprintf("control link to node %d", c.cfg.Node))
	}
	yield(w)
}

var (
	_ wait.Waiter = (*Control)(nil)
	_ wait.Waiter = (*shard.Shard)(nil)
	_ loop.Loop   = (*Control)(nil)
)
