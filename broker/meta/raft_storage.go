package meta

import (
	"go.etcd.io/raft/v3/tracker"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
)

type progress = tracker.Progress

// storageAppend turns raft's request to write into a batch of records. Entries come
// before the hard state: its commit index must never point past them.
func (r *Raft) storageAppend(m *pb.Message, mustSync bool) {
	w := write{responses: m.GetResponses(), persist: Persist{Sync: mustSync}}
	if !raft.IsEmptySnap(m.GetSnapshot()) {
		r.installSnapshot(m.GetSnapshot(), &w)
	}
	for _, e := range m.GetEntries() {
		w.persist.Records = append(w.persist.Records, entryRecord(e))
	}
	r.log.append(m.GetEntries())
	hard := &pb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
	if !raft.IsEmptyHardState(hard) {
		r.log.hard = hard
	}
	if !raft.IsEmptyHardState(hard) || w.snapshot != nil {
		w.persist.Records = append(w.persist.Records, hardStateRecord(r.log.hard))
	}
	r.writes = append(r.writes, w)
	r.writeOut()
}

// installSnapshot replaces the log by a leader's snapshot. Its bytes were
// checked and decoded when the last chunk arrived.
func (r *Raft) installSnapshot(p *pb.Snapshot, w *write) {
	img, meta := r.checked, p.GetMetadata()
	r.checked = nil
	assert.That(img != nil && uint64(img.index) == meta.GetIndex(),
		"meta: install snapshot %d, which was not checked", meta.GetIndex())
	s := snapshot{
		Index(meta.GetIndex()),
		Term(meta.GetTerm()),
		img,
	}
	r.log.install(s)
	mark.Hit(mark.SnapshotInstalled)
	r.own = nil // a snapshot of this node that is being saved is older
	r.out.files = append(r.out.files, SnapshotFile{s.index, p.GetData()})
	w.file, w.snapshot = s.index, &s
	w.persist.Sync, w.persist.Checkpoint = true, s.index
	w.persist.Records = append(w.persist.Records, snapshotRecord(&s))
}

// writeOut hands out the writes that wait for no file, in order, and holds their
// responses until they are durable. A write that needs no sync may have responses too:
// those wait only for the syncs before it.
func (r *Raft) writeOut() {
	for len(r.writes) > 0 && r.writes[0].file == 0 {
		w := r.writes[0]
		r.writes = r.writes[1:]
		r.handOut(w.persist)
		r.held = append(r.held, held{r.syncToken, w.snapshot, w.responses})
	}
	r.release()
}

func (r *Raft) handOut(p Persist) {
	if len(p.Records) == 0 && !p.Sync {
		return
	}
	r.token++
	p.Token = r.token
	if p.Sync {
		r.syncToken = r.token
	}
	r.out.persist = append(r.out.persist, p)
}

// savedSnapshot continues when a snapshot's file is durable.
func (r *Raft) savedSnapshot(i Index) {
	if r.own != nil && r.own.index == i {
		r.checkpoint(*r.own)
		r.own = nil
		return
	}
	for k := range r.writes {
		if r.writes[k].file == i {
			r.writes[k].file = 0
		}
	}
	r.writeOut()
}

// persistedTo releases what waited for the batch.
func (r *Raft) persistedTo(token uint64) {
	r.persisted = max(r.persisted, token)
	r.release()
}

func (r *Raft) release() {
	for len(r.held) > 0 && r.held[0].token <= r.persisted {
		h := r.held[0]
		r.held = r.held[1:]
		if h.snapshot != nil {
			r.out.installed, r.out.committed = h.snapshot, nil
			r.members, r.sinceSnapshot = h.snapshot.image.members, 0
		}
		for _, m := range h.responses {
			r.send(m)
		}
	}
}

// maybeCompact begins a snapshot of this node's image when enough has been applied.
func (r *Raft) maybeCompact(img *Image) {
	if r.own != nil || img.index <= r.log.snapshot.index {
		return
	}
	news := img.index > r.rareAt // one choice per image: an idle node makes none
	r.rareAt = img.index
	if r.sinceSnapshot < r.cfg.CompactBytes &&
		!(news && r.cfg.Rare.Choose(rare.RaftSnapshotEarly)) {
		return
	}
	r.sinceSnapshot = 0
	r.own = &snapshot{img.index, r.termOf(img.index), img}
	r.out.files = append(r.out.files, SnapshotFile{img.index, img.Encode()})
}

// checkpoint completes that snapshot. From then on the WAL begins with the snapshot, the
// entries behind it and the hard state.
func (r *Raft) checkpoint(s snapshot) {
	mark.Hit(mark.RaftCompacted)
	r.log.compact(s, r.cfg.RetainBytes)
	p := Persist{Sync: true, Checkpoint: s.index, Records: []Record{snapshotRecord(&s)}}
	for _, e := range r.log.after(s.index) {
		p.Records = append(p.Records, entryRecord(e))
	}
	p.Records = append(p.Records, hardStateRecord(r.log.hard))
	// It goes behind writes that wait for a file, so that records stay in raft's order.
	r.writes = append(r.writes, write{persist: p})
	r.writeOut()
}

// applyChange applies a configuration change, once, when it is committed.
func (r *Raft) applyChange(e *pb.Entry) {
	r.rn.ApplyConfChange(decodeChange(e))
	// A new member has no entries, and refuses a snapshot that does not name it. The snapshot
	// from before this change would be sent to it forever, so a new one is made.
	r.sinceSnapshot = r.cfg.CompactBytes
}

// raftLogger drops raft's lines and turns its panics, which mean that an
// invariant is broken, into assertions.
type raftLogger struct{}

func (raftLogger) Debug(...any)            {}
func (raftLogger) Debugf(string, ...any)   {}
func (raftLogger) Info(...any)             {}
func (raftLogger) Infof(string, ...any)    {}
func (raftLogger) Warning(...any)          {}
func (raftLogger) Warningf(string, ...any) {}
func (raftLogger) Error(...any)            {}
func (raftLogger) Errorf(string, ...any)   {}
func (raftLogger) Fatal(v ...any)          { assert.That(false, "raft: %v", v) }
func (raftLogger) Panic(v ...any)          { assert.That(false, "raft: %v", v) }
func (raftLogger) Fatalf(f string, v ...any) {
	assert.That(false, "raft: "+f, v...)
}
func (raftLogger) Panicf(f string, v ...any) {
	assert.That(false, "raft: "+f, v...)
}
