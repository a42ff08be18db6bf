package meta

import (
	"slices"

	"github.com/tidwall/btree"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire/peer"
)

// controller does what the node that leads Raft must do: it proposes what nodes ask for,
// keeps the brokers' sessions, grants leases, and fences. Its state belongs to one term.
// It is empty at the start of the term and again after a pause; pending and appliedTerm
// are the exceptions.
type controller struct {
	timing Timing
	self   kafka.NodeID
	raft   *Raft
	nextID func() peer.CommandID // ids of this node's commands
	// defaults are proposed once, to bootstrap the cluster.
	defaults Configs

	active       bool
	term         Term
	since        env.Instant // when it became active in term, or last woke up from a freeze
	appliedTerm  Term        // of the last entry applied; see appliedOwn
	lastSeen     env.Instant // when the controller last ran
	bootstrapped bool        // Bootstrap is proposed

	queue      []queued
	queueBytes int
	// pending holds the commands that were proposed in term, in that order. It is kept
	// through a pause within the term, because they may still be committed.
	pending  *btree.Map[uint64, pendingCommand]
	proposed uint64

	sessions *btree.Map[int32, *brokerSession]

	nextRound uint64
	waiting   round   // heartbeats and reads for the next ReadIndex
	rounds    []round // under way
	lastRound env.Instant

	balanced env.Instant // when balance looked last
	// changedAt is when the last change of the members was proposed.
	changedAt env.Instant

	send []Envelope
	// local are replies to this node itself.
	local  []peer.Message
	events []event.Event
}

// queued is a command that is not proposed yet.
type queued struct {
	id      peer.CommandID
	from    kafka.NodeID
	bytes   []byte
	command Command
	since   env.Instant
}

// pendingCommand is a command that is proposed and not applied. Its victims get no lease
// until the fate of the command is known.
type pendingCommand struct {
	id      peer.CommandID
	victims []kafka.NodeID
}

// brokerSession is what this controller knows of one incarnation of a broker.
type brokerSession struct {
	incarnation peer.UUID
	granted     env.Instant // arrival of the last heartbeat that was granted; valid if ever is set
	ever        bool
	// begun is when the session's timeout began to run: when this controller first knew
	// the incarnation, unfenced it, or last withheld a lease from it.
	begun     env.Instant
	confirmed Index // of the image that all its loops act on
	// renounced: the broker said that it drains. It has stopped answering as leader and
	// uses no lease.
	renounced bool
	full      bool           // its last heartbeat said that its disk is full
	taking    int            // proposed commands that take a leadership from it
	withheld  bool           // a queued command waits until its last lease is over
	busy      peer.CommandID // a command of ours about this broker is under way
	// mayLead: the broker was fenced when this controller first saw it, and may lead all
	// the same: a restarted broker goes on as leader where no other can
	// (replaceIncarnation). A fence must then be proposed although the broker is fenced.
	mayLead bool
}

// round is one ReadIndex, with the heartbeats and reads that wait for it.
type round struct {
	id         uint64
	begun      env.Instant
	heartbeats []heartbeat
	reads      []read
}

type heartbeat struct {
	*peer.Heartbeat
	at env.Instant // of its arrival
}

type read struct {
	from    kafka.NodeID
	context uint64
}

const (
	queueMax      = 8192     // commands
	queueBytesMax = 64 << 20 // bytes of commands
	roundsMax     = 8        // ReadIndex rounds under way
)

func newController(
	timing Timing, self kafka.NodeID, r *Raft, nextID func() peer.CommandID, defaults Configs,
	now env.Instant,
) *controller {
	c := &controller{
		timing: timing, self: self, raft: r, nextID: nextID, defaults: defaults, lastSeen: now,
	}
	c.pending = btree.NewMap[uint64, pendingCommand](0)
	c.clear()
	return c
}

func (c *controller) clear() {
	c.queue, c.queueBytes = nil, 0
	c.sessions = btree.NewMap[int32, *brokerSession](0)
	c.waiting, c.rounds = round{}, nil
	c.bootstrapped = false
}

// appliedOwn reports whether an entry of this controller's term is applied (PROTOCOL 23).
// That is a fact about the image, and a pause does not change it: no new entry may come
// after the pause that would show it again.
func (c *controller) appliedOwn() bool { return c.active && c.appliedTerm == c.term }

// observe follows Raft and the clock. In every turn it runs before anything else of the
// controller. A controller that was itself stopped must not count that time as silence of
// the brokers: their heartbeats are still in its sockets.
func (c *controller) observe(now env.Instant) {
	if now.Sub(c.lastSeen) > 2*c.timing.Heartbeat {
		mark.HitIf(c.active, mark.ControllerSlept)
		c.since = now
	}
	c.lastSeen = now
	leads := c.raft.leads() && !c.raft.paused
	term := c.raft.term()
	if c.active && (!leads || term != c.term) {
		c.resign()
	}
	if leads && !c.active {
		if term != c.term {
			c.pending = btree.NewMap[uint64, pendingCommand](0)
		}
		c.active, c.term, c.since, c.lastRound = true, term, now, now
	}
}

// resign ends the controller's work on this node. Commands that were not proposed are
// returned. Commands that were proposed may still be committed, so they get no reply.
func (c *controller) resign() {
	mark.Hit(mark.ControllerDeposed)
	for _, q := range c.queue {
		c.reply(q.from, &peer.ProposeReply{ID: q.id, Code: kafka.NotController})
	}
	for _, rd := range c.rounds {
		c.failReads(rd.reads)
	}
	c.failReads(c.waiting.reads)
	c.active = false
	c.clear()
}

func (c *controller) failReads(reads []read) {
	for _, r := range reads {
		c.reply(r.from, &peer.ReadIndexReply{Context: r.context})
	}
}

func (c *controller) reply(to kafka.NodeID, m peer.Message) {
	if to == c.self {
		c.local = append(c.local, m)
		return
	}
	c.send = append(c.send, Envelope{To: to, Message: m})
}

// propose takes a command from a node, this one included.
func (c *controller) propose(now env.Instant, img *Image, from kafka.NodeID, p *peer.Propose) {
	cmd, err := DecodeCommand(p.Command)
	switch {
	case !c.active || len(c.queue) >= queueMax || c.queueBytes+len(p.Command) > queueBytesMax:
		c.reply(from, &peer.ProposeReply{ID: p.ID, Code: kafka.NotController})
	case err != nil || p.ID.Node != from || len(p.Command) > commandBytesMax:
		c.reply(from, &peer.ProposeReply{ID: p.ID, Code: kafka.InvalidRequest})
	case img.overLimits(cmd):
		c.reply(from, &peer.ProposeReply{ID: p.ID, Code: kafka.PolicyViolation})
	default:
		c.enqueue(queued{p.ID, from, p.Command, cmd, now})
	}
}

// commandBytesMax bounds one command: an entry must fit into Raft's windows.
const commandBytesMax = 8 << 20

func (c *controller) enqueue(q queued) {
	c.queue = append(c.queue, q)
	c.queueBytes += len(q.bytes)
}

// proposeOwn queues a command that the controller itself asks for. s is the session of
// the broker that the command is about; nil if there is none.
func (c *controller) proposeOwn(now env.Instant, s *brokerSession, cmd Command) {
	id := c.nextID()
	if s != nil {
		s.busy = id
	}
	c.enqueue(queued{id, c.self, EncodeCommand(cmd), cmd, now})
}

func (c *controller) readIndex(from kafka.NodeID, context uint64) {
	if !c.active {
		c.reply(from, &peer.ReadIndexReply{Context: context})
		return
	}
	c.waiting.reads = append(c.waiting.reads, read{from, context})
}

// flush ends a turn. It begins one ReadIndex for all that wait for one, and proposes
// every command that can be proposed. It reports whether it did anything.
func (c *controller) flush(now env.Instant, img *Image) bool {
	if !c.appliedOwn() {
		return false
	}
	if !img.bootstrapped && !c.bootstrapped {
		c.bootstrapped = true
		c.proposeOwn(now, nil, &Bootstrap{c.defaults})
	}
	c.balance(now, img)
	did := false
	if len(c.waiting.heartbeats)+len(c.waiting.reads) > 0 && len(c.rounds) < roundsMax {
		c.nextRound++
		c.waiting.id, c.waiting.begun = c.nextRound, now
		c.rounds = append(c.rounds, c.waiting)
		c.waiting = round{}
		c.raft.readIndex(c.nextRound)
		did = true
	}
	return c.dispatch(now, img) || did
}

// dispatch proposes the commands that may be proposed now, many in one entry. A command
// that must wait for a lease to end stays in the queue, and its victims get no new lease.
func (c *controller) dispatch(now env.Instant, img *Image) bool {
	c.sessions.Scan(func(_ int32, s *brokerSession) bool { s.withheld = false; return true })
	if len(c.queue) == 0 {
		return false
	}
	var rest, batch []queued
	var victims [][]kafka.NodeID
	size, did := 0, false
	flush := func() {
		if len(batch) == 0 {
			return
		}
		if c.proposeBatch(batch, victims) {
			did = true
		} else {
			rest = append(rest, batch...)
		}
		batch, victims, size = nil, nil, 0
	}
	for _, q := range c.queue {
		harmed, ready := c.victims(now, img, &q)
		switch {
		case ready && c.safe(now, img, harmed, &q):
			if size+len(q.bytes) > c.raft.cfg.EntryBytesMax {
				flush()
			}
			batch, victims, size = append(batch, q), append(victims, harmed), size+len(q.bytes)
		case now.Sub(q.since) >= c.timing.Patience:
			mark.Hit(mark.CommandOutOfPatience)
			c.reply(q.from, &peer.ProposeReply{ID: q.id, Code: kafka.RequestTimedOut})
			c.notBusy(q.id) // the controller's own command is made again while it is needed
		default:
			rest = append(rest, q)
		}
	}
	flush()
	c.queue, c.queueBytes = rest, 0
	for _, q := range rest {
		c.queueBytes += len(q.bytes)
	}
	return did
}

// proposeBatch proposes one entry. From here on the victims get no lease.
func (c *controller) proposeBatch(batch []queued, victims [][]kafka.NodeID) bool {
	ids, commands := make([]peer.CommandID, len(batch)), make([][]byte, len(batch))
	for i, q := range batch {
		ids[i], commands[i] = q.id, q.bytes
	}
	if !c.raft.propose(encodeBatch(ids, commands)) {
		return false
	}
	for i, id := range ids {
		c.proposed++
		c.pending.Set(c.proposed, pendingCommand{id, victims[i]})
		for _, v := range victims[i] {
			if s, ok := c.sessions.Get(int32(v)); ok {
				s.taking++
			}
		}
	}
	return true
}

// applied takes note of an entry that was applied. Entries of this term are applied in
// the order in which they were proposed.
func (c *controller) applied(term Term, batch []Proposed) {
	c.appliedTerm = term
	if term != c.term {
		return
	}
	for _, p := range batch {
		seq, first, ok := c.pending.Min()
		if !ok || first.id != p.ID {
			continue
		}
		c.pending.Delete(seq)
		for _, v := range first.victims {
			if s, ok := c.sessions.Get(int32(v)); ok {
				s.taking--
			}
		}
		c.notBusy(p.ID)
	}
}

// notBusy ends the wait for a command that the controller itself asked for.
func (c *controller) notBusy(id peer.CommandID) {
	c.sessions.Scan(func(_ int32, s *brokerSession) bool {
		if s.busy == id {
			s.busy = peer.CommandID{}
		}
		return true
	})
}

// readDone ends a ReadIndex round: this node was the leader at some time after
// the round began.
func (c *controller) readDone(now env.Instant, img *Image, r readState) {
	i := slices.IndexFunc(c.rounds, func(rd round) bool { return rd.id == r.round })
	if i < 0 {
		return
	}
	rd := c.rounds[i]
	c.rounds = slices.Delete(c.rounds, i, i+1)
	c.lastRound = max(c.lastRound, rd.begun)
	for _, hb := range rd.heartbeats {
		c.answer(now, img, hb)
	}
	for _, q := range rd.reads {
		c.reply(q.from, &peer.ReadIndexReply{Context: q.context, Index: uint64(r.index)})
	}
}
