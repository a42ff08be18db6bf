package meta

import (
	"time"

	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wire/peer"
)

// Changes of Raft's configuration (PROTOCOL 4c). Each is one step that is safe by itself, so a
// controller that takes over goes on from what the image shows:
//
//  1. A new directory asks to join. It becomes a learner: it gets the log and registers as a
//     broker, and has no vote.
//  2. An operator asks that it becomes a voter (AddVoter), or it asks itself to (Join.Auto).
//  3. When it has caught up, the other voters of its node are removed: their directories were
//     lost, and votes that nobody casts only make the quorum larger.
//  4. It becomes a voter.

// changePause is the shortest time between two changes that are proposed. Raft drops a change
// while the one before is not applied.
const changePause = 500 * time.Millisecond

// join makes a directory a learner. Learners of the same node with other directories go before:
// a node runs on one directory, and this one was heard of last.
func (c *controller) join(now env.Instant, img *Image, m *peer.Join) {
	id := PeerID{m.Node, m.Directory}
	if !c.appliedOwn() || m.Node < 1 || id.RaftID() == 0 || img.WasRemoved(id) {
		return
	}
	if member := img.Member(id); member != nil {
		if m.Auto && !member.Voter && !member.Promote {
			c.proposeOnce(now, &AddVoter{id})
		}
		return
	}
	for _, other := range img.members {
		if other.Node == m.Node && !other.Voter {
			c.change(now, pb.ConfChangeRemoveNode, other.PeerID)
			return
		}
	}
	c.change(now, pb.ConfChangeAddLearnerNode, id)
}

// changeMembers proposes the next step of a replacement or a removal.
func (c *controller) changeMembers(now env.Instant, img *Image) {
	for _, m := range img.members {
		switch {
		case m.Leaving:
			c.change(now, pb.ConfChangeRemoveNode, m.PeerID)
			return
		case m.Promote && !m.Voter && c.raft.caughtUp(m.PeerID):
			if other := img.otherVoter(m.PeerID); other != nil {
				c.change(now, pb.ConfChangeRemoveNode, other.PeerID)
			} else {
				c.change(now, pb.ConfChangeAddNode, m.PeerID)
			}
			return
		}
	}
}

// otherVoter is a voter of the same node with another directory, nil if there is none.
func (img *Image) otherVoter(id PeerID) *Member {
	for i := range img.members {
		if m := &img.members[i]; m.Voter && m.Node == id.Node && m.PeerID != id {
			return m
		}
	}
	return nil
}

// change proposes one change, at most every changePause.
func (c *controller) change(now env.Instant, t pb.ConfChangeType, id PeerID) {
	if now.Sub(c.changedAt) < changePause {
		return
	}
	c.changedAt = now
	c.raft.proposeChange(t, id)
}

// proposeOnce queues a command, at most every changePause.
func (c *controller) proposeOnce(now env.Instant, cmd Command) {
	if now.Sub(c.changedAt) >= changePause {
		c.changedAt = now
		c.proposeOwn(now, nil, cmd)
	}
}
