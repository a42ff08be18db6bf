package group

import (
	"time"

	"github.com/tidwall/btree"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// Token names a request that waits for its answer. The caller chooses it; it must not use one again
// while the request waits.
type Token uint64

// Ticket names an [Append]. Tickets of a Coordinator grow.
type Ticket uint64

// Client is the sender of a request.
type Client struct {
	ID   string // client.id
	Host string // Kafka writes it as /127.0.0.1
}

// Config holds what a coordinator needs to know. The comments give Kafka's names.
type Config struct {
	MinSession            time.Duration // group.min.session.timeout.ms
	MaxSession            time.Duration // group.max.session.timeout.ms
	InitialRebalanceDelay time.Duration // group.initial.rebalance.delay.ms
	MaxSize               int           // group.max.size: members of a group
	OffsetsRetention      time.Duration // offsets.retention.minutes
	RetentionCheck        time.Duration // offsets.retention.check.interval.ms
	OffsetMetadataMax     int           // offset.metadata.max.bytes: of one partition
	// CommitTimeout is how long an answer waits for its records (offsets.commit.timeout.ms). After
	// that it is an error, though the records may be committed later.
	CommitTimeout time.Duration
	// NewMemberTimeout is how long a new member may wait for its first rebalance to end. Kafka has
	// five minutes.
	NewMemberTimeout time.Duration
	// Groups is the number of groups of one partition. At the bound no group is created
	// (COORDINATOR_NOT_AVAILABLE).
	Groups int
	// PendingMembers is the number of members of one group that have an id and have not joined. At
	// the bound no id is given (COORDINATOR_NOT_AVAILABLE).
	PendingMembers int
	// MetadataBytes is the number of bytes that the members of one partition's groups have given as
	// metadata and assignments. At the bound nobody joins (COORDINATOR_NOT_AVAILABLE).
	MetadataBytes int
	// Waiting is the number of requests that wait for their answer. At the bound those that may
	// have to wait are answered COORDINATOR_NOT_AVAILABLE.
	Waiting int
	// AppendRecords is the number of records of an Append that deletes. Larger deletions are
	// several. A commit is one Append, whatever its size.
	AppendRecords int
	// Entropy makes member ids.
	Entropy *env.Rand
}

// Record is a record of __consumer_offsets. A tombstone has no Value.
type Record struct{ Key, Value []byte }

// Append asks for records to be appended as one batch, with acks=all. [Coordinator.Appended] must
// be called for each, once, unless [Coordinator.Resign] is called before.
type Append struct {
	Ticket  Ticket
	Records []Record
}

// Answer is the answer to a request. Response is, by request:
//
//	Join, Sync, Heartbeat, Leave, Commit   the *kmsg response of the request's version
//	DeleteOffsets                          *kmsg.OffsetDeleteResponse
//	Delete                                 kafka.ErrorCode
type Answer struct {
	Token    Token
	Response any
}

// Effects are what the caller has to do. Appends are in the order of the log. The caller owns all
// of it.
type Effects struct {
	Appends []Append
	Answers []Answer
	Log     []event.Event
}

// Coordinator holds the groups of one partition of __consumer_offsets, for its leader. It is not
// for concurrent use.
type Coordinator struct {
	cfg      Config
	loaded   bool
	resigned bool
	groups   btree.Map[string, *group]
	timers   timers
	ticket   Ticket // the last one
	appends  btree.Map[Ticket, *appended]
	// waiting are the requests without an answer that somebody waits for. Delete has none.
	waiting btree.Map[Token, kmsg.Request]
	bytes   int   // of members, see [Config.MetadataBytes]
	expiry  timer // the next look for expired offsets
	effects Effects
}

// New makes a coordinator that has read nothing yet.
func New(cfg Config) *Coordinator { return &Coordinator{cfg: cfg, timers: newTimers()} }

// Replay takes a record of the log, in the order of the log, before Loaded. A tombstone has a nil
// value. An error says why the record is none of Kafka's; it has changed nothing, and the caller
// may go on. Records of a kind that this version does not know are ignored, as Kafka does. It does
// not keep key and value.
func (c *Coordinator) Replay(key, value []byte) error {
	ch, err := decode(key, value)
	if err != nil || ch == nil {
		return err
	}
	c.apply(*ch)
	c.tidy(ch.group)
	return nil
}

// Loaded says that everything up to the start of the leader's epoch is committed and was replayed.
// Sessions of the members that the log names begin.
func (c *Coordinator) Loaded(now env.Time) {
	c.loaded = true
	for _, g := range c.groups.Values() {
		c.restore(now, g)
	}
	c.expiry.fire = c.expire
	c.timers.start(&c.expiry, now.Mono.Add(c.cfg.RetentionCheck))
}

// restore makes the members of the group's last generation its members.
func (c *Coordinator) restore(now env.Time, g *group) {
	v := g.committed.meta
	if v == nil {
		g.since = now.WallMs
		return
	}
	g.since, g.generation = v.CurrentStateTimestamp, v.Generation
	g.protocolType = v.ProtocolType
	if v.Protocol != nil {
		g.protocol = *v.Protocol
	}
	for _, from := range v.Members {
		m := restoreMember(from, g.protocol)
		c.addMember(now, g, m, v.ProtocolType, m.session)
	}
	if len(v.Members) > 0 {
		g.state, g.leader = Stable, *v.Leader
	}
	g.setSubscribed()
	if g.members.Len() > c.cfg.MaxSize { // group.max.size is smaller than it was
		c.prepareRebalance(now, g, "more members than group.max.size")
	}
}

func restoreMember(from kmsg.GroupMetadataValueMember, protocol string) *member {
	rebalance := from.RebalanceTimeoutMillis
	if rebalance == -1 {
		rebalance = from.SessionTimeoutMillis
	}
	return &member{
		id: from.MemberID, instance: from.InstanceID,
		client:    Client{ID: from.ClientID, Host: from.ClientHost},
		rebalance: millis(rebalance), session: millis(from.SessionTimeoutMillis),
		protocols: []kmsg.JoinGroupRequestProtocol{
			{Name: protocol, Metadata: from.Subscription},
		},
		assignment: from.Assignment,
	}
}

func millis(ms int32) time.Duration { return time.Duration(ms) * time.Millisecond }

// Forget says that nobody waits for an answer any longer. The member that sent the request stays
// until its session or the rebalance ends, as in Kafka.
func (c *Coordinator) Forget(t Token) { c.waiting.Delete(t) }

// Tick ends what is due: sessions, rebalances, waits for records, offsets. Call it when
// NextDeadline is reached, also right after a request.
func (c *Coordinator) Tick(now env.Time) { c.timers.tick(now) }

// NextDeadline is when Tick has something to do, [env.Never] if nothing.
func (c *Coordinator) NextDeadline() env.Instant {
	if c.resigned {
		return env.Never
	}
	return c.timers.next()
}

// Resumed says that the loop did not run for a while: heartbeats may wait in its mailbox. All
// sessions begin again.
func (c *Coordinator) Resumed(now env.Time) {
	for _, g := range c.groups.Values() {
		for _, m := range g.all() {
			if m.timer.seq != 0 && !m.new {
				c.extend(now, m)
			}
		}
	}
}

// Resign ends the coordinator: the leadership is over. All that wait are answered NOT_COORDINATOR.
// Only Take, Forget and Appended may be called after it.
func (c *Coordinator) Resign() {
	c.resigned = true
	for _, t := range c.waiting.Keys() {
		r, _ := c.waiting.Get(t)
		c.answer(t, refusal(r, kafka.NotCoordinator))
	}
}

// Take returns the effects since the last call.
func (c *Coordinator) Take() Effects {
	e := c.effects
	c.effects = Effects{}
	return e
}

// begin reports whether a request may go on, and answers it if not. r is nil for Delete.
func (c *Coordinator) begin(t Token, r kmsg.Request) bool {
	code := c.serves()
	if code == kafka.None && c.waiting.Len() >= c.cfg.Waiting {
		code = kafka.CoordinatorNotAvailable
	}
	if code != kafka.None {
		c.reply(t, refusal(r, code))
		return false
	}
	c.waiting.Set(t, r)
	return true
}

// serves is the error with which all requests are answered now.
func (c *Coordinator) serves() kafka.ErrorCode {
	switch {
	case c.resigned:
		return kafka.NotCoordinator
	case !c.loaded:
		return kafka.CoordinatorLoadInProgress
	}
	return kafka.None
}

// answer answers a request that waits, if somebody still waits for it.
func (c *Coordinator) answer(t Token, response any) {
	if _, ok := c.waiting.Delete(t); ok {
		c.reply(t, response)
	}
}

func (c *Coordinator) reply(t Token, response any) {
	c.effects.Answers = append(c.effects.Answers, Answer{Token: t, Response: response})
}

// refuse answers a request that waits with an error.
func (c *Coordinator) refuse(t Token, code kafka.ErrorCode) {
	if r, ok := c.waiting.Get(t); ok {
		c.answer(t, refusal(r, code))
	}
}

func (c *Coordinator) log(name event.Name, fields ...event.Field) {
	c.effects.Log = append(c.effects.Log, event.New(name, fields...))
}

// find returns a group that exists and is not Dead, or the code for the case that it is.
func (c *Coordinator) find(id string, absent kafka.ErrorCode) (*group, kafka.ErrorCode) {
	g, ok := c.groups.Get(id)
	switch {
	case !ok:
		return nil, absent
	case g.state == Dead:
		return nil, kafka.CoordinatorNotAvailable
	}
	return g, kafka.None
}

// create makes a group, unless there are too many.
func (c *Coordinator) create(now env.Time, id string) (*group, kafka.ErrorCode) {
	if c.groups.Len() >= c.cfg.Groups {
		c.log(event.GroupsFull, event.Text("refused", id), event.Int("groups", c.groups.Len()))
		return nil, kafka.CoordinatorNotAvailable
	}
	g := newGroup(id)
	g.since = now.WallMs
	c.groups.Set(id, g)
	return g, kafka.None
}

// Configure gives other settings. Those of members and timers that are set stay as they are.
func (c *Coordinator) Configure(cfg Config) { c.cfg = cfg }
