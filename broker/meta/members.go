package meta

import (
	"cmp"
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire/peer"
)

// PeerID is a node with the directory that it runs on. A node that has lost its directory comes
// back as another PeerID (PROTOCOL 4a).
type PeerID struct {
	Node      kafka.NodeID
	Directory peer.UUID
}

// RaftID is the id of the directory in Raft. It follows from the directory alone, so it is
// bound to one directory, and no other directory ever gets it. 0 is no id.
func (p PeerID) RaftID() uint64 { return RaftID(p.Directory) }

// RaftID is the Raft id of a directory: its first 8 bytes, without the highest bit, because
// the raft library has two ids of its own at the end of the range.
func RaftID(directory peer.UUID) uint64 {
	return binary.BigEndian.Uint64(directory[:8]) &^ (1 << 63)
}

// Member is a directory that gets the log. Immutable.
type Member struct {
	PeerID
	// Voter: it votes. If not it is a learner, which only gets the log.
	Voter bool
	// Promote: a learner that takes the place of a voter as soon as it has caught up. Other
	// voters of the same node are removed before.
	Promote bool
	// Leaving: it is removed as soon as possible.
	Leaving bool
}

// removedMax bounds the list of the directories that were members. The oldest is forgotten.
// It is then an unknown directory, which is no member either.
const removedMax = 256

// Members are the voters and learners by node.
func (img *Image) Members() []Member { return img.members }

// Member returns the member with this directory, nil if there is none.
func (img *Image) Member(id PeerID) *Member {
	for i := range img.members {
		if img.members[i].PeerID == id {
			return &img.members[i]
		}
	}
	return nil
}

// WasRemoved reports whether the directory was a member, and is none any more.
func (img *Image) WasRemoved(id PeerID) bool { return slices.Contains(img.removed, id) }

// voters are the Raft ids of the voters, sorted; learners those of the others.
func (img *Image) voters() []uint64   { return img.raftIDs(true) }
func (img *Image) learners() []uint64 { return img.raftIDs(false) }

func (img *Image) raftIDs(voters bool) (ids []uint64) {
	for _, m := range img.members {
		if m.Voter == voters {
			ids = append(ids, m.RaftID())
		}
	}
	slices.Sort(ids)
	return ids
}

// confState is Raft's configuration at the image's index.
func (img *Image) confState() *pb.ConfState {
	return &pb.ConfState{Voters: img.voters(), Learners: img.learners()}
}

// setMember adds or replaces a member.
func (d *draft) setMember(m Member) {
	d.members = slices.DeleteFunc(slices.Clone(d.members),
		func(o Member) bool { return o.PeerID == m.PeerID })
	d.members = append(d.members, m)
	slices.SortFunc(d.members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node),
			slices.Compare(a.Directory[:], b.Directory[:]))
	})
}

// removeMember removes a member for good: its directory is refused from now on.
func (d *draft) removeMember(id PeerID) {
	d.members = slices.DeleteFunc(slices.Clone(d.members),
		func(o Member) bool { return o.PeerID == id })
	d.removed = append(slices.Clone(d.removed), id)
	d.removed = d.removed[max(0, len(d.removed)-removedMax):]
}

// changeMembers applies a committed change of Raft's configuration to the image.
func (d *draft) changeMembers(e *pb.Entry) {
	cc := decodeChange(e)
	id := decodePeerID(cc.GetContext())
	for _, change := range cc.GetChanges() {
		assert.That(id.RaftID() == change.GetNodeId(), "meta: a configuration change names two ids")
		switch change.GetType() {
		case pb.ConfChangeAddLearnerNode:
			assert.That(!d.WasRemoved(id), "meta: a directory that was removed joins again")
			mark.Hit(mark.LearnerAdded)
			d.setMember(Member{PeerID: id})
		case pb.ConfChangeAddNode:
			mark.Hit(mark.VoterAdded)
			d.setMember(Member{PeerID: id, Voter: true})
		case pb.ConfChangeRemoveNode:
			mark.Hit(mark.MemberRemoved)
			d.removeMember(id)
		default:
			assert.That(false, "meta: configuration change of type %v", change.GetType())
		}
	}
}

// newChange makes the change of one member. Its context names the directory, because the Raft
// id alone does not name the node.
func newChange(t pb.ConfChangeType, id PeerID) *pb.ConfChangeV2 {
	w := &writer{}
	id.encode(w)
	return &pb.ConfChangeV2{
		Changes: []*pb.ConfChangeSingle{{Type: t.Enum(), NodeId: new(id.RaftID())}},
		Context: w.b,
	}
}

func decodePeerID(b []byte) PeerID {
	r := &reader{b: b}
	id := PeerID{r.node(), r.uuid()}
	assert.That(r.done(), "meta: a configuration change names no directory")
	return id
}

func decodeChange(e *pb.Entry) *pb.ConfChangeV2 {
	cc := &pb.ConfChangeV2{}
	assert.That(e.GetType() == pb.EntryConfChangeV2, "meta: configuration change of another kind")
	err := proto.Unmarshal(e.GetData(), cc)
	assert.NoError(err, "meta: decode a committed configuration change")
	return cc
}

func (c *AddVoter) apply(d *draft) Verdict {
	m := d.Member(c.PeerID)
	switch {
	case m == nil:
		return refuse(kafka.VoterNotFound, "the directory is not a learner of this cluster")
	case m.Voter:
		return refuse(kafka.DuplicateVoter, "the directory is a voter already")
	}
	next := *m
	next.Promote = true
	d.setMember(next)
	return Verdict{}
}

func (c *RemoveVoter) apply(d *draft) Verdict {
	m := d.Member(c.PeerID)
	if m == nil {
		return refuse(kafka.VoterNotFound, "the directory is not a member of this cluster")
	}
	left := slices.ContainsFunc(d.members, func(o Member) bool {
		return o.Voter && !o.Leaving && o.PeerID != c.PeerID
	})
	if !left {
		return refuse(kafka.InvalidRequest, "the last voter cannot be removed")
	}
	next := *m
	next.Leaving, next.Promote = true, false
	d.setMember(next)
	return Verdict{}
}
