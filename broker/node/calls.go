package node

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/shard"
)

// Operations that the requests of shards ask the control loop for, and their results.

// onCall runs an operation that a shard asks for. The result goes back by give.
func (c *Control) onCall(now env.Time, call shard.Call) {
	if c.meta == nil {
		c.give(call.Origin, unavailable(call.Op))
		return
	}
	switch op := call.Op.(type) {
	case api.Propose:
		id := c.meta.Propose(op.Command, call.Deadline)
		c.proposals[id.Seq] = call.Origin
	case api.Barrier:
		c.barriers[c.meta.Barrier(call.Deadline)] = call.Origin
	case api.Applied:
		c.awaitApplied(call.Origin, meta.Index(op.Index),
			min(call.Deadline, now.Mono.Add(op.Within)))
	case api.NextProducerID:
		c.nextProducerID(now, call)
	}
}

// unavailable is the answer to an operation that certainly never began.
func unavailable(op api.Op) any {
	switch op.(type) {
	case api.Propose:
		return api.ProposeResult{Code: kafka.NotController}
	case api.Barrier:
		return api.BarrierResult{Code: kafka.NotController}
	case api.Applied:
		return api.AppliedResult{}
	default:
		return api.ProducerIDResult{Code: kafka.CoordinatorLoadInProgress, ID: -1}
	}
}

// give returns a result to the shard that runs the request.
func (c *Control) give(origin shard.Origin, result any) {
	c.host.Reply(origin.Loop, shard.Return{Origin: origin, Result: result})
}

// onVerdict returns the verdict on a command to the shard that proposed it. The metadata that
// the command changed has gone to the shard before.
func (c *Control) onVerdict(now env.Time, done meta.Completed) {
	if done.ID.Seq == c.ids.asked {
		c.gotProducerIDs(now, done.Verdict)
		return
	}
	origin, ok := c.proposals[done.ID.Seq]
	if !ok {
		return
	}
	delete(c.proposals, done.ID.Seq)
	result := api.ProposeResult{Verdict: done.Verdict, Index: uint64(done.Verdict.Index)}
	if done.Verdict.Index == 0 {
		result.Code = done.Verdict.Code // not applied: unknown whether it will be, or certainly not
	}
	c.give(origin, result)
}

// onBarrier returns the result of a barrier to the shard that asked for it.
func (c *Control) onBarrier(done meta.BarrierDone) {
	if origin, ok := c.barriers[done.ID]; ok {
		delete(c.barriers, done.ID)
		c.give(origin, api.BarrierResult{Code: done.Code})
	}
}

// producerIDs is the node's block of producer ids, and the calls that wait for the next block.
type producerIDs struct {
	next, end kafka.ProducerID
	asked     uint64 // Seq of the command that asks for a block; 0 if none is under way
	waiting   []shard.Call
}

// nextProducerID hands out a producer id. If the block is used up, it asks for a new one.
func (c *Control) nextProducerID(now env.Time, call shard.Call) {
	if c.ids.next < c.ids.end && !c.rare.Choose(rare.ProducerIDsSkipped) {
		c.give(call.Origin, api.ProducerIDResult{ID: c.ids.next})
		c.ids.next++
		return
	}
	c.ids.waiting = append(c.ids.waiting, call)
	c.timers.Set(call.Deadline, due{kind: dueProducerIDs})
	if c.ids.asked == 0 {
		cmd := &meta.AllocateProducerIDs{Node: c.cfg.Node, Epoch: c.epoch}
		c.ids.asked = c.meta.Propose(cmd, now.Mono.Add(c.cfg.Limits.ProposalTimeout)).Seq
	}
}

// expireProducerIDs answers the calls that have reached their deadline. The command for the
// block has another deadline.
func (c *Control) expireProducerIDs(now env.Time) {
	kept := c.ids.waiting[:0]
	for _, call := range c.ids.waiting {
		if now.Mono < call.Deadline {
			kept = append(kept, call)
			continue
		}
		c.give(call.Origin, unavailable(call.Op))
	}
	c.ids.waiting = kept
}

// gotProducerIDs serves the waiting calls from a new block, or tells their clients to try
// again: a block that may or may not have been allocated is never used.
func (c *Control) gotProducerIDs(now env.Time, v meta.Verdict) {
	c.ids.asked = 0
	waiting := c.ids.waiting
	c.ids.waiting = nil
	if v.Code != kafka.None {
		mark.Hit(mark.ProducerIDsUnknown)
		for _, call := range waiting {
			c.give(call.Origin, unavailable(call.Op))
		}
		return
	}
	c.ids.next, c.ids.end = v.FirstProducerID, v.FirstProducerID+meta.ProducerIDBlock
	for _, call := range waiting {
		c.nextProducerID(now, call)
	}
}
