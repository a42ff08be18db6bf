package meta

import (
	"slices"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire/peer"
)

// session returns the session of a registered broker's present incarnation. A new
// incarnation gets a new session: the leases of the old one ended with its process.
func (c *controller) session(now env.Instant, b *Broker) *brokerSession {
	s, ok := c.sessions.Get(int32(b.ID))
	if !ok || s.incarnation != b.Incarnation {
		s = &brokerSession{incarnation: b.Incarnation, begun: now, mayLead: b.Fenced, full: b.Full}
		// Commands under way that take a leadership from the broker count for the new
		// session too.
		c.pending.Scan(func(_ uint64, p pendingCommand) bool {
			if slices.Contains(p.victims, b.ID) {
				s.taking++
			}
			return true
		})
		c.sessions.Set(int32(b.ID), s)
	}
	return s
}

// heartbeat takes a heartbeat. What it confirms or gives up counts at once. The grant
// waits for a ReadIndex that begins after now.
func (c *controller) heartbeat(now env.Instant, img *Image, from kafka.NodeID, hb *peer.Heartbeat) {
	if !c.active || hb.Node != from {
		return
	}
	if b := img.Broker(from); b != nil && b.Incarnation == hb.Incarnation &&
		b.Epoch == hb.BrokerEpoch {
		s := c.session(now, b)
		s.confirmed = max(s.confirmed, Index(hb.Confirmed))
		s.renounced = s.renounced || hb.Draining
		s.full = hb.Full
	}
	list := &c.waiting.heartbeats
	if i := slices.IndexFunc(*list, func(h heartbeat) bool { return h.Node == from }); i >= 0 {
		(*list)[i] = heartbeat{hb, now} // the later one replaces it
		return
	}
	*list = append(*list, heartbeat{hb, now})
}

// answer replies to a heartbeat after its ReadIndex has succeeded (PROTOCOL 23).
func (c *controller) answer(now env.Instant, img *Image, hb heartbeat) {
	reply := &peer.HeartbeatReply{
		SentAt: hb.SentAt, Term: uint64(c.term), Commit: uint64(c.raft.commit()),
	}
	b := img.Broker(hb.Node)
	if b == nil || b.Incarnation != hb.Incarnation || b.Epoch != hb.BrokerEpoch {
		reply.Fenced = true
		c.reply(hb.Node, reply)
		return
	}
	s := c.session(now, b)
	reply.Fenced = b.Fenced
	caughtUp := s.confirmed >= max(Index(b.Epoch), b.LastLoss)
	switch {
	case s.renounced:
		c.drain(now, b, s)
	case b.Fenced && !b.Draining && caughtUp && s.busy == (peer.CommandID{}):
		// The session's timeout starts again: the broker's earlier silence must not fence
		// it again before its next heartbeat.
		s.begun = now
		c.proposeOwn(now, s, &UnfenceBroker{b.ID, b.Epoch})
	case !b.Fenced && caughtUp && s.taking == 0 && !s.withheld:
		reply.Granted = true
		s.granted, s.ever = max(s.granted, hb.at), true
	case !b.Fenced && caughtUp:
		mark.Hit(mark.LeaseWithheld)
		// The broker is alive. This controller withholds the lease so that a leadership
		// can move, and that must not end in a fence.
		s.begun = now
	}
	c.reply(hb.Node, reply)
}

// drain proposes to move the leaderships of a stopping broker, and fences the broker
// after that.
func (c *controller) drain(now env.Instant, b *Broker, s *brokerSession) {
	switch {
	case s.busy != (peer.CommandID{}):
	case !b.Draining:
		c.proposeOwn(now, s, &DrainBroker{b.ID, b.Epoch})
	case !b.Fenced:
		c.proposeOwn(now, s, &FenceBroker{b.ID, b.Epoch})
	}
}

// tick proposes what the sessions call for: a fence for a silent broker, a drain, or a
// change of what the image says about a broker's disk.
func (c *controller) tick(now env.Instant, img *Image) {
	if !c.appliedOwn() {
		return
	}
	c.changeMembers(now, img)
	// Without a quorum no lease can be granted. The brokers have not fallen silent then.
	quorate := now.Sub(c.lastRound) <= 4*c.timing.Heartbeat
	for _, b := range img.Brokers() {
		s := c.session(now, b)
		if s.busy != (peer.CommandID{}) {
			continue
		}
		if s.renounced {
			c.drain(now, b, s)
			continue
		}
		if !quorate || now.Sub(max(s.lastGrant(c), s.begun)) < c.timing.Session {
			c.followSpace(now, img, b, s)
			continue
		}
		if !b.Fenced || s.mayLead && img.Leads(b.ID) {
			c.events = append(c.events, event.New(event.BrokerSilent, event.Int("broker", b.ID),
				event.Duration("for", now.Sub(max(s.lastGrant(c), s.begun)))))
			c.proposeOwn(now, s, &FenceBroker{b.ID, b.Epoch})
		}
		s.mayLead = false
	}
}

// followSpace proposes what a broker says about its disk: that it is full, or that it has
// room again. That it is full is proposed a second time when another broker has become
// able to relieve it.
//
// The broker gives up nothing by itself, and need not stop answering in time. The command
// takes leaderships, so it is treated like every other command that does (PROTOCOL 24).
// While it waits, the broker is its victim and gets no lease (withheld). It is proposed
// when W has passed since the last grant. Until it is applied the broker gets no lease
// either (taking). The next lease is for a heartbeat that confirms the loss (LastLoss).
// Whether the broker may hold a lease is never concluded from what it says about its
// disk.
//
// So the worst that can happen is that a leadership moves that might have stayed, or
// stays until the next heartbeat. This holds for a heartbeat that says "full" late or
// twice, and for space that returns while the command waits. It also holds for a new
// controller, which begins with what the image says and waits W from the start of its
// term.
//
// At most one command about a broker is under way (busy). It is proposed again only if it
// would move something: a full broker that no other can relieve keeps its lease.
func (c *controller) followSpace(now env.Instant, img *Image, b *Broker, s *brokerSession) {
	if b.Fenced || s.full == b.Full && !(s.full && img.canRelieve(b.ID)) {
		return
	}
	c.proposeOwn(now, s, &SetBrokerFull{b.ID, b.Epoch, s.full})
}

// lastGrant is the latest time at which a lease may have been granted: by this
// controller, or by an earlier one.
func (s *brokerSession) lastGrant(c *controller) env.Instant {
	if s.ever {
		return max(s.granted, c.since)
	}
	return c.since
}

// victims returns the brokers that the command takes a leadership from. It also returns
// brokers that the command drops from the ISR of a partition that they led, if they have
// not confirmed the loss (PROTOCOL 24). ready is false while this node's image is too old
// to tell. A command names epochs: if the image has the same ones, the command will be
// applied to the state that the image shows.
func (c *controller) victims(
	now env.Instant, img *Image, q *queued,
) (victims []kafka.NodeID, ready bool) {
	switch cmd := q.command.(type) {
	case *RegisterBroker:
		return []kafka.NodeID{cmd.Node}, true
	case *FenceBroker:
		return []kafka.NodeID{cmd.Node}, true
	case *DrainBroker:
		return []kafka.NodeID{cmd.Node}, true
	case *SetBrokerFull:
		if cmd.Full {
			return []kafka.NodeID{cmd.Node}, true
		}
	case *ElectLeaders:
		for _, e := range cmd.Partitions {
			p := img.Partition(e.ID)
			if p == nil || e.LeaderEpoch < p.LeaderEpoch {
				continue // it will be refused
			}
			if e.LeaderEpoch > p.LeaderEpoch {
				return nil, false
			}
			if p.Leader != kafka.NoNode && !cmd.Unclean && p.Leader != p.Replicas[0] &&
				!slices.Contains(victims, p.Leader) {
				victims = append(victims, p.Leader)
			}
		}
	case *TakeOffline:
		for _, e := range cmd.Partitions {
			p := img.Partition(e.ID)
			if p == nil || e.LeaderEpoch < p.LeaderEpoch {
				continue // it will be refused
			}
			if e.LeaderEpoch > p.LeaderEpoch {
				return nil, false
			}
			if p.Leader == cmd.Node || c.unconfirmed(now, img, p, cmd.Node) {
				return []kafka.NodeID{cmd.Node}, true
			}
		}
	case *AlterPartition:
		for i := range cmd.Partitions {
			n := &cmd.Partitions[i]
			p := img.Partition(n.ID)
			if p == nil || n.LeaderEpoch < p.LeaderEpoch ||
				n.LeaderEpoch == p.LeaderEpoch && n.PartitionEpoch < p.PartitionEpoch {
				continue
			}
			if n.LeaderEpoch > p.LeaderEpoch || n.PartitionEpoch > p.PartitionEpoch {
				return nil, false
			}
			victims = c.dropped(now, img, p, n, victims)
			if p.Leader == cmd.Leader && !n.names(p.Leader) && !slices.Contains(victims, p.Leader) {
				victims = append(victims, p.Leader) // it steps down
			}
		}
	}
	return victims, true
}

// dropped adds members that led the partition, are not in the new ISR, and have not
// confirmed the loss of the leadership. This controller does not know what they confirmed
// to an earlier one. If they stay silent, W must pass again from the start of this term,
// although it had passed when the leadership was taken.
func (c *controller) dropped(
	now env.Instant, img *Image, p *Partition, n *NewISR, victims []kafka.NodeID,
) []kafka.NodeID {
	for _, l := range p.Losses {
		if !n.names(l.Node) && !slices.Contains(victims, l.Node) &&
			c.unconfirmed(now, img, p, l.Node) {
			victims = append(victims, l.Node)
		}
	}
	return victims
}

// unconfirmed reports whether a member of the ISR led the partition and has not confirmed
// that it lost the leadership.
func (c *controller) unconfirmed(
	now env.Instant, img *Image, p *Partition, node kafka.NodeID,
) bool {
	b := img.Broker(node)
	return b != nil && slices.ContainsFunc(p.Losses, func(l Loss) bool {
		return l.Node == node && c.session(now, b).confirmed < l.Index
	})
}

// safe reports whether no victim can hold a lease. A victim that may hold one gets no
// further lease, so that the wait ends.
func (c *controller) safe(now env.Instant, img *Image, victims []kafka.NodeID, q *queued) bool {
	if _, ok := q.command.(*RegisterBroker); ok {
		return true // the process of the replaced incarnation has ended
	}
	all := true
	for _, id := range victims {
		b := img.Broker(id)
		if b == nil {
			continue
		}
		s := c.session(now, b)
		own := resigned(q.command) && q.from == id && q.id.Incarnation == b.Incarnation
		if own || s.renounced || now.Sub(s.lastGrant(c)) >= c.timing.Takeover {
			continue
		}
		mark.Hit(mark.LeaseAwaited)
		s.withheld = true
		all = false
	}
	return all
}

// resigned reports whether the proposer says that it has stopped answering for those
// partitions of the command that it leads.
func resigned(cmd Command) bool {
	e, ok := cmd.(*ElectLeaders)
	return ok && e.Resigned
}
