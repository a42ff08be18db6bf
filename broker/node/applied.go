package node

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wire/peer"
)

// How a request learns that every broker acts on an index (PROTOCOL 28). The node of the request
// asks the others, and each of them answers when its loops do. Heartbeats and the controller take
// no part. So it takes a round trip, and goes on while the controller moves.

// waitingApplied is a request that waits for every broker to apply an index.
type waitingApplied struct {
	origin shard.Origin
	index  meta.Index
	until  env.Instant
}

// appliedLink is what the two sides of a control connection have said about applied indexes. A new
// connection begins with nothing, since the other side may be a new incarnation.
type appliedLink struct {
	asked    meta.Index // the highest index that this node has asked for
	answered meta.Index // what the other side acts on
	wanted   meta.Index // the highest index that the other side has asked for
	told     meta.Index // what this node has told it
}

func (c *Control) awaitApplied(origin shard.Origin, index meta.Index, until env.Instant) {
	c.applied = append(c.applied, waitingApplied{origin, index, until})
	c.timers.Set(until, due{kind: dueApplied})
}

// onApplied takes a message about applied indexes, and reports whether it was one.
func (c *Control) onApplied(l *peerLink, m peer.Message) bool {
	switch m := m.(type) {
	case *peer.AwaitApplied:
		l.applied.wanted = max(l.applied.wanted, meta.Index(m.Index))
	case *peer.AppliedUpTo:
		l.applied.answered = max(l.applied.answered, meta.Index(m.Index))
	default:
		return false
	}
	return true
}

// tellApplied answers the nodes that have asked, as far as this node has come.
func (c *Control) tellApplied() {
	confirmed := c.meta.Confirmed()
	for _, l := range c.peers {
		a := &l.applied
		if a.told < a.wanted && a.told < confirmed &&
			c.sendPeer(l.node, &peer.AppliedUpTo{Index: uint64(confirmed)}) {
			a.told = confirmed
		}
	}
}

// finishApplied answers the requests with an index that all brokers act on, and those that have
// waited long enough. For the others it asks the brokers.
func (c *Control) finishApplied(now env.Time) {
	if len(c.applied) == 0 {
		return
	}
	lowest := c.meta.Confirmed()
	for _, b := range c.meta.Image().Brokers() {
		lowest = min(lowest, c.awaits(b))
	}
	var highest meta.Index
	kept := c.applied[:0]
	for _, w := range c.applied {
		all := lowest >= w.index
		if !all && now.Mono < w.until {
			kept, highest = append(kept, w), max(highest, w.index)
			continue
		}
		c.give(w.origin, api.AppliedResult{All: all})
	}
	c.applied = kept
	c.askApplied(highest)
}

// askApplied asks the brokers that have not said that they act on an index. One with a full send
// window is asked in a later turn.
func (c *Control) askApplied(index meta.Index) {
	for _, b := range c.meta.Image().Brokers() {
		if c.awaits(b) >= index {
			continue
		}
		if l := c.peer(b.ID); l != nil && l.applied.asked < index &&
			c.sendPeer(b.ID, &peer.AwaitApplied{Index: uint64(index)}) {
			l.applied.asked = index
		}
	}
}

// awaits returns the index that another broker is known to act on, or the newest one if nobody
// waits for it. Nobody waits for a broker that is fenced, nor for one that this node has no
// connection with. Such a broker is almost always down, and about to be fenced: to wait for that
// would make every creation take as long as a session.
func (c *Control) awaits(b *meta.Broker) meta.Index {
	l := c.peer(b.ID)
	if b.ID == c.cfg.Node || b.Fenced || l == nil || !l.open || !c.together(l) {
		return c.meta.Image().Index()
	}
	return l.applied.answered
}
