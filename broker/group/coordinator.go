package group

import (
	"time"

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
	// the bound no id is given (GROUP_MAX_SIZE_REACHED).
	PendingMembers int
	// Waiting is the number of requests that wait for their answer. At the bound requests are
	// answered COORDINATOR_NOT_AVAILABLE.
	Waiting int
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
	cfg     Config
	effects Effects
}

// New makes a coordinator that has read nothing yet.
func New(cfg Config) *Coordinator { return &Coordinator{cfg: cfg} }

// Replay takes a record of the log, in the order of the log, before Loaded. A tombstone has a nil
// value. An error says why the record is none of Kafka's; it has changed nothing, and the caller
// may go on. Records of a kind that this version does not know are ignored, as Kafka does.
func (c *Coordinator) Replay(key, value []byte) error { return nil }

// Loaded says that everything up to the start of the leader's epoch is committed and was replayed.
// Sessions of the members that the log names begin.
func (c *Coordinator) Loaded(now env.Time) {}

// Join takes a JoinGroup. It keeps r, as all requests.
func (c *Coordinator) Join(now env.Time, t Token, from Client, r *kmsg.JoinGroupRequest) {}

// Sync takes a SyncGroup.
func (c *Coordinator) Sync(now env.Time, t Token, r *kmsg.SyncGroupRequest) {}

// Heartbeat takes a Heartbeat. The answer is there at once, also before Loaded.
func (c *Coordinator) Heartbeat(now env.Time, t Token, r *kmsg.HeartbeatRequest) {}

// Leave takes a LeaveGroup.
func (c *Coordinator) Leave(now env.Time, t Token, r *kmsg.LeaveGroupRequest) {}

// Commit takes an OffsetCommit. Topics that do not exist are the caller's: it answers them itself,
// and gives the others.
func (c *Coordinator) Commit(now env.Time, t Token, r *kmsg.OffsetCommitRequest) {}

// Fetch answers OffsetFetch about one group. All versions have this form: r.Topics is nil for all
// topics.
func (c *Coordinator) Fetch(
	now env.Time, r *kmsg.OffsetFetchRequestGroup,
) kmsg.OffsetFetchResponseGroup {
	return kmsg.OffsetFetchResponseGroup{}
}

// Describe answers DescribeGroups in a version about one group.
func (c *Coordinator) Describe(version int16, group string) kmsg.DescribeGroupsResponseGroup {
	return kmsg.DescribeGroupsResponseGroup{}
}

// List answers ListGroups: the groups of this partition by name, or an error.
func (c *Coordinator) List(
	r *kmsg.ListGroupsRequest,
) ([]kmsg.ListGroupsResponseGroup, kafka.ErrorCode) {
	return nil, kafka.None
}

// Delete deletes a group with its offsets (DeleteGroups).
func (c *Coordinator) Delete(now env.Time, t Token, group string) {}

// DeleteOffsets takes an OffsetDelete.
func (c *Coordinator) DeleteOffsets(now env.Time, t Token, r *kmsg.OffsetDeleteRequest) {}

// TopicDeleted drops the offsets of a topic that no longer exists.
func (c *Coordinator) TopicDeleted(now env.Time, topic string) {}

// Forget says that nobody waits for an answer any longer.
func (c *Coordinator) Forget(t Token) {}

// Appended says what became of an Append: None if its records are committed. Any other code says
// that they certainly do not stand in the log. If that is not known, the caller says nothing until
// it is, or resigns.
func (c *Coordinator) Appended(now env.Time, t Ticket, code kafka.ErrorCode) {}

// Tick ends what is due: sessions, rebalances, waits for records, offsets.
func (c *Coordinator) Tick(now env.Time) {}

// NextDeadline is when Tick has something to do, [env.Never] if nothing.
func (c *Coordinator) NextDeadline() env.Instant { return env.Never }

// Resign ends the coordinator: the leadership is over. All that wait are answered NOT_COORDINATOR.
// Only Take may be called after it.
func (c *Coordinator) Resign() {}

// Take returns the effects since the last call.
func (c *Coordinator) Take() Effects {
	e := c.effects
	c.effects = Effects{}
	return e
}

// Refuse is the answer to a group request that carries only an error, in the form of its version:
// for a node that is not the coordinator. r is one of the requests that a Coordinator takes, or an
// OffsetFetch, DescribeGroups, ListGroups or DeleteGroups.
func Refuse(r kmsg.Request, code kafka.ErrorCode) kmsg.Response { return r.ResponseKind() }
