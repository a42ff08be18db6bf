package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/replica"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// Config is what a shard is started with.
type Config struct {
	ID          loop.ID // 1..Shards
	Shards      int
	Node        kafka.NodeID
	Cluster     peer.UUID
	Incarnation peer.UUID
	Limits      limits.Limits
	Settings    api.Settings
	WAL         wal.Config
	Log         partition.Limits
	// PartitionsDir holds one directory per partition; it exists.
	PartitionsDir string
	// Coordinators are the internal topics that have coordinators.
	Coordinators []Coordinators
	Rare         rare.Settings // nil in production
}

// Shard is a shard loop: it holds the partitions that hash to it, its share of the
// client connections, and its data connections to the other nodes.
type Shard struct {
	cfg         Config
	host        loop.Host
	limits      limits.Limits
	replication replica.Config
	id          loop.ID
	now         env.Time // of the present event
	timers      loop.Timers[due]
	jitter      *env.Rand
	rare        *rare.Chooser
	ctx         handlerContext
	stats       Stats
	stopped     bool

	// --- from the control loop ---
	image        *meta.Image
	epoch        kafka.BrokerEpoch // of this incarnation; 0 until registered
	appliedEpoch kafka.BrokerEpoch // for which every partition has been looked at
	lease        Lease
	draining     bool
	caughtUp     bool

	// --- disk ---
	wal           *wal.Log
	handles       diskfs.Handle
	ops           OpClock
	files         openFiles
	recovery      recovery
	recovered     bool
	unapplied     []meta.Changes // metadata that arrived before recovery ended
	unsynced      []loggedAt     // records in the WAL that are not durable yet, in order
	expireAt      env.Instant    // expireProducers looks then
	expireNext    int            // the place in order where it goes on
	retainAt      env.Instant    // likewise: retain
	retainNext    int
	mayRelease    bool        // a record that the WAL had to keep may have gone
	dirty         dirtyParts  // the partitions that a recovery would need the WAL for
	flushing      int         // flushes under way
	flushingBytes int64       // that they move, at most
	flushedAt     env.Instant // when a flush last succeeded
	tailBytes     int64       // of batches that no segment holds yet, of all partitions
	retrySpaceAt  env.Instant // a full WAL is tried again from then on
	flushAgainAt  env.Instant // no flush before then, after one that found no space
	notOnline     int         // replicas that are not online: see availability
	noRoomSince   env.Instant // since when the log takes no appends; env.Never if it does
	converting    bool        // see convert.go
	mayConvert    bool        // Convert has arrived: all suspects are in the layout
	converted     bool

	// --- partitions ---
	parts   map[kafka.PartitionID]*part
	order   []*part          // by id
	byOwner map[uint32]*part // by disk owner, until its last operation ends; looked up only
	owners  uint32           // the disk owner that was given out last
	lists
	pushBy       env.Instant // when the news of toPush is sent at the latest
	proposals    map[uint64]proposedChange
	nextProposal uint64
	offlineAsked map[uint64]kafka.PartitionID // requests without a verdict: see offline.go
	// handoversAsked are elections without a verdict: see handover.go.
	handoversAsked map[uint64]meta.Election
	awaited        []awaitedEpochs // see handover_await.go

	// --- clients ---
	clients       map[netsim.ConnID]*clientConn
	closings      map[netsim.ConnID]*closing // looked up only
	holding       account                    // what all clients hold: see budget.go
	filling       *clientConn                // its frame goes on although the budget is spent
	answerWaits   bool                       // a request waits for room for its answer
	roomTimer     *loop.Timer[due]
	makeRoomTimer *loop.Timer[due]
	requests      map[uint64]*request
	nextRequest   uint64
	runnable      []*request // all their operations have resolved
	held          []*request // until this incarnation is registered
	lanesToRun    []*lane    // nothing is outstanding in them
	parked        []*clientConn
	unread        []unreadBatch // in the order in which they came
	scanLeft      int           // bytes of records that may be read at once in this turn
	scanner       batch.Scanner // reads batches at once
	stepper       batch.Scanner // reads unread[0] in steps
	hungry        int           // parked connections that wait for the budget
	// toRead are calls that wait to read segments, in order. reading counts the reads under way
	// for clients, at most limits.ReadsInFlight. startingRead: one of toRead is being repeated.
	toRead       []PartitionCall
	reading      int
	startingRead bool
	// inflightBytes are the bytes of unanswered produces of clients: at most
	// limits.InflightBytes, or one larger request. forwardedBytes are those of produces
	// that other nodes sent. They count in the budgets of the nodes that sent them, and
	// in no budget here: a connection that waited for a budget would hold up the pushes
	// behind it, and with them the acknowledgements that free the budget.
	narrator       narrator
	inflightBytes  int
	forwardedBytes int

	// --- coordinators ---
	coordinatorEntropy *env.Rand
	coordinatorReads   int      // reads of segments under way for coordinators that load
	pruning            []pruned // they wait for a barrier: see pruneCoordinators
	pruneAt            env.Instant

	// --- other nodes ---
	directory     peer.UUID // of this node; zero until Begin
	links         []*link   // in the order of their first use
	linkConns     map[netsim.ConnID]*link
	nextForward   uint64
	inbounds      map[netsim.ConnID]*inbound
	inboundList   []*inbound
	parkedInbound []*inbound
	refused       []*outbox // those with mail that a full mailbox refused
	newest        map[dialler]generation
}

// New returns a shard; the host calls Start next.
func New(cfg Config, host loop.Host) *Shard {
	s := &Shard{
		cfg: cfg, host: host, limits: cfg.Limits, id: cfg.ID,
		image:     meta.NewImage(cfg.Cluster),
		parts:     map[kafka.PartitionID]*part{},
		byOwner:   map[uint32]*part{},
		owners:    ownerParts - 1,
		clients:   map[netsim.ConnID]*clientConn{},
		closings:  map[netsim.ConnID]*closing{},
		requests:  map[uint64]*request{},
		proposals: map[uint64]proposedChange{},
		linkConns: map[netsim.ConnID]*link{},
		inbounds:  map[netsim.ConnID]*inbound{},
		newest:    map[dialler]generation{},
		lists:     newLists(),
		files:     openFiles{bound: max(cfg.Limits.OpenFiles, partition.FilesOfTask)},

		offlineAsked: map[uint64]kafka.PartitionID{}, noRoomSince: env.Never,
		handoversAsked: map[uint64]meta.Election{},

		replication: replica.Config{
			AckTimeout: cfg.Limits.AckTimeout, LagTimeout: cfg.Limits.LagTimeout,
			Window: cfg.Limits.WindowBytes, ProbeTimeout: cfg.Limits.ProbeTimeout,
			ProposalTimeout: cfg.Limits.ProposalTimeout,
		},
	}
	s.ctx.shard, s.scanLeft = s, cfg.Limits.ScanBytes
	return s
}

// Start implements loop.Loop. The shard waits for Begin.
func (s *Shard) Start(now env.Time) {
	s.now, s.narrator.began = now, now.Mono
	s.jitter = s.host.Entropy("shard", "redial")
	s.ctx.entropy = s.host.Entropy("shard", "topic-id")
	s.coordinatorEntropy = s.host.Entropy("shard", "coordinators")
	s.rare = rare.New(s.cfg.Rare, s.host.Entropy("shard", "rare"))
	s.cfg.WAL.Rare = s.rare
	s.wal = wal.New(s.cfg.WAL, s.diskFor(ownerWAL), s.host.Entropy("shard", "wal"))
}

// Step implements loop.Loop.
func (s *Shard) Step(now env.Time, ev *loop.Event) {
	if s.stopped {
		return
	}
	s.now = now
	switch ev.Kind {
	case loop.Net:
		s.onNet(&ev.Net)
	case loop.Disk:
		s.onDisk(&ev.Disk)
	case loop.Mail:
		s.onMail(ev.From, ev.Mail)
	}
	s.runQueued()
}

func (s *Shard) onNet(ev *netsim.Event) {
	id := ev.Conn.ID()
	if l := s.linkConns[id]; l != nil {
		s.onLink(l, ev)
		return
	}
	if ev.Tag == dataTag {
		s.onInbound(ev)
		return
	}
	s.onClient(ev)
}

// dataTag marks the events of connections that other nodes dialled.
const dataTag = 1

// ClientSink is the sink for client connections of the shard behind sink.
func ClientSink(sink netsim.Sink) netsim.Sink { return sink }

// DataSink is the sink for data connections of the shard behind sink.
func DataSink(sink netsim.Sink) netsim.Sink {
	return func(ev netsim.Event) {
		ev.Tag = dataTag
		sink(ev)
	}
}

func (s *Shard) onMail(from loop.ID, mail any) {
	switch m := mail.(type) {
	case Applied:
		s.onApplied(m)
	case Ping:
		s.pong(m)
	case Lease:
		s.lease = m
	case PartitionCall:
		s.runCall(m)
	case Return:
		if m.Origin.Op == originISR {
			s.onISRVerdict(m.Origin.Request, m.Result.(api.ProposeResult))
			return
		}
		if m.Origin.Op == originPrune {
			s.onPruneBarrier(m.Result.(api.BarrierResult))
			return
		}
		if m.Origin.Op == originHandover {
			s.onHandoverVerdict(m.Origin.Request, m.Result.(api.ProposeResult))
			return
		}
		if m.Origin.Op == originOffline {
			s.onOfflineVerdict(m.Origin.Request, m.Result.(api.ProposeResult))
			return
		}
		s.resolve(m.Origin, m.Result)
	case Cancel:
		s.cancelCall(m)
	case PeerCall:
		s.onPush(m)
	case PeerReturn:
		s.answer(m.Via, m.Message)
	case Newer:
		s.onNewer(m)
	case Begin:
		s.beginRecovery(m)
	case Convert:
		s.beginConversion()
	case Drain:
		s.drain()
	case StatsRequest:
		s.host.Reply(from, s.Stats())
	}
}

// pong answers a ping: it says which metadata the shard acts on, and how its disk is.
func (s *Shard) pong(ping Ping) {
	pong := Pong{
		Seq: ping.Seq, SentAt: ping.SentAt, DiskDue: DiskDue(s.host.Disk(), &s.limits),
		Full: s.full(), Drained: s.draining, NotOnline: s.notOnline,
	}
	if s.recovered {
		pong.Confirmed = s.image.Index()
	}
	s.host.Reply(loop.Control, pong)
}

// confirm tells the control loop at once that the shard acts on new metadata.
func (s *Shard) confirm() { s.pong(Ping{}) }

// mayLead reports whether this incarnation is registered and not being drained.
func (s *Shard) mayLead() bool { return s.epoch != 0 && !s.draining }

// mayAppend reports whether the log has room.
func (s *Shard) mayAppend() bool { return !s.wal.Full() && !s.atBudget() }

// atBudget reports whether only flushes can make room in the log.
func (s *Shard) atBudget() bool { return s.wal.Used() >= s.cfg.WAL.BudgetBytes }

// leaseValid reports whether the node may claim to know the end of the logs that it
// leads.
func (s *Shard) leaseValid() bool { return s.leaseValidAt(s.now.Mono) }

func (s *Shard) leaseValidAt(now env.Instant) bool {
	return s.mayLead() && s.lease.Epoch == s.epoch && now < s.lease.Until
}

// drain stops answering as leader, before the leaderships are handed over. It tells
// the control loop at once: until the leaderships have moved, clients are refused.
func (s *Shard) drain() {
	s.draining = true
	s.confirm()
}
