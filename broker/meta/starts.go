package meta

import (
	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/wire/peer"
)

// Starts is what a directory knows of its own starts. An older copy of the directory, put back in
// its place, has the same id and has forgotten what it promised. But it does not know the start
// that the cluster registered last (PROTOCOL 4a).
type Starts struct {
	// Number counts the starts, this one included. 0: nothing is known.
	Number uint64
	// Recent are the incarnations of the last starts, at most StartsKept. This one is last.
	Recent []peer.UUID
}

// StartsKept bounds Starts.Recent. A start that was longer ago cannot be told from that of a copy,
// and counts as known: a node that is restarted that often without a majority must still come back.
const StartsKept = 64

// Next returns the starts with one more.
func (s Starts) Next(incarnation peer.UUID) Starts {
	recent := s.Recent[max(0, len(s.Recent)-StartsKept+1):]
	return Starts{s.Number + 1, append(recent[:len(recent):len(recent)], incarnation)}
}

// Know reports whether the directory was there when it was started for that time, as that
// incarnation. If not, it is a copy from before that start.
func (s Starts) Know(number uint64, incarnation peer.UUID) bool {
	switch {
	case number == 0:
		return true
	case number > s.Number:
		return false
	case s.Number-number >= uint64(len(s.Recent)):
		return true
	}
	return s.Recent[uint64(len(s.Recent))-1-(s.Number-number)] == incarnation
}

func (s *Starts) encode(w *writer) {
	w.u64(s.Number)
	w.count(len(s.Recent))
	for _, incarnation := range s.Recent {
		w.uuid(incarnation)
	}
}

func decodeStarts(r *reader) (s Starts) {
	s.Number = r.u64()
	for n := r.count(16); n > 0; n-- {
		s.Recent = append(s.Recent, r.uuid())
	}
	return s
}

// LastStart is the last start of a directory that this node knows to be registered, or about to be:
// one that waits in the log counts, too. A node that was down itself learns only later which
// entries are committed, and may be asked for its vote before. 0 if it knows none.
func (n *Node) LastStart(id PeerID) (number uint64, incarnation peer.UUID) {
	log, img := n.raft.log, n.img
	if img.index < log.snapshot.index {
		img = log.snapshot.image // it is being installed
	}
	if b := img.Broker(id.Node); b != nil && b.Directory == id.Directory {
		number, incarnation = b.Starts, b.Incarnation
	}
	for _, e := range log.after(max(img.index, Index(log.base()))) {
		if e.GetType() != pb.EntryNormal {
			continue
		}
		eachRegistration(e.GetData(), func(c *RegisterBroker) {
			if c.Node == id.Node && c.Directory == id.Directory && c.Starts.Number > number {
				number, incarnation = c.Starts.Number, c.Incarnation
			}
		})
	}
	return number, incarnation
}

// Outdated reports that the cluster has registered a start of this directory that the directory
// does not know: it is an older copy, and the node must stop.
func (n *Node) Outdated() bool {
	b := n.img.Broker(n.id)
	return b != nil && b.Directory == n.directory &&
		!n.session.register.Starts.Know(b.Starts, b.Incarnation)
}
