package meta

import (
	"time"

	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// Ready ends a turn. It does everything that follows from the messages of the turn, and
// then returns all effects at once.
func (n *Node) Ready(now env.Instant) Effects {
	n.raft.now = now
	for {
		n.controller.observe(now)
		n.beat(now)
		n.hand(now)
		did := n.controller.flush(now, n.img)
		n.take(now, n.raft.drain())
		local := n.controller.local
		n.controller.local = nil
		for _, m := range local {
			n.stepReply(now, m)
		}
		if !did && len(local) == 0 && !n.raft.rn.HasReady() {
			break
		}
	}
	n.raft.maybeCompact(n.img)
	n.take(now, n.raft.drain())
	n.finishBarriers()
	n.out.Send = append(n.out.Send, n.controller.send...)
	n.out.Events = n.controller.events
	n.controller.send, n.controller.events = nil, nil
	out := n.out
	n.out = Effects{}
	return out
}

// beat sends a heartbeat if one is due: to the controller if it is known, else to all
// other voters, since one of them may be the controller.
func (n *Node) beat(now env.Instant) {
	if leader := n.raft.leader(); leader != n.knows {
		n.knows = leader
		n.session.soon() // a new controller knows nothing about this node
	}
	if !n.session.due(now) {
		return
	}
	hb := n.session.heartbeat(now)
	switch n.knows {
	case n.id:
		n.controller.heartbeat(now, n.img, n.id, hb)
	case 0:
		for _, m := range n.img.members {
			if m.Voter && m.Node != n.id {
				n.out.Send = append(n.out.Send, Envelope{To: m.Node, Message: hb})
			}
		}
	default:
		n.out.Send = append(n.out.Send, Envelope{To: n.knows, Message: hb})
	}
}

// registrationTimeout bounds one attempt; registering again is harmless.
const registrationTimeout = 2 * time.Second

// hand gives proposals and barriers to the controller, which is this node or another.
func (n *Node) hand(now env.Instant) {
	if n.session.mustRegister() && n.knows != 0 {
		cmd := n.session.register
		n.session.registering = n.Propose(&cmd, now.Add(registrationTimeout)).Seq
	}
	leader := n.raft.leader()
	if leader == 0 {
		return
	}
	n.proposals.Scan(func(seq uint64, p *proposal) bool {
		if p.sent || p.retryAt > now {
			return true
		}
		p.sent, p.to, p.term, p.sentAt = true, leader, n.raft.term(), now
		m := &peer.Propose{
			ID: peer.CommandID{Node: n.id, Incarnation: n.incarnation, Seq: seq}, Command: p.bytes,
		}
		if leader == n.id {
			n.controller.propose(now, n.img, n.id, m)
		} else {
			n.out.Send = append(n.out.Send, Envelope{To: leader, Message: m})
		}
		return true
	})
	n.barriers.Scan(func(id uint64, b *barrier) bool {
		if b.index != 0 || b.retryAt > now {
			return true
		}
		// The question is asked again in case it was lost: unlike a proposal it changes
		// nothing.
		b.retryAt = now.Add(4 * n.tickEvery)
		if leader == n.id {
			n.controller.readIndex(n.id, id)
		} else {
			n.out.Send = append(n.out.Send,
				Envelope{To: leader, Message: &peer.ReadIndex{Context: id}})
		}
		return true
	})
}

// take processes the output of raft.
func (n *Node) take(now env.Instant, out raftOutput) {
	n.out.Persist = append(n.out.Persist, out.persist...)
	n.out.Files = append(n.out.Files, out.files...)
	n.out.Send = append(n.out.Send, out.send...)
	n.controller.observe(now)
	if out.installed != nil {
		assert.That(out.installed.index > n.img.index, "meta: snapshot %d installed over image %d",
			uint64(out.installed.index), uint64(n.img.index))
		n.img = out.installed.image
		n.out.Image, n.out.Changes = n.img, Changes{Full: true}
		n.session.observe(n.img)
	}
	n.apply(out.committed)
	for _, r := range out.reads {
		n.controller.readDone(now, n.img, r)
	}
}

// apply applies committed entries and publishes one image for all of them.
func (n *Node) apply(entries []*pb.Entry) {
	if len(entries) == 0 {
		return
	}
	d := n.img.draft()
	d.changes = n.out.Changes
	for _, e := range entries {
		var batch []Proposed
		if e.GetType() == pb.EntryNormal && len(e.GetData()) > 0 {
			var err error
			batch, err = decodeBatch(e.GetData())
			assert.NoError(err, "meta: apply a committed entry")
		}
		verdicts := d.applyEntry(Index(e.GetIndex()), batch)
		if e.GetType() != pb.EntryNormal {
			d.changeMembers(e)
		}
		n.controller.applied(Term(e.GetTerm()), batch)
		for i, p := range batch {
			if p.ID.Node == n.id && p.ID.Incarnation == n.incarnation {
				n.complete(p.ID.Seq, verdicts[i])
			}
		}
	}
	n.img = d.Image
	n.raft.members = n.img.members
	n.out.Image, n.out.Changes = n.img, d.changes
	n.session.observe(n.img)
}

// finishBarriers ends the barriers that the image has reached.
func (n *Node) finishBarriers() {
	for _, id := range n.barriers.Keys() {
		if b, _ := n.barriers.Get(id); b.index != 0 && n.img.index >= b.index {
			n.barriers.Delete(id)
			n.out.Barriers = append(n.out.Barriers, BarrierDone{id, kafka.None})
		}
	}
}
