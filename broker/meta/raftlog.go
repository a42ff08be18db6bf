package meta

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// memoryLog is the log since the last snapshot: raft.Storage is synchronous, so
// what it reads lives in memory (PROTOCOL 27).
//
// It is changed when a write is handed out, not when it is durable. Raft allows that: it
// prefers its own unstable copy until it hears that the write is stable. It hears that
// only when every earlier write is durable too.
//
// entries[0] stands for the last compacted entry: it has index and term only. Invariant:
// snapshot.Index >= entries[0].Index, so that a follower that needs a compacted entry can
// get the snapshot instead.
type memoryLog struct {
	entries  []*pb.Entry
	bytes    uint64 // of the data in entries
	hard     *pb.HardState
	snapshot snapshot
}

// snapshot is an image with its place in the log. The image has Raft's configuration.
type snapshot struct {
	index Index
	term  Term
	image *Image
}

func newMemoryLog(s snapshot) *memoryLog {
	return &memoryLog{
		entries: []*pb.Entry{{Index: new(uint64(s.index)), Term: new(uint64(s.term))}},
		hard: &pb.HardState{
			Term: new(uint64(s.term)), Vote: new(uint64(0)), Commit: new(uint64(s.index)),
		},
		snapshot: s,
	}
}

// InitialState implements raft.Storage. The members are those at the snapshot:
// configuration changes after it are applied again from the log, once each.
func (l *memoryLog) InitialState() (*pb.HardState, *pb.ConfState, error) {
	return l.hard, l.snapshot.image.confState(), nil
}

func (l *memoryLog) base() uint64 { return l.entries[0].GetIndex() }
func (l *memoryLog) last() uint64 { return l.base() + uint64(len(l.entries)) - 1 }

// FirstIndex implements raft.Storage.
func (l *memoryLog) FirstIndex() (uint64, error) { return l.base() + 1, nil }

// LastIndex implements raft.Storage.
func (l *memoryLog) LastIndex() (uint64, error) { return l.last(), nil }

// Term implements raft.Storage.
func (l *memoryLog) Term(i uint64) (uint64, error) {
	if i < l.base() {
		return 0, raft.ErrCompacted
	}
	if i > l.last() {
		return 0, raft.ErrUnavailable
	}
	return l.entries[i-l.base()].GetTerm(), nil
}

// Entries implements raft.Storage. At least one entry is returned, whatever its size.
func (l *memoryLog) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	if lo <= l.base() {
		return nil, raft.ErrCompacted
	}
	if hi > l.last()+1 || lo >= hi {
		return nil, raft.ErrUnavailable
	}
	size := uint64(0)
	for i := lo; i < hi; i++ {
		size += entrySize(l.entries[i-l.base()])
		if size > maxSize && i > lo {
			hi = i
			break
		}
	}
	from, to := lo-l.base(), hi-l.base()
	return l.entries[from:to:to], nil
}

// entrySize approximates an entry's bytes on the wire.
func entrySize(e *pb.Entry) uint64 { return uint64(len(e.GetData())) + 32 }

// Snapshot implements raft.Storage. The image is not encoded here, but when its chunks
// are sent.
func (l *memoryLog) Snapshot() (*pb.Snapshot, error) { return l.snapshot.proto(), nil }

func (s *snapshot) proto() *pb.Snapshot {
	return &pb.Snapshot{Metadata: &pb.SnapshotMetadata{
		Index: new(uint64(s.index)), Term: new(uint64(s.term)),
		ConfState: s.image.confState(),
	}}
}

// append adds entries. A conflicting entry is replaced, and everything behind it is
// dropped (BUGS R4). An entry with the same index and term is the same entry, by Raft's
// log matching. A checkpoint that was cut short repeats such entries, and the entries
// behind them must stay.
func (l *memoryLog) append(entries []*pb.Entry) {
	for _, e := range entries {
		if term, err := l.Term(e.GetIndex()); err == nil && term == e.GetTerm() ||
			e.GetIndex() <= l.base() {
			continue
		}
		keep := e.GetIndex() - l.base()
		for uint64(len(l.entries)) > keep {
			last := len(l.entries) - 1
			l.bytes -= entrySize(l.entries[last])
			l.entries = l.entries[:last:last] // slices that Entries returned stay as they are
		}
		l.entries = append(l.entries, e)
		l.bytes += entrySize(e)
	}
}

// install replaces everything by a snapshot from the leader.
func (l *memoryLog) install(s snapshot) {
	hard := l.hard
	*l = *newMemoryLog(s)
	l.hard = hard
	l.commitTo(s)
}

// restore applies a snapshot record in recovery. If the log holds the last entry of the
// snapshot, this node made the snapshot, and the entries behind it count. Otherwise the
// snapshot came from a leader and replaces everything.
func (l *memoryLog) restore(s snapshot) {
	if term, err := l.Term(uint64(s.index)); err != nil || term != uint64(s.term) {
		l.install(s)
		return
	}
	l.compact(s, 0)
	l.commitTo(s)
}

func (l *memoryLog) commitTo(s snapshot) {
	if l.hard.GetCommit() < uint64(s.index) {
		l.hard = &pb.HardState{
			Term: new(max(l.hard.GetTerm(), uint64(s.term))), Vote: new(l.hard.GetVote()),
			Commit: new(uint64(s.index)),
		}
	}
}

// compact takes a snapshot that this node made, and drops the entries before it. The last
// ones, up to retain bytes, stay: with them, a follower that is only a little behind
// needs no snapshot.
func (l *memoryLog) compact(s snapshot, retain uint64) {
	l.snapshot = s
	cut, kept := uint64(s.index)-l.base(), uint64(0)
	for i := cut; i > 0; i-- {
		if kept += entrySize(l.entries[i]); kept > retain {
			break
		}
		cut = i - 1
	}
	if cut == 0 {
		return
	}
	for _, e := range l.entries[1 : cut+1] {
		l.bytes -= entrySize(e)
	}
	base := l.entries[cut]
	l.entries = append([]*pb.Entry{{Index: new(base.GetIndex()), Term: new(base.GetTerm())}},
		l.entries[cut+1:]...)
}

// after returns the entries behind an index.
func (l *memoryLog) after(i Index) []*pb.Entry { return l.entries[uint64(i)-l.base()+1:] }
