package meta

import (
	"fmt"

	"go.etcd.io/raft/v3"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wait"
)

// This file lists what is pending in metadata, and what each of these waits for (package
// wait).

// CommandName names a command that this node has asked for.
func CommandName(seq uint64) string { return fmt.Sprintf("command %d", seq) }

// BarrierName names a barrier of this node.
func BarrierName(id uint64) string { return fmt.Sprintf("barrier %d", id) }

// Waits yields what this node has asked of the controller, and what keeps it from an
// election, from its session and from the newest image. If it leads Raft, Waits also
// yields what the controller has not done yet.
func (n *Node) Waits(yield func(wait.Wait)) {
	n.proposalWaits(yield)
	n.barrierWaits(yield)
	n.sessionWaits(yield)
	n.raft.waits(yield)
	if n.controller.active {
		n.controller.waits(n.img, yield)
	}
}

func (n *Node) proposalWaits(yield func(wait.Wait)) {
	n.proposals.Scan(func(seq uint64, p *proposal) bool {
		w := wait.Wait{
			Who: CommandName(seq), About: commandName(p.bytes), Since: wait.Unknown,
			Until: p.deadline,
		}
		switch {
		case p.sent && p.to == n.id:
			w.Since = p.sentAt
			w.For, w.On = "the controller, here", wait.Of(wait.Proposal(n.id, seq))
		case p.sent:
			w.Since = p.sentAt
			w.For, w.On = fmt.Sprintf("its entry, which node %d was asked for as controller of "+
				"term %d", p.to, p.term), wait.OfPeer(p.to, wait.Proposal(n.id, seq))
		case n.raft.leader() == 0:
			w.For, w.On = "a controller", wait.Of(wait.Election)
		default:
			w.For, w.On = "the time to ask again", wait.OfTimer(n.raft.nextTick)
		}
		yield(w)
		return true
	})
}

// commandName is the command's type: "RegisterBroker".
func commandName(b []byte) string {
	cmd, err := DecodeCommand(b)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%T", cmd)[len("*meta."):]
}

func (n *Node) barrierWaits(yield func(wait.Wait)) {
	leader := n.raft.leader()
	n.barriers.Scan(func(id uint64, b *barrier) bool {
		w := wait.Wait{Who: BarrierName(id), Since: wait.Unknown, Until: b.deadline}
		switch {
		case b.index != 0:
			w.For, w.On = fmt.Sprintf("index %d to be applied", b.index), wait.Of(wait.Applying)
		case leader == 0:
			w.For, w.On = "a controller", wait.Of(wait.Election)
		case leader == n.id:
			w.For, w.On = "the controller, here", wait.Of(wait.ReadIndex(n.id, id))
		default:
			w.For, w.On = fmt.Sprintf("an index of node %d, the controller", leader),
				wait.OfPeer(leader, wait.ReadIndex(n.id, id))
		}
		yield(w)
		return true
	})
}

// sessionWaits lists the registration of this incarnation, and what it needs to be
// unfenced. If a node does not vouch for itself, the control loop lists that.
func (n *Node) sessionWaits(yield func(wait.Wait)) {
	leader := n.raft.leader()
	s := &n.session
	if s.epoch == 0 {
		w := wait.Wait{Who: wait.Registration, Since: s.started, Until: env.Never}
		switch {
		case s.registering != 0:
			w.For, w.On = "its command", wait.Of(CommandName(s.registering))
			yield(w)
		case leader == 0:
			w.For, w.On = "a controller", wait.Of(wait.Election)
			yield(w)
		case s.mustRegister():
			w.For, w.On = "the next tick", wait.OfTimer(n.raft.nextTick)
			yield(w)
		}
		return
	}
	b := n.img.Broker(n.id)
	if b == nil || !b.Fenced || !s.healthy {
		return
	}
	w := wait.Wait{Who: wait.Session, About: "fenced", Since: wait.Unknown, Until: env.Never}
	switch leader {
	case 0:
		w.For, w.On = "a controller", wait.Of(wait.Election)
	case n.id:
		w.For, w.On = "the controller, here", wait.Of(wait.SessionOf(n.id))
	default:
		w.For, w.On = fmt.Sprintf("node %d, the controller", leader),
			wait.OfPeer(leader, wait.SessionOf(n.id))
	}
	yield(w)
}

// waits lists what Raft waits for: a leader, entries, or acknowledgements of its
// followers.
func (r *Raft) waits(yield func(wait.Wait)) {
	leader := r.leader()
	if leader == 0 {
		w := wait.Wait{
			Who: wait.Election, About: fmt.Sprintf("in term %d", r.term()), Since: wait.Unknown,
			Until: env.Never, For: "its next attempt", On: wait.OfTimer(r.nextTick),
		}
		yield(w)
		if len(r.held) > 0 {
			w.For, w.On = "the disk of this node", wait.Of(wait.Persist)
			yield(w)
		}
		for _, m := range r.members {
			if m.Voter && m.PeerID != r.self {
				w.For, w.On = fmt.Sprintf("node %d to vote or to lead", m.Node),
					wait.OfPeerIfAny(m.Node, wait.Health)
				yield(w)
			}
		}
		return
	}
	if !r.leads() {
		yield(wait.Wait{
			Who: wait.Applying, About: fmt.Sprintf("committed is %d", r.commit()),
			Since: wait.Unknown, Until: env.Never,
			For: fmt.Sprintf("entries of node %d, the controller", leader),
			On:  wait.OfPeer(leader, wait.Entries(r.self.Node)),
		})
		return
	}
	last, _ := r.log.LastIndex()
	commit := wait.Wait{
		Who: wait.Commit, About: fmt.Sprintf("%d of %d in term %d", r.commit(), last, r.term()),
		Since: wait.Unknown, Until: env.Never,
	}
	if r.commit() < Index(last) && len(r.held) > 0 {
		commit.For, commit.On = "the disk of this node", wait.Of(wait.Persist)
		yield(commit)
	}
	r.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr progress) {
		if id == r.id || pr.Match >= last {
			return
		}
		node := r.peer(id).Node
		if r.commit() < Index(last) && pr.Match <= uint64(r.commit()) {
			commit.For, commit.On = fmt.Sprintf("node %d to have entry %d", node, last),
				wait.Of(wait.Entries(node))
			yield(commit)
		}
		yield(wait.Wait{
			Who: wait.Entries(node), About: fmt.Sprintf("it has %d of %d, %v",
				pr.Match, last, pr.State), Since: wait.Unknown, Until: env.Never,
			For: fmt.Sprintf("an answer of node %d", node), On: wait.OfPeer(node, wait.Persist),
		})
	})
}

// waits lists what the controller has been asked for.
func (c *controller) waits(img *Image, yield func(wait.Wait)) {
	for i := range c.queue {
		q := &c.queue[i]
		w := wait.Wait{
			Who:   wait.Proposal(q.id.Node, q.id.Seq),
			About: fmt.Sprintf("%T, not proposed yet", q.command), Since: q.since,
			Until: q.since.Add(c.timing.Patience), For: "an entry of its own term to be applied",
			On: wait.Of(wait.Commit),
		}
		if c.appliedOwn() {
			w.For, w.On = "leases to end", wait.OfTimer(c.raft.nextTick)
		}
		yield(w)
	}
	c.pending.Scan(func(_ uint64, p pendingCommand) bool {
		yield(wait.Wait{
			Who: wait.Proposal(p.id.Node, p.id.Seq), Since: wait.Unknown, Until: env.Never,
			For: "its entry to be committed", On: wait.Of(wait.Commit),
		})
		return true
	})
	rounds := c.rounds
	if len(c.waiting.reads)+len(c.waiting.heartbeats) > 0 {
		rounds = append(rounds[:len(rounds):len(rounds)], c.waiting)
	}
	for _, rd := range rounds {
		for _, q := range rd.reads {
			c.quorumWaits(img, wait.ReadIndex(q.from, q.context), yield)
		}
	}
	for _, b := range img.Brokers() {
		if b.Fenced {
			c.fencedWaits(b, yield)
		}
	}
}

// quorumWaits lists an operation that waits until voters confirm the leadership.
func (c *controller) quorumWaits(img *Image, who string, yield func(wait.Wait)) {
	if !c.appliedOwn() {
		yield(wait.Wait{
			Who: who, Since: wait.Unknown, Until: env.Never,
			For: "an entry of its own term to be applied", On: wait.Of(wait.Commit),
		})
		return
	}
	for _, m := range img.members {
		if m.Voter && m.Node != c.self {
			yield(wait.Wait{
				Who: who, Since: wait.Unknown, Until: env.Never,
				For: fmt.Sprintf("node %d to confirm the leadership", m.Node),
				On:  wait.OfPeer(m.Node, ""),
			})
		}
	}
}

// fencedWaits lists what keeps a broker fenced.
func (c *controller) fencedWaits(b *Broker, yield func(wait.Wait)) {
	w := wait.Wait{
		Who: wait.SessionOf(b.ID), About: "fenced", Since: wait.Unknown, Until: env.Never,
		For: fmt.Sprintf("a heartbeat of node %d that confirms what it has lost", b.ID),
		On:  wait.OfPeer(b.ID, wait.Health),
	}
	if s, ok := c.sessions.Get(int32(b.ID)); ok && s.busy.Seq != 0 {
		w.For, w.On = "a command about it", wait.Of(wait.Proposal(s.busy.Node, s.busy.Seq))
	}
	if b.ID == c.self {
		w.On = wait.Of(wait.Health)
	}
	yield(w)
}
