package meta

import (
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire/peer"
)

// outgoingSnapshot is an image on its way to a peer, a few chunks per tick.
type outgoingSnapshot struct {
	to      uint64
	index   Index
	message []byte
	data    []byte
	offset  int
}

// incomingSnapshot collects the chunks from one peer. If one arrives out of order, the
// snapshot is dropped, and the leader finds out when it probes.
type incomingSnapshot struct {
	from    PeerID
	message *pb.Message
	total   uint64
	data    []byte
}

// beginSnapshot starts sending the last snapshot in place of raft's message. An earlier
// transfer to the same peer is dropped.
func (r *Raft) beginSnapshot(m *pb.Message) {
	to := m.GetTo()
	r.outgoing = slices.DeleteFunc(r.outgoing, func(o *outgoingSnapshot) bool { return o.to == to })
	mark.Hit(mark.SnapshotSent)
	// Raft asked for the snapshot of a moment ago. The latest one serves as well.
	s := &r.log.snapshot
	head := encodeMessage(&pb.Message{
		Type: m.Type, To: m.To, From: m.From, Term: m.Term, Snapshot: s.proto(),
	})
	r.outgoing = append(r.outgoing,
		&outgoingSnapshot{to: to, index: s.index, message: head, data: s.image.Encode()})
	r.sendChunks()
}

// sendChunks sends the next chunks of every snapshot under way. What is sent
// between two ticks is bounded, so that heartbeats are not held up.
func (r *Raft) sendChunks() {
	for _, o := range r.outgoing {
		for n := 0; n < r.cfg.ChunksPerTick && o.offset < len(o.data); n++ {
			end := min(o.offset+r.cfg.ChunkBytes, len(o.data))
			to := r.peer(o.to)
			r.out.send = append(r.out.send, Envelope{to.Node, to.Directory, &peer.SnapshotChunk{
				Message: o.message, Index: uint64(o.index), Offset: uint64(o.offset),
				Total: uint64(len(o.data)), Data: o.data[o.offset:end:end],
			}})
			o.offset = end
		}
		if o.offset == len(o.data) {
			r.rn.ReportSnapshot(o.to, raft.SnapshotFinish)
		}
	}
	r.outgoing = slices.DeleteFunc(r.outgoing, func(o *outgoingSnapshot) bool {
		return o.offset == len(o.data)
	})
}

// stepChunk takes one chunk. When the snapshot is complete, and is an image of the index
// that was announced, raft gets it.
func (r *Raft) stepChunk(from PeerID, c *peer.SnapshotChunk) {
	if r.refuse {
		return
	}
	if c.Offset == 0 {
		r.dropIncoming(from)
		m, err := decodeMessage(c.Message)
		if err != nil || m.GetType() != pb.MsgSnap || m.GetFrom() != from.RaftID() ||
			m.GetTo() != r.id || c.Total > r.cfg.SnapshotMax ||
			m.GetSnapshot().GetMetadata().GetIndex() != c.Index {
			return
		}
		r.hear(from)
		r.incoming = append(r.incoming, &incomingSnapshot{from: from, message: m, total: c.Total})
	}
	i := slices.IndexFunc(r.incoming, func(in *incomingSnapshot) bool { return in.from == from })
	if i < 0 {
		return
	}
	in := r.incoming[i]
	end := c.Offset + uint64(len(c.Data))
	if c.Offset != uint64(len(in.data)) || end > in.total || c.Total != in.total ||
		in.message.GetSnapshot().GetMetadata().GetIndex() != c.Index {
		mark.Hit(mark.SnapshotBroken)
		r.dropIncoming(from)
		return
	}
	in.data = append(in.data, c.Data...)
	if end < in.total {
		return
	}
	r.dropIncoming(from)
	img, err := DecodeImage(in.data)
	if err != nil || uint64(img.index) != c.Index {
		return // damaged on the way: the leader sends it again
	}
	in.message.Snapshot.Data = in.data
	in.message.Snapshot.Metadata.ConfState = img.confState()
	r.stepMessage(in.message)
}

func (r *Raft) dropIncoming(from PeerID) {
	r.incoming = slices.DeleteFunc(r.incoming, func(in *incomingSnapshot) bool {
		return in.from == from
	})
}
