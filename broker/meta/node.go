package meta

import (
	"time"

	"github.com/tidwall/btree"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire/peer"
)

// NodeConfig is what a node is started with.
type NodeConfig struct {
	// Register is what the broker registers as. Its Directory gives the Raft id, and its
	// Incarnation is new at every start.
	Register RegisterBroker
	Timing   Timing
	Raft     RaftConfig
	// Defaults are broker-level configurations that the first controller of the
	// cluster writes into the image, sorted by name.
	Defaults Configs
	// WALDamaged: the control WAL is damaged. The node neither votes nor
	// campaigns and must come back on an empty directory (PROTOCOL 8).
	WALDamaged bool
}

// Effects are what the control loop must do at the end of a turn. The slices belong to
// the control loop.
type Effects struct {
	Persist []Persist
	Files   []SnapshotFile
	Send    []Envelope
	// Image is the new image, nil if nothing was applied; Changes is what
	// differs from the last one that was handed out.
	Image    *Image
	Changes  Changes
	Verdicts []Completed
	Barriers []BarrierDone
	Events   []event.Event // for the event log
}

// Completed is the end of a command proposed here: applied with a verdict, or
// REQUEST_TIMED_OUT (its fate is unknown), or definitely not proposed.
type Completed struct {
	ID      peer.CommandID
	Verdict Verdict
}

// BarrierDone ends a barrier. With code None, the image of these effects, or the one that
// was handed out last, is at least as new as the cluster's metadata was when the barrier
// began.
type BarrierDone struct {
	ID   uint64
	Code kafka.ErrorCode
}

// Node is the metadata of one node: Raft, image, session and, if the node leads Raft,
// controller. See the package documentation for the obligations of its user.
type Node struct {
	id          kafka.NodeID
	directory   peer.UUID
	incarnation peer.UUID
	raft        *Raft
	img         *Image
	session     session
	controller  *controller
	tickEvery   time.Duration

	seq       uint64
	proposals *btree.Map[uint64, *proposal] // by seq of their id
	barriers  *btree.Map[uint64, *barrier]
	knows     kafka.NodeID // the leader that heartbeats go to
	out       Effects
}

// proposal is a command of this node that has no verdict yet.
type proposal struct {
	bytes    []byte
	deadline env.Instant
	sent     bool         // to a controller: from then on it may have been proposed
	to       kafka.NodeID // the controller of term that it was sent to, at sentAt
	term     Term
	sentAt   env.Instant
	retryAt  env.Instant // not sent again before this time
}

// barrier is a read that waits for the image to be new enough.
type barrier struct {
	deadline env.Instant
	index    Index       // 0 until the controller has named it
	retryAt  env.Instant // not asked again before this time
}

// NewNode starts a node from its recovered state.
func NewNode(cfg NodeConfig, rec Recovered, now env.Instant) *Node {
	cfg.Timing.setDefaults()
	cfg.Raft.setDefaults()
	id := cfg.Register.Node
	self := PeerID{id, cfg.Register.Directory}
	assert.That(id >= 1, "meta: node id %d", int(id))
	assert.That(self.RaftID() != 0, "meta: no directory id")
	n := &Node{
		id: id, directory: self.Directory, incarnation: cfg.Register.Incarnation,
		img:       rec.log.snapshot.image,
		tickEvery: cfg.Raft.Tick,
		raft:      newRaft(self, cfg.Raft, rec, now, cfg.WALDamaged),
		session:   session{timing: cfg.Timing, register: cfg.Register, started: now, healthy: true},
		proposals: btree.NewMap[uint64, *proposal](0), barriers: btree.NewMap[uint64, *barrier](0),
	}
	n.controller = newController(cfg.Timing, id, n.raft, n.nextID, cfg.Defaults, now)
	n.out.Image, n.out.Changes.Full = n.img, true
	return n
}

func (n *Node) nextID() peer.CommandID {
	n.seq++
	return peer.CommandID{Node: n.id, Incarnation: n.incarnation, Seq: n.seq}
}

// Step takes one message from a peer's control connection, and keeps it.
func (n *Node) Step(now env.Instant, sender PeerID, m peer.Message) {
	n.raft.now = now
	n.controller.observe(now)
	from := sender.Node
	switch m := m.(type) {
	case *peer.Raft:
		n.raft.step(sender, m.Message)
	case *peer.SnapshotChunk:
		n.raft.stepChunk(sender, m)
	case *peer.SnapshotAck:
		n.raft.stepChunkAck(sender, m)
	case *peer.Heartbeat:
		n.controller.heartbeat(now, n.img, from, m)
	case *peer.Propose:
		n.controller.propose(now, n.img, from, m)
	case *peer.Join:
		n.join(now, m)
	case *peer.ReadIndex:
		n.controller.readIndex(from, m.Context)
	default:
		n.stepReply(now, m)
	}
}

// stepReply takes an answer of a controller.
func (n *Node) stepReply(now env.Instant, m peer.Message) {
	switch m := m.(type) {
	case *peer.HeartbeatReply:
		n.session.reply(now, m)
	case *peer.ProposeReply:
		n.proposeReply(now, m)
	case *peer.ReadIndexReply:
		b, ok := n.barriers.Get(m.Context)
		if !ok || b.index != 0 {
			return
		}
		if b.index = Index(m.Index); b.index == 0 { // it was not the controller, or had no quorum
			b.retryAt = now.Add(n.tickEvery)
		}
	}
}

// proposeReply takes back a command that was definitely not proposed.
func (n *Node) proposeReply(now env.Instant, m *peer.ProposeReply) {
	p, ok := n.proposals.Get(m.ID.Seq)
	if !ok || m.ID.Node != n.id || m.ID.Incarnation != n.incarnation {
		return
	}
	if m.Code == kafka.NotController {
		mark.Hit(mark.CommandReturned)
		p.sent, p.retryAt = false, now.Add(n.tickEvery)
		return
	}
	n.complete(m.ID.Seq, Verdict{Code: m.Code})
}

// complete ends a command of this node.
func (n *Node) complete(seq uint64, v Verdict) {
	if _, ok := n.proposals.Delete(seq); !ok {
		return // the controller's own, or past its deadline
	}
	if seq == n.session.registering {
		n.session.registering = 0
		return
	}
	id := peer.CommandID{Node: n.id, Incarnation: n.incarnation, Seq: seq}
	n.out.Verdicts = append(n.out.Verdicts, Completed{id, v})
}

// Tick lets time pass: call it in every turn, and at NextTimer at the latest.
func (n *Node) Tick(now env.Instant) {
	n.controller.observe(now)
	n.raft.tick(now)
	n.controller.observe(now)
	n.controller.tick(now, n.img)
	n.expire(now)
}

// NextTimer is when Tick is due. All that this package does by time, it does on Raft's
// ticks: eight wake-ups a second.
func (n *Node) NextTimer() env.Instant { return n.raft.nextTick }

// expire ends the proposals and barriers that are past their deadlines.
func (n *Node) expire(now env.Instant) {
	for _, seq := range n.proposals.Keys() {
		if p, _ := n.proposals.Get(seq); p.deadline <= now {
			mark.Hit(mark.CommandExpired)
			n.complete(seq, Verdict{Code: kafka.RequestTimedOut})
		}
	}
	for _, id := range n.barriers.Keys() {
		if b, _ := n.barriers.Get(id); b.deadline <= now {
			n.barriers.Delete(id)
			n.out.Barriers = append(n.out.Barriers, BarrierDone{id, kafka.RequestTimedOut})
		}
	}
}

// Propose asks for a command. Its result comes with the effects, under the id that
// Propose returns. The command is proposed at most once. After the deadline its fate is
// unknown.
func (n *Node) Propose(cmd Command, deadline env.Instant) peer.CommandID {
	id := n.nextID()
	n.proposals.Set(id.Seq, &proposal{bytes: EncodeCommand(cmd), deadline: deadline})
	return id
}

// Barrier asks when this node's image is as new as the cluster's metadata is now: reads
// of the image after that are linearizable. It returns the barrier's id.
func (n *Node) Barrier(deadline env.Instant) uint64 {
	n.seq++
	n.barriers.Set(n.seq, &barrier{deadline: deadline})
	return n.seq
}

// Persisted says that the batch and all before it are durable.
func (n *Node) Persisted(token uint64) { n.raft.persistedTo(token) }

// SnapshotSaved says that the snapshot file is durable.
func (n *Node) SnapshotSaved(i Index) { n.raft.savedSnapshot(i) }

// PeerDown says that messages to this directory of a node may have been lost.
func (n *Node) PeerDown(id PeerID) { n.raft.peerDown(id) }

// SetHealthy says whether the node vouches for all its loops and its disk. If it does
// not, it sends no heartbeats and stops leading Raft (PROTOCOL 26).
func (n *Node) SetHealthy(now env.Instant, healthy bool) {
	n.session.healthy = healthy
	n.raft.pause(now, !healthy)
	n.controller.observe(now)
}

// SessionTimeout is how long a broker may be without a grant.
func (n *Node) SessionTimeout() time.Duration { return n.session.timing.Session }

// Healthy is what SetHealthy said last.
func (n *Node) Healthy() bool { return n.session.healthy }

// SetFull says whether any shard of the node has no room on its disk. If so, the cluster
// moves leaderships to other nodes where it can. This node need not do anything else.
func (n *Node) SetFull(now env.Instant, full bool) {
	if full != n.session.full {
		n.session.full = full
		n.Hasten(now)
	}
}

// Confirm says that every loop of the node acts on the image of this index.
func (n *Node) Confirm(now env.Instant, i Index) {
	if i <= n.session.confirmed {
		return
	}
	n.session.confirmed = i
	n.Hasten(now) // it may be unfenced sooner
}

// Drain begins a shutdown. Every shard has stopped answering as leader before it is
// called.
func (n *Node) Drain() { n.session.drain() }

// Drained reports whether the cluster has moved what it could and fenced this
// broker: it may stop.
func (n *Node) Drained() bool {
	b := n.img.Broker(n.id)
	return n.session.draining &&
		(b == nil || b.Incarnation != n.incarnation || b.Fenced && b.Draining)
}

// LeaseUntil is the end of the lease. Before that time, this node may give answers that
// claim to know the end of a log. Shards compare it with the time of their own turn.
func (n *Node) LeaseUntil() env.Instant { return n.session.leaseUntil }

// LeaseValid reports whether the lease holds now.
func (n *Node) LeaseValid(now env.Instant) bool { return now < n.session.leaseUntil }

// Epoch is this incarnation's broker epoch, 0 until its registration is applied here.
// From then on the image contains all that was committed before the registration.
func (n *Node) Epoch() kafka.BrokerEpoch { return n.session.epoch }

// Superseded reports that another incarnation of this id has registered: two
// processes share an id, and this one must stop.
func (n *Node) Superseded() bool { return n.session.superseded }

// Image is the last image applied.
func (n *Node) Image() *Image { return n.img }

// Leader is the controller as Raft knows it, NoNode if it knows none.
func (n *Node) Leader() kafka.NodeID {
	if id := n.raft.leader(); id != 0 {
		return id
	}
	return kafka.NoNode
}

// Term is Raft's present term.
func (n *Node) Term() Term { return n.raft.term() }

// Leading reports whether this node is the active controller.
func (n *Node) Leading() bool { return n.controller.active }

// Status is what operators see of Raft.
type Status struct {
	Term    Term
	Commit  Index
	Applied Index
	Leader  kafka.NodeID
	Leading bool // this node is the active controller
	Voters  []kafka.NodeID
}

// Status returns Raft's state.
func (n *Node) Status() Status {
	s := Status{
		Term: n.raft.term(), Commit: n.raft.commit(), Applied: n.img.index, Leader: n.Leader(),
		Leading: n.controller.active,
	}
	for _, m := range n.img.members {
		if m.Voter {
			s.Voters = append(s.Voters, m.Node)
		}
	}
	return s
}

// Confirmed is what Confirm said last.
func (n *Node) Confirmed() Index { return n.session.confirmed }

// Hasten makes the next heartbeat due now, because it or its reply carries news, unless
// the last one was made a moment ago.
func (n *Node) Hasten(now env.Instant) {
	if now >= n.session.heartbeatAt.Add(hastePause) {
		n.session.soon()
	}
}

// hastePause is the shortest time between a heartbeat and one that Hasten makes due.
const hastePause = 20 * time.Millisecond

// Announce lets the node register: all its logs are recovered. found says which
// partitions may lack acknowledged records. Its other fields are not read.
func (n *Node) Announce(found RegisterBroker) {
	r := &n.session.register
	r.Suspects, r.Unnamed, r.Whole = found.Suspects, found.Unnamed, found.Whole
	n.session.announced = true
}

// Removed reports that this directory was removed from the cluster: the node must stop.
func (n *Node) Removed() bool { return n.img.WasRemoved(PeerID{n.id, n.directory}) }

// join takes the wish of a new directory to get the log. It goes on to the controller.
func (n *Node) join(now env.Instant, m *peer.Join) {
	if leader := n.raft.leader(); leader != n.id {
		if leader != 0 {
			n.out.Send = append(n.out.Send, Envelope{To: leader, Message: m})
		}
		return
	}
	n.controller.join(now, n.img, m)
}
