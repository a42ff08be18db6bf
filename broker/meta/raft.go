package meta

import (
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/wire/peer"
)

// RaftConfig holds Raft's bounds and times. A field that is zero gets its default.
type RaftConfig struct {
	Tick           time.Duration // 125 ms: at most eight wake-ups a second
	ElectionTicks  int           // 4: elections after 0.5 to 1 s of silence
	HeartbeatTicks int           // 2
	// CatchUpTicks bounds how many missed ticks are made up for after a freeze. It must
	// be below ElectionTicks: a node that slept must hear what happened before it starts
	// an election.
	CatchUpTicks  int    // 3
	EntryBytesMax int    // 512 KiB: bytes of commands proposed as one entry
	CompactBytes  uint64 // 64 MiB of applied entries: then a snapshot is made
	RetainBytes   uint64 // 8 MiB of entries before a snapshot stay, for slow followers
	ChunkBytes    int    // 64 KiB of a snapshot
	// SnapshotWindow is how much of a snapshot is sent without an acknowledgement: 256 KiB.
	// It must not hold up heartbeats.
	SnapshotWindow int
	SnapshotRepeat time.Duration // 1 s without an acknowledgement: sent again from the last one
	// SnapshotPatience is how long a peer may get no further: 30 s. It has to write a whole
	// snapshot to its disk within that.
	SnapshotPatience time.Duration
	SnapshotMax      uint64        // 1 GiB: larger incoming snapshots are refused
	Rare             *rare.Chooser // nil in production
}

func (c *RaftConfig) setDefaults() {
	setDefault(&c.Tick, 125*time.Millisecond)
	setDefault(&c.ElectionTicks, 4)
	setDefault(&c.HeartbeatTicks, 2)
	setDefault(&c.CatchUpTicks, 3)
	setDefault(&c.EntryBytesMax, 512<<10)
	setDefault(&c.CompactBytes, 64<<20)
	setDefault(&c.RetainBytes, 8<<20)
	setDefault(&c.ChunkBytes, 64<<10)
	setDefault(&c.SnapshotWindow, 256<<10)
	setDefault(&c.SnapshotRepeat, time.Second)
	setDefault(&c.SnapshotPatience, 30*time.Second)
	setDefault(&c.SnapshotMax, 1<<30)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Persist is a batch of records for the control WAL, in the order of tokens.
type Persist struct {
	Token   uint64
	Records []Record
	// Sync: Persisted(Token) must be called, once this and all earlier batches are
	// durable. Without Sync the batch may become durable at any time.
	Sync bool
	// Checkpoint, if not 0, is the index of a snapshot. The record of that snapshot
	// begins the batch. Once the batch is durable, all WAL records before it and the
	// files of earlier snapshots may be deleted.
	Checkpoint Index
}

// SnapshotFile asks for a file with these bytes, durable with its directory
// entry; then SnapshotSaved(Index) must be called.
type SnapshotFile struct {
	Index Index
	Data  []byte
}

// Envelope is a message for a peer. Lost messages are tolerated; those to one
// peer should arrive in order.
type Envelope struct {
	To kafka.NodeID
	// Directory of the node, for messages of Raft: another directory must not get them.
	// It is zero for the other messages.
	Directory peer.UUID
	Message   peer.Message
}

// Raft drives etcd raft by values: no I/O, no clock, no goroutine. Its only
// randomness is the election jitter that the library draws from crypto/rand.
type Raft struct {
	cfg  RaftConfig
	id   uint64
	rn   *raft.RawNode
	log  *memoryLog
	self PeerID
	// members are the image's, as applied. heard are the directories that messages came from,
	// one for each node: a leader may be a member that is not applied here yet.
	members []Member
	heard   []PeerID

	now      env.Instant // of the last call that had it
	nextTick env.Instant
	paused   bool // unhealthy: no ticks, no proposals
	refuse   bool // the WAL is damaged: take no part in Raft (PROTOCOL 8)

	token     uint64 // of the last batch handed out
	syncToken uint64 // of the last batch that needs a sync
	persisted uint64 // all batches up to here that need a sync are durable
	writes    []write
	held      []held

	sinceSnapshot uint64    // bytes applied
	rareAt        Index     // of the last image that rare.RaftSnapshotEarly was asked about
	own           *snapshot // this node's snapshot while its file is saved
	outgoing      []*outgoingSnapshot
	incoming      []*incomingSnapshot
	checked       *Image // decoded from the last snapshot that was complete

	out raftOutput
}

// raftOutput is what drain returns to the Node.
type raftOutput struct {
	persist   []Persist
	files     []SnapshotFile
	send      []Envelope
	installed *snapshot   // replaces the image, before committed
	committed []*pb.Entry // in order; configuration changes and empty ones included
	reads     []readState
}

type readState struct {
	round uint64
	index Index
}

// write is a storage write that raft asked for.
type write struct {
	persist   Persist
	file      Index // wait for this snapshot's file first; 0 if there is none
	snapshot  *snapshot
	responses []*pb.Message
}

// held are responses that must not leave before token is durable (BUGS R1).
type held struct {
	token     uint64
	snapshot  *snapshot
	responses []*pb.Message
}

func newRaft(self PeerID, cfg RaftConfig, rec Recovered, now env.Instant, refuse bool) *Raft {
	r := &Raft{
		cfg: cfg, id: self.RaftID(), log: rec.log, self: self, refuse: refuse,
		members: rec.log.snapshot.image.members, nextTick: now.Add(cfg.Tick),
		now: now,
	}
	rn, err := raft.NewRawNode(&raft.Config{
		ID: r.id, ElectionTick: cfg.ElectionTicks, HeartbeatTick: cfg.HeartbeatTicks,
		Storage: rec.log, Applied: uint64(rec.log.snapshot.index), AsyncStorageWrites: true,
		MaxSizePerMsg: uint64(cfg.EntryBytesMax), MaxCommittedSizePerReady: 4 << 20,
		MaxUncommittedEntriesSize: 16 << 20, MaxInflightMsgs: 64,
		// What waits on a connection stays below netsim.SendWindow: above that, messages are
		// dropped, heartbeats too.
		MaxInflightBytes: uint64(cfg.EntryBytesMax),
		CheckQuorum:      true, PreVote: true, DisableProposalForwarding: true,
		StepDownOnRemoval: true, Logger: raftLogger{},
	})
	assert.NoError(err, "meta: start raft")
	r.rn = rn
	return r
}

// tick makes up for the time that passed, by a few ticks at most.
func (r *Raft) tick(now env.Instant) {
	r.now = now
	if now < r.nextTick {
		return
	}
	for n := 0; now >= r.nextTick; n++ {
		if n == r.cfg.CatchUpTicks {
			mark.Hit(mark.RaftTicksSkipped)
			r.nextTick = now.Add(r.cfg.Tick)
			break
		}
		if !r.paused && !r.refuse {
			r.rn.Tick()
			if r.cfg.Rare.Choose(rare.RaftTickEarly) {
				r.rn.Tick()
			}
		}
		r.nextTick = r.nextTick.Add(r.cfg.Tick)
	}
	r.incoming = slices.DeleteFunc(r.incoming, func(in *incomingSnapshot) bool {
		return Index(in.message.GetSnapshot().GetMetadata().GetIndex()) <= r.commit()
	})
	r.tickSnapshots()
}

// step takes a Raft message from a peer.
func (r *Raft) step(from PeerID, b []byte) {
	m, err := decodeMessage(b)
	if err != nil || r.refuse || m.GetFrom() != from.RaftID() || m.GetTo() != r.id ||
		m.GetType() == pb.MsgSnap {
		return
	}
	r.hear(from)
	r.stepMessage(m)
}

// stepMessage gives raft a message. Its errors say that the message does not apply (no
// such peer, a proposal of a follower). The message then counts as lost.
func (r *Raft) stepMessage(m *pb.Message) bool { return r.rn.Step(m) == nil }

// propose appends one entry if this node leads. false means that the entry was certainly
// not appended.
func (r *Raft) propose(data []byte) bool {
	return !r.paused && !r.refuse && r.rn.Propose(data) == nil
}

// proposeChange asks to add, promote or remove one member. false means that this was certainly
// not proposed. Raft drops it silently while another change is not applied yet.
func (r *Raft) proposeChange(t pb.ConfChangeType, id PeerID) bool {
	return !r.paused && !r.refuse && r.rn.ProposeConfChange(newChange(t, id)) == nil
}

// caughtUp reports whether a learner has all that was committed a moment ago.
func (r *Raft) caughtUp(id PeerID) (yes bool) {
	r.rn.WithProgress(func(raftID uint64, _ raft.ProgressType, pr progress) {
		yes = yes || raftID == id.RaftID() && pr.RecentActive &&
			pr.State == tracker.StateReplicate && pr.Match+caughtUpEntries >= uint64(r.commit())
	})
	return yes
}

// caughtUpEntries is how many committed entries a learner may lack when it becomes a voter.
const caughtUpEntries = 64

// hear remembers from which directory of a node messages come.
func (r *Raft) hear(from PeerID) {
	for i := range r.heard {
		if r.heard[i].Node == from.Node {
			r.heard[i] = from
			return
		}
	}
	r.heard = append(r.heard, from)
}

// peer is the node and directory of a Raft id, the zero PeerID if it is not known.
func (r *Raft) peer(raftID uint64) PeerID {
	if raftID == r.id {
		return r.self
	}
	for i := range r.members {
		if r.members[i].RaftID() == raftID {
			return r.members[i].PeerID
		}
	}
	for _, id := range r.heard {
		if id.RaftID() == raftID {
			return id
		}
	}
	return PeerID{}
}

// readIndex begins a round that ends with a readState, if this node still leads
// then.
func (r *Raft) readIndex(round uint64) {
	w := &writer{}
	w.u64(round)
	r.rn.ReadIndex(w.b)
}

// pause stops Raft's clock while the node cannot vouch for itself, and gives up the
// leadership. The most advanced active voter takes over at once if it has all entries.
// Otherwise the others elect a leader, because this node falls silent.
func (r *Raft) pause(now env.Instant, paused bool) {
	if r.paused == paused {
		return
	}
	r.paused = paused
	if !paused {
		r.nextTick = now.Add(r.cfg.Tick)
		return
	}
	if !r.leads() {
		return
	}
	best, match := uint64(0), uint64(0)
	r.rn.WithProgress(func(id uint64, typ raft.ProgressType, pr progress) {
		if id != r.id && typ == raft.ProgressTypePeer && pr.RecentActive && pr.Match > match {
			best, match = id, pr.Match
		}
	})
	if best != 0 {
		mark.Hit(mark.RaftHandsOver)
		r.rn.TransferLeader(best)
	}
}

// peerDown says that messages to the peer were lost.
func (r *Raft) peerDown(peer PeerID) {
	if r.refuse {
		return
	}
	id := peer.RaftID()
	r.rn.ReportUnreachable(id)
	for _, o := range r.outgoing {
		if o.to == id {
			o.sent = o.acked // the next tick sends it again
		}
	}
}

func (r *Raft) leads() bool { return r.rn.BasicStatus().RaftState == raft.StateLeader }

// leader returns 0 if no leader is known.
func (r *Raft) leader() kafka.NodeID { return r.peer(r.rn.BasicStatus().Lead).Node }
func (r *Raft) term() Term           { return Term(r.rn.BasicStatus().GetTerm()) }
func (r *Raft) commit() Index        { return Index(r.rn.BasicStatus().GetCommit()) }
func (r *Raft) termOf(i Index) Term  { t, _ := r.log.Term(uint64(i)); return Term(t) }

// drain runs raft until it has no more output, and returns the output.
func (r *Raft) drain() raftOutput {
	for r.rn.HasReady() {
		rd := r.rn.Ready()
		for _, m := range rd.Messages {
			switch m.GetType() {
			case pb.MsgStorageAppend:
				r.storageAppend(m, rd.MustSync)
			case pb.MsgStorageApply:
				r.storageApply(m)
			default:
				r.send(m)
			}
		}
		for _, rs := range rd.ReadStates {
			in := &reader{b: rs.RequestCtx}
			r.out.reads = append(r.out.reads, readState{in.u64(), Index(rs.Index)})
		}
	}
	out := r.out
	r.out = raftOutput{}
	return out
}

// send hands out a message for a peer. A message to this node goes back to raft.
func (r *Raft) send(m *pb.Message) {
	switch {
	case m.GetTo() == r.id:
		r.stepMessage(m)
	case m.GetType() == pb.MsgSnap:
		r.beginSnapshot(m)
	default:
		to := r.peer(m.GetTo())
		if to.Node != 0 {
			r.out.send = append(r.out.send,
				Envelope{to.Node, to.Directory, &peer.Raft{Message: encodeMessage(m)}})
		}
	}
}

// storageApply hands out committed entries. They count as applied at once: the Node
// applies them before it does anything else.
func (r *Raft) storageApply(m *pb.Message) {
	for _, e := range m.GetEntries() {
		r.sinceSnapshot += entrySize(e)
		if e.GetType() != pb.EntryNormal {
			r.applyChange(e)
		}
	}
	r.out.committed = append(r.out.committed, m.GetEntries()...)
	for _, resp := range m.GetResponses() {
		r.stepMessage(resp)
	}
}
