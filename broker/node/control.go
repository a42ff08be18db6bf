package node

import (
	"errors"
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// Control is the control loop: Raft, metadata, the session with the controller, and the duties
// of the controller on the node where Raft leads. It vouches for the whole node: it sends
// heartbeats only while every loop answers and every disk operation ends (PROTOCOL 26).
type Control struct {
	cfg      Config
	host     loop.Host
	timers   loop.Timers[due]
	jitter   *env.Rand
	rare     *rare.Chooser
	stats    Stats
	now      env.Time
	narrator narrator
	logLevel string // of the event log, as the host was told last

	// --- identity ---
	directory peer.UUID
	starts    meta.Starts // of the directory, this one included
	started   meta.Starts // as the disk had them before this start
	outdated  bool        // the directory is an older copy of itself: the node stops
	prepared  bool        // the directory id is durable: other nodes may hear of it
	birth     birth       // as it is on the disk
	birthBusy bool        // it is being written
	birthIDs  *env.Rand
	unborn    bool // the control log has been read, and the node waits to be born
	learner   bool // the operator was told that this node has no vote

	// --- disk ---
	ops       shard.OpClock
	handles   diskfs.Handle
	lastToken uint64
	sequences map[uint64]*sequence // by token; looked up only
	wal       *wal.Log
	replayed  []meta.Record // the WAL's records, until meta is recovered
	layout    layout        // as the disk has it, or will have it after writeLayout
	loading   bool          // the WAL has been read: the snapshot is next
	lazy      []meta.Record // records that need no sync: they wait for one that does
	unsynced  []persisting  // in WAL order
	// emptyControl: this incarnation has made control/, so it holds no snapshot.
	emptyControl bool

	// --- metadata ---
	meta   *meta.Node // nil until recovered
	shards []shardState
	lease  env.Instant
	epoch  kafka.BrokerEpoch
	// retrySpaceAt is the earliest time to try a full control log again.
	retrySpaceAt env.Instant
	pingAt       env.Instant // the shards are pinged on the first turn from then on
	// suspects and whole are what the shards that have recovered so far have found: see
	// shard.Recovered.
	suspects []kafka.PartitionID
	unnamed  bool // a WAL may have lost the names of partitions
	whole    []kafka.PartitionID
	draining drainState
	reached  env.Instant // when a clean stop saw a majority of the voters last

	// --- calls of the shards ---
	proposals map[uint64]shard.Origin // by Seq of the command's id; looked up only
	barriers  map[uint64]shard.Origin // by id
	applied   []waitingApplied
	ids       producerIDs

	// --- other nodes ---
	peers     []*peerLink
	peerConns map[netsim.ConnID]*peerLink
	strangers map[netsim.ConnID]*stranger
}

// Owners of the control loop's disk operations.
const (
	ownerSequences uint32 = iota
	ownerWAL
)

// due is what a timer is for.
type due struct {
	kind     dueKind
	peer     *peerLink
	conn     netsim.Conn
	snapshot meta.SnapshotFile
	op       *diskfs.Op
}

type dueKind uint8

const (
	dueRedial      dueKind = iota + 1 // dial a peer
	dueStranger                       // an accepted connection should have said Hello
	duePing                           // ping the shards
	dueSnapshot                       // write a snapshot that found no room
	dueDisk                           // submit a postponed operation again
	dueApplied                        // a turn is enough: it looks at the deadlines of calls
	dueProducerIDs                    // a turn is enough: it looks at the deadlines of calls
)

// persisting is a batch of Raft's records that is not durable yet.
type persisting struct {
	seq        wal.Seq     // of its last record
	first      wal.Seq     // of its first record
	token      uint64      // by which meta knows it
	checkpoint meta.Index  // of the snapshot that it names, if it is a checkpoint
	since      env.Instant // when it was appended
	then       func()      // called when it is durable; nil if nothing waits for it
}

func newControl(cfg Config, host loop.Host) *Control {
	return &Control{
		cfg: cfg, host: host,
		sequences: map[uint64]*sequence{},
		shards:    make([]shardState, cfg.Shards),
		proposals: map[uint64]shard.Origin{},
		barriers:  map[uint64]shard.Origin{},
		peerConns: map[netsim.ConnID]*peerLink{},
		strangers: map[netsim.ConnID]*stranger{},
		logLevel:  cfg.Settings.EventLogLevel,
	}
}

// Start implements loop.Loop. It opens the listeners at once, because other nodes may need
// this one to elect a leader (BUGS L5), and prepares the data directory.
func (c *Control) Start(now env.Time) {
	c.now = now
	c.narrator.begin(now.Mono)
	c.jitter = c.host.Entropy("control", "redial")
	c.birthIDs = c.host.Entropy("control", "birth")
	c.rare = rare.New(c.cfg.Rare, c.host.Entropy("control", "rare"))
	if r := c.registration(); meta.RegistrationError(&r.Endpoints) != "" {
		c.host.Stop(fmt.Errorf("node: this node cannot register: %s",
			meta.RegistrationError(&r.Endpoints)))
		return
	}
	if !c.converting() {
		if err := c.listen(); err != nil {
			c.host.Stop(err)
		}
	}
	directory := c.prepareDirectory()
	directory.end = func(err error) {
		if err != nil {
			c.host.Stop(fmt.Errorf("node: prepare data directory: %w", err))
			return
		}
		if c.converting() {
			c.beginShards()
			return
		}
		c.prepared = true
		for _, v := range c.cfg.Voters {
			c.addPeer(c.now, v.Node, v.Addr)
		}
		c.beginRecovery()
	}
	c.run(directory)
	if !c.converting() {
		c.ping(now)
	}
}

// listen binds the node's three endpoints. The shards get client and data connections in turn.
func (c *Control) listen() error {
	var clients, data []netsim.Sink
	for i := 1; i <= c.cfg.Shards; i++ {
		clients = append(clients, shard.ClientSink(c.host.Sink(loop.ID(i))))
		data = append(data, shard.DataSink(c.host.Sink(loop.ID(i))))
	}
	terms := netsim.Terms{
		Connections: c.cfg.Limits.Connections, PerAddress: c.cfg.Limits.ConnectionsPerAddress,
	}
	if _, err := c.host.Network().Serve(c.cfg.Listen.Kafka, terms, clients...); err != nil {
		return fmt.Errorf("node: listen for Kafka connections: %w", err)
	}
	for _, l := range []struct {
		what, addr string
		sinks      []netsim.Sink
	}{
		{"control", c.cfg.Listen.Control, []netsim.Sink{c.host.Sink(loop.Control)}},
		{"data", c.cfg.Listen.Data, data},
	} {
		if _, err := c.host.Network().Listen(l.addr, l.sinks...); err != nil {
			return fmt.Errorf("node: listen for %s connections: %w", l.what, err)
		}
	}
	return nil
}

// Step implements loop.Loop.
func (c *Control) Step(now env.Time, ev *loop.Event) {
	c.now = now
	switch ev.Kind {
	case loop.Net:
		c.onPeerNet(now, &ev.Net)
	case loop.Disk:
		c.onDisk(now, &ev.Disk)
	case loop.Mail:
		c.onMail(now, ev.From, ev.Mail)
	}
}

// onDisk hands a completion to the sequence or to the WAL that it belongs to.
func (c *Control) onDisk(now env.Time, d *diskfs.Completion) {
	if errors.Is(d.Err, diskfs.ErrUnavailable) {
		c.host.Log(event.New(event.DiskRefuses, event.Int("shard", loop.Control),
			event.Err(d.Err)))
	}
	if op, again := shard.Postponed(d); again && c.meta != nil {
		mark.Hit(mark.ControlSyncPostponed)
		c.timers.Set(now.Mono.Add(c.cfg.Limits.RefusedPause), due{kind: dueDisk, op: &op})
		return
	}
	c.ops.Ended(d.Owner, d.Token)
	if d.Owner == ownerSequences {
		c.stepDone(d)
		return
	}
	if err := c.wal.Completed(*d); err != nil {
		c.host.Stop(fmt.Errorf("node: control log: %w", err))
		return
	}
	if c.meta == nil {
		c.replay()
	}
	c.persisted()
}

func (c *Control) onMail(now env.Time, from loop.ID, mail any) {
	switch m := mail.(type) {
	case shard.Call:
		c.onCall(now, m)
	case shard.Pong:
		c.onPong(from, m)
	case shard.Recovered:
		c.onRecovered(now, from, m)
	case shard.Converted:
		c.onConverted(from, m)
	case StatsRequest:
		c.host.Reply(from, c.Stats())
	case HealthRequest:
		c.host.Reply(from, c.Health(now))
	case Drain:
		c.onDrain(now)
	}
}

// EndTurn implements loop.Loop: it lets time pass for meta and carries out what meta asks for.
func (c *Control) EndTurn(now env.Time) {
	c.now = now
	c.noticePause(now)
	for {
		d, ok := c.timers.Pop(now.Mono)
		if !ok {
			break
		}
		switch d.kind {
		case dueRedial:
			c.dialPeer(now, d.peer)
		case dueStranger:
			if c.strangers[d.conn.ID()] != nil {
				delete(c.strangers, d.conn.ID())
				d.conn.Close()
			}
		case duePing:
			c.ping(now)
		case dueSnapshot:
			c.saveSnapshot(d.snapshot)
		case dueDisk:
			c.host.Disk().Submit(*d.op)
		}
	}
	if c.meta != nil {
		c.pingIfDue(now)
		c.meta.SetHealthy(now.Mono, c.healthy(now))
		c.meta.SetFull(now.Mono, c.full())
		c.meta.Tick(now.Mono)
		c.carryOut(now, c.meta.Ready(now.Mono))
		c.tellApplied()
		c.finishApplied(now)
		c.expireProducerIDs(now)
		c.stepDrain(now)
		c.narrateTurn(now)
		if c.meta.Superseded() {
			c.host.Stop(errors.New("node: another process has registered under this node id"))
			return
		}
		if c.meta.Removed() {
			c.host.Stop(errRemoved)
			return
		}
		if c.meta.Outdated() {
			b := c.meta.Image().Broker(c.cfg.Node)
			c.stopOutdated("the metadata has", b.Starts, b.Incarnation)
		}
	}
	if c.wal != nil && c.wal.Phase() == wal.Ready {
		if c.wal.Full() && now.Mono >= c.retrySpaceAt {
			// There may be space again. If not, the next try is a pause later.
			c.retrySpaceAt = now.Mono.Add(c.cfg.Limits.RefusedPause)
			c.wal.Retry()
		}
		c.wal.EndTurn(now.Mono)
	}
}

// NextTimer implements loop.Loop.
func (c *Control) NextTimer() env.Instant {
	next := c.timers.Next()
	if c.meta != nil {
		next = min(next, c.meta.NextTimer())
	}
	if c.wal != nil && c.wal.Phase() == wal.Ready {
		next = min(next, c.wal.NextTimer())
	}
	return next
}

// carryOut carries out what meta asks for. The order matters: records are appended before
// anything that may depend on them, and metadata reaches the shards before the verdicts of
// the commands that it contains.
func (c *Control) carryOut(now env.Time, e meta.Effects) {
	for _, p := range e.Persist {
		c.persist(p)
	}
	for _, f := range e.Files {
		c.saveSnapshot(f)
	}
	for _, m := range e.Send {
		if !c.sendTo(m) {
			c.meta.PeerDown(meta.PeerID{Node: m.To, Directory: m.Directory})
		}
	}
	if e.Image != nil {
		c.publish(now, e.Image, e.Changes)
	}
	c.renewLease()
	for _, v := range e.Verdicts {
		c.onVerdict(now, v)
	}
	for _, b := range e.Barriers {
		c.onBarrier(b)
	}
	for _, line := range e.Events {
		c.host.Log(line)
	}
}

func (c *Control) brokerEpoch() kafka.BrokerEpoch { return c.epoch }

func (c *Control) newHandle() diskfs.Handle {
	c.handles++
	return c.handles
}

// submit submits an operation of a sequence.
func (c *Control) submit(token uint64, op diskfs.Op) {
	op.Owner, op.Token = ownerSequences, token
	c.ops.Began(op.Owner, op.Token, c.now.Mono)
	c.host.Disk().Submit(op)
}

// walDisk is the disk as the control WAL sees it.
type walDisk struct{ c *Control }

func (d walDisk) NewHandle() diskfs.Handle { return d.c.newHandle() }

func (d walDisk) Submit(op diskfs.Op) {
	op.Owner, op.Log = ownerWAL, true
	d.c.ops.Began(op.Owner, op.Token, d.c.now.Mono)
	d.c.host.Disk().Submit(op)
}
