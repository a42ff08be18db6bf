package meta

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"

	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire/peer"
)

// A snapshot goes to a peer in chunks. The peer answers each with a SnapshotAck, which says how
// much it has. At most SnapshotWindow bytes are not acknowledged, so a snapshot of any size
// neither fills the connection nor holds up heartbeats for long. What is lost is sent again
// from the last acknowledgement on. A peer that was restarted has nothing, says so, and gets
// the snapshot from its beginning.

// outgoingSnapshot is an image on its way to a peer.
type outgoingSnapshot struct {
	to      uint64
	index   Index
	message []byte
	data    []byte
	sent    int // bytes; acked <= sent
	acked   int
	// heardAt is when the peer last had more than before, and sentAt when it had, or when what
	// it lacks was sent again.
	heardAt, sentAt env.Instant
}

// incomingSnapshot collects the chunks from one peer, in order.
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
	r.dropOutgoing(to)
	mark.Hit(mark.SnapshotSent)
	// Raft asked for the snapshot of a moment ago. The latest one serves as well.
	s := &r.log.snapshot
	head := encodeMessage(&pb.Message{
		Type: m.Type, To: m.To, From: m.From, Term: m.Term, Snapshot: s.proto(),
	})
	o := &outgoingSnapshot{
		to: to, index: s.index, message: head, data: s.image.Encode(), heardAt: r.now,
		sentAt: r.now,
	}
	r.outgoing = append(r.outgoing, o)
	r.sendChunks(o)
}

// sendChunks sends as many chunks as the window has room for.
func (r *Raft) sendChunks(o *outgoingSnapshot) {
	for o.sent < len(o.data) && (o.sent == o.acked || o.sent-o.acked < r.cfg.SnapshotWindow) {
		end := min(o.sent+r.cfg.ChunkBytes, len(o.data))
		to := r.peer(o.to)
		r.out.send = append(r.out.send, Envelope{to.Node, to.Directory, &peer.SnapshotChunk{
			Message: o.message, Index: uint64(o.index), Offset: uint64(o.sent),
			Total: uint64(len(o.data)), Data: o.data[o.sent:end:end],
		}})
		o.sent = end
	}
}

// stepChunkAck takes note of how much of a snapshot the peer has.
func (r *Raft) stepChunkAck(from PeerID, a *peer.SnapshotAck) {
	i := slices.IndexFunc(r.outgoing, func(o *outgoingSnapshot) bool {
		return o.to == from.RaftID() && uint64(o.index) == a.Index
	})
	if i < 0 || a.Offset > uint64(len(r.outgoing[i].data)) {
		return
	}
	o, has := r.outgoing[i], int(a.Offset)
	switch {
	case a.Refused:
		r.failed(o)
		return
	case has > o.acked:
		o.acked, o.sent = has, max(o.sent, has)
		o.heardAt, o.sentAt = r.now, r.now
	case has < o.acked:
		mark.Hit(mark.SnapshotRestarted)
		o.acked, o.sent, o.sentAt = has, has, r.now
	}
	r.sendChunks(o)
}

// tickSnapshots repeats what seems lost, and ends the transfers that are over: raft counts
// the peer's log from the snapshot on, or the peer has had nothing for too long.
func (r *Raft) tickSnapshots() {
	if len(r.outgoing) == 0 {
		return
	}
	waits, match := map[uint64]bool{}, map[uint64]Index{}
	if r.leads() {
		r.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr progress) {
			waits[id], match[id] = pr.State == tracker.StateSnapshot, Index(pr.Match)
		})
	}
	for _, o := range slices.Clone(r.outgoing) {
		switch {
		case !waits[o.to]:
			r.dropOutgoing(o.to)
		case match[o.to] >= o.index: // and yet too old: the next entries are compacted by now
			r.dropOutgoing(o.to)
			r.rn.ReportSnapshot(o.to, raft.SnapshotFinish)
		case r.now.Sub(o.heardAt) >= r.cfg.SnapshotPatience:
			r.failed(o)
		case o.sent < len(o.data) && o.sent == o.acked ||
			r.now.Sub(o.sentAt) >= r.cfg.SnapshotRepeat:
			mark.Hit(mark.SnapshotRepeated)
			o.sent, o.sentAt = o.acked, r.now
			if o.acked == len(o.data) {
				// Raft's answer may be lost. The last chunk makes the peer repeat it.
				o.sent = max(0, o.acked-r.cfg.ChunkBytes)
			}
			r.sendChunks(o)
		}
	}
}

// failed ends a transfer without success. Raft asks the peer where it stands.
func (r *Raft) failed(o *outgoingSnapshot) {
	r.dropOutgoing(o.to)
	r.rn.ReportSnapshot(o.to, raft.SnapshotFailure)
}

func (r *Raft) dropOutgoing(to uint64) {
	r.outgoing = slices.DeleteFunc(r.outgoing, func(o *outgoingSnapshot) bool { return o.to == to })
}

// stepChunk takes one chunk, and answers how much of the snapshot is here. Raft gets the
// snapshot when it is complete.
func (r *Raft) stepChunk(from PeerID, c *peer.SnapshotChunk) {
	if r.refuse {
		return
	}
	if Index(c.Index) <= r.commit() { // it came meanwhile, or its last acknowledgement was lost
		if m, err := decodeMessage(c.Message); err == nil && m.GetType() == pb.MsgSnap &&
			m.GetFrom() == from.RaftID() && m.GetTo() == r.id {
			r.hear(from)
			r.stepMessage(m) // raft tells the leader how far it is
		}
		r.dropIncoming(from)
		r.acknowledge(from, &peer.SnapshotAck{Index: c.Index, Offset: c.Total})
		return
	}
	if c.Offset == 0 && !r.receives(from, c) {
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
	has := r.collect(from, c)
	refused := has == c.Total && !r.complete(from)
	r.acknowledge(from, &peer.SnapshotAck{Index: c.Index, Offset: has, Refused: refused})
}

func (r *Raft) acknowledge(to PeerID, a *peer.SnapshotAck) {
	r.out.send = append(r.out.send, Envelope{to.Node, to.Directory, a})
}

// receives reports whether chunks of this snapshot are being collected.
func (r *Raft) receives(from PeerID, c *peer.SnapshotChunk) bool {
	in := r.incomingOf(from)
	return in != nil && in.total == c.Total &&
		in.message.GetSnapshot().GetMetadata().GetIndex() == c.Index
}

// collect adds a chunk and returns how many bytes of the snapshot are here. A chunk that does
// not continue them changes nothing: it was sent twice, or one before it was lost.
func (r *Raft) collect(from PeerID, c *peer.SnapshotChunk) uint64 {
	if !r.receives(from, c) {
		return 0
	}
	in := r.incomingOf(from)
	has := uint64(len(in.data))
	end := c.Offset + uint64(len(c.Data))
	if c.Offset != has || end > in.total {
		return has
	}
	in.data = append(in.data, c.Data...)
	return end
}

// complete gives raft a snapshot that is complete, and reports whether raft takes it. A node
// that has just become a voter refuses a snapshot from before that.
func (r *Raft) complete(from PeerID) bool {
	in := r.incomingOf(from)
	r.dropIncoming(from)
	img, err := DecodeImage(in.data)
	if err != nil || uint64(img.index) != in.message.GetSnapshot().GetMetadata().GetIndex() {
		return false // damaged on the way
	}
	in.message.Snapshot.Data = in.data
	in.message.Snapshot.Metadata.ConfState = img.confState()
	r.checked = img
	r.stepMessage(in.message)
	return r.commit() >= img.index
}

func (r *Raft) incomingOf(from PeerID) *incomingSnapshot {
	for _, in := range r.incoming {
		if in.from == from {
			return in
		}
	}
	return nil
}

func (r *Raft) dropIncoming(from PeerID) {
	r.incoming = slices.DeleteFunc(r.incoming, func(in *incomingSnapshot) bool {
		return in.from == from
	})
}
