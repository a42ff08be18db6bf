package meta

import (
	"errors"
	"fmt"
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/wire/peer"
)

// This file has our own encoding of what Raft writes and sends. Protobuf text and bytes
// stay out of disk, wire and hash (PROTOCOL 27, 37), except for the data of configuration
// changes, which Raft itself makes and reads.

// RecordType says what a record of the control WAL holds. Numbers are durable.
type RecordType uint8

const (
	// RecordEntry: term u64 | index u64 | type u8 | data.
	// It replaces an earlier entry that has its index and another term, and all entries
	// behind that one.
	RecordEntry RecordType = 1
	// RecordHardState: term u64 | vote u64 | commit u64. The last one counts.
	RecordHardState RecordType = 2
	// RecordSnapshot: version u8 | index u64 | term u64.
	// The image, with the members, is in the snapshot file of that index, durable before this
	// record is written. It replaces all records before it.
	RecordSnapshot RecordType = 3
)

// Record is one record of the control WAL, in [Record.Type]'s format.
type Record struct {
	Type    RecordType
	Payload []byte
}

const recordVersion uint8 = 2

// bootstrapIndex is where every node of a cluster starts: a snapshot with the
// empty image and the voters, the same on all, as etcd raft recommends.
const (
	bootstrapIndex Index = 1
	bootstrapTerm  Term  = 1
)

// ErrCorruptRecord marks records that recovery cannot read, or that contradict each
// other.
var ErrCorruptRecord = errors.New("corrupt raft record")

func entryRecord(e *pb.Entry) Record {
	w := &writer{b: make([]byte, 0, 21+len(e.GetData()))}
	encodeEntry(w, e)
	return Record{RecordEntry, w.b}
}

func encodeEntry(w *writer, e *pb.Entry) {
	w.u64(e.GetTerm())
	w.u64(e.GetIndex())
	w.u8(uint8(e.GetType()))
	w.bytes(e.GetData())
}

func decodeEntry(r *reader) *pb.Entry {
	e := &pb.Entry{Term: new(r.u64()), Index: new(r.u64())}
	t := pb.EntryType(r.u8())
	if t > pb.EntryConfChangeV2 {
		r.bad = true
	}
	e.Type = t.Enum()
	e.Data = r.bytes()
	return e
}

func hardStateRecord(h *pb.HardState) Record {
	w := &writer{}
	w.u64(h.GetTerm())
	w.u64(h.GetVote())
	w.u64(h.GetCommit())
	return Record{RecordHardState, w.b}
}

func decodeHardState(r *reader) *pb.HardState {
	return &pb.HardState{Term: new(r.u64()), Vote: new(r.u64()), Commit: new(r.u64())}
}

func snapshotRecord(s *snapshot) Record {
	w := &writer{}
	w.u8(recordVersion)
	w.u64(uint64(s.index))
	w.u64(uint64(s.term))
	return Record{RecordSnapshot, w.b}
}

// A Raft message, in peer.Raft and (without entries) in peer.SnapshotChunk:
//
//	version u8 | type u8 | to, from, term, log term, index, commit u64 | reject u8 |
//	reject hint u64 | context | entries u32 + entries |
//	snapshot u8: 0, or 1 and index, term u64; the image has the members
const messageVersion uint8 = 2

// wireType reports whether messages of the type travel between nodes. The others are
// local to Raft, or this package has its own messages for them (proposals, read indexes).
func wireType(t pb.MessageType) bool {
	switch t {
	case pb.MsgApp, pb.MsgAppResp, pb.MsgVote, pb.MsgVoteResp, pb.MsgPreVote, pb.MsgPreVoteResp,
		pb.MsgHeartbeat, pb.MsgHeartbeatResp, pb.MsgTimeoutNow, pb.MsgSnap:
		return true
	}
	return false
}

func encodeMessage(m *pb.Message) []byte {
	w := &writer{}
	w.u8(messageVersion)
	w.u8(uint8(m.GetType()))
	for _, v := range [...]uint64{
		m.GetTo(),
		m.GetFrom(),
		m.GetTerm(),
		m.GetLogTerm(),
		m.GetIndex(),
		m.GetCommit(),
	} {
		w.u64(v)
	}
	w.bool(m.GetReject())
	w.u64(m.GetRejectHint())
	w.bytes(m.GetContext())
	w.count(len(m.GetEntries()))
	for _, e := range m.GetEntries() {
		encodeEntry(w, e)
	}
	meta := m.GetSnapshot().GetMetadata()
	w.bool(meta != nil)
	if meta != nil {
		w.u64(meta.GetIndex())
		w.u64(meta.GetTerm())
	}
	return w.b
}

func decodeMessage(b []byte) (*pb.Message, error) {
	r := &reader{b: b}
	if v := r.u8(); v != messageVersion {
		return nil, fmt.Errorf("meta: decode raft message: version %d is unknown", v)
	}
	t := pb.MessageType(r.u8())
	m := &pb.Message{
		Type: t.Enum(), To: new(r.u64()), From: new(r.u64()), Term: new(r.u64()),
		LogTerm: new(r.u64()), Index: new(r.u64()), Commit: new(r.u64()),
		Reject: new(r.bool()), RejectHint: new(r.u64()), Context: r.bytes(),
	}
	for n := r.count(21); n > 0; n-- {
		m.Entries = append(m.Entries, decodeEntry(r))
	}
	if r.bool() {
		m.Snapshot = &pb.Snapshot{Metadata: &pb.SnapshotMetadata{
			Index: new(r.u64()), Term: new(r.u64()),
		}}
	}
	if !r.done() || !wireType(t) {
		return nil, fmt.Errorf("meta: decode raft message: malformed, type %d, %d bytes", t, len(b))
	}
	return m, nil
}

// Recovered is the state that a node starts from.
type Recovered struct{ log *memoryLog }

// NewCluster is the state before the first start of a node of a new cluster.
// cluster and voters must be the same on all its nodes. Its records must be
// durable, with the image's file, before the node is started.
func NewCluster(cluster peer.UUID, voters []PeerID) (Recovered, []Record, *Image) {
	d := &draft{Image: NewImage(cluster)}
	for _, v := range voters {
		d.setMember(Member{PeerID: v, Voter: true})
	}
	s := snapshot{bootstrapIndex, bootstrapTerm, d.Image}
	l := newMemoryLog(s)
	return Recovered{l}, []Record{snapshotRecord(&s), hardStateRecord(l.hard)}, s.image
}

// JoinCluster is the state before the first start of a node that the cluster will add by
// a configuration change. It is empty: the node gets everything from the leader.
func JoinCluster(cluster peer.UUID) (Recovered, []Record, *Image) {
	s := snapshot{image: NewImage(cluster)}
	s.image.index = 0
	l := newMemoryLog(s)
	return Recovered{l}, []Record{snapshotRecord(&s), hardStateRecord(l.hard)}, s.image
}

// LastSnapshot finds the index of the snapshot file that Recover needs. false means that
// the records hold no snapshot. If no record is missing, the node has then never been
// started.
func LastSnapshot(records []Record) (Index, bool, error) {
	index, found := Index(0), false
	for _, rec := range records {
		if rec.Type != RecordSnapshot {
			continue
		}
		s, err := decodeSnapshotRecord(rec.Payload)
		if err != nil {
			return 0, false, err
		}
		index, found = s.index, true
	}
	return index, found, nil
}

// Checkpointed reports whether the records hold a whole checkpoint: a snapshot, and
// behind it the hard state that ends the batch. Everything before a whole checkpoint may
// be deleted (Persist.Checkpoint). A log that has lost its beginning and has no whole
// checkpoint has lost acknowledged records.
func Checkpointed(records []Record) bool {
	begun := false
	for _, rec := range records {
		if rec.Type == RecordHardState && begun {
			return true
		}
		begun = begun || rec.Type == RecordSnapshot
	}
	return false
}

// NeverStarted reports whether the records are those of NewCluster or JoinCluster only: the node
// has promised nothing yet.
func NeverStarted(records []Record) bool {
	return !slices.ContainsFunc(records, func(rec Record) bool {
		if rec.Type != RecordHardState {
			return rec.Type == RecordEntry
		}
		h := decodeHardState(&reader{b: rec.Payload})
		return h.GetVote() != 0 || h.GetTerm() > uint64(bootstrapTerm)
	})
}

func decodeSnapshotRecord(b []byte) (snapshot, error) {
	r := &reader{b: b}
	if v := r.u8(); v != recordVersion {
		return snapshot{}, fmt.Errorf("meta: recover: snapshot version %d is unknown", v)
	}
	s := snapshot{index: Index(r.u64()), term: Term(r.u64())}
	if !r.done() {
		return s, fmt.Errorf("meta: recover: %w: snapshot", ErrCorruptRecord)
	}
	return s, nil
}

// Recover rebuilds the log from the WAL's records in their order and the image
// of the last snapshot.
func Recover(records []Record, image *Image) (Recovered, error) {
	var l *memoryLog
	for _, rec := range records {
		r := &reader{b: rec.Payload}
		switch rec.Type {
		case RecordSnapshot:
			s, err := decodeSnapshotRecord(rec.Payload)
			if err != nil {
				return Recovered{}, err
			}
			s.image = image
			if l == nil {
				l = newMemoryLog(s)
			} else {
				l.restore(s)
			}
			continue
		case RecordHardState:
			if l != nil {
				l.hard = decodeHardState(r)
			}
		case RecordEntry:
			if e := decodeEntry(r); l != nil && !r.bad {
				if e.GetIndex() > l.last()+1 {
					return Recovered{}, fmt.Errorf("meta: recover: %w: entry %d after %d",
						ErrCorruptRecord, e.GetIndex(), l.last())
				}
				l.append([]*pb.Entry{e})
			}
		}
		if l != nil && !r.done() {
			return Recovered{}, fmt.Errorf("meta: recover: %w: type %d", ErrCorruptRecord, rec.Type)
		}
	}
	if l == nil || image == nil || image.index != l.snapshot.index {
		return Recovered{},
			fmt.Errorf("meta: recover: %w: no snapshot, or the image of another one",
				ErrCorruptRecord)
	}
	if c := l.hard.GetCommit(); c < uint64(l.snapshot.index) || c > l.last() {
		return Recovered{}, fmt.Errorf("meta: recover: %w: commit index %d outside [%d, %d]",
			ErrCorruptRecord, c, l.snapshot.index, l.last())
	}
	return Recovered{l}, nil
}
