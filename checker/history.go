package checker

import "time"

// History is everything that was recorded of one run. Slices may be in any
// order; checkers sort what they need by moment.
type History struct {
	Topics   []Topic  `json:"topics,omitempty"`
	Coverage Coverage `json:"coverage"`
	// Slack is how long after its deadline a request may still be answered (P11).
	Slack time.Duration `json:"slack,omitempty"`
	// End is the moment of the last event of the run.
	End Moment `json:"end"`

	// What clients did and saw.
	Produces     []Produce      `json:"produces,omitempty"`
	Fetches      []Fetch        `json:"fetches,omitempty"`
	Ends         []EndRead      `json:"ends,omitempty"`
	Admins       []Admin        `json:"admins,omitempty"`
	ProducerIDs  []InitProducer `json:"producer_ids,omitempty"`
	Trims        []Trim         `json:"trims,omitempty"`
	Deletions    []Deletion     `json:"deletions,omitempty"`
	Requests     []Request      `json:"requests,omitempty"`
	MetadataSeen []MetadataRead `json:"metadata_seen,omitempty"`

	// What transactional producers and groups did and saw.
	Transactions   []Transaction  `json:"transactions,omitempty"`
	Assignments    []Assignment   `json:"assignments,omitempty"`
	Commits        []OffsetCommit `json:"commits,omitempty"`
	CommittedReads []OffsetRead   `json:"committed_reads,omitempty"`

	// What the simulator recorded inside the nodes.
	Acks        []AckFact        `json:"acks,omitempty"`
	Appends     []AppendFact     `json:"appends,omitempty"`
	Starts      []StartFact      `json:"starts,omitempty"`
	Replicas    []ReplicaFact    `json:"replicas,omitempty"`
	Leaders     []LeaderFact     `json:"leaders,omitempty"`
	Followers   []FollowerFact   `json:"followers,omitempty"`
	Cuts        []CutFact        `json:"cuts,omitempty"`
	Controllers []ControllerFact `json:"controllers,omitempty"`
	Images      []ImageFact      `json:"images,omitempty"`
	Logs        []ReplicaLog     `json:"logs,omitempty"`
	Queues      []QueueFact      `json:"queues,omitempty"`
	Idles       []IdleFact       `json:"idles,omitempty"`
	Recoveries  []Recovery       `json:"recoveries,omitempty"`

	// Faults of disks and clocks that no protocol survives, see excuses.
	Damages []DamageFact `json:"damages,omitempty"`
	Clocks  []ClockFact  `json:"clocks,omitempty"`
}

// Coverage says which streams of facts are complete, so that the absence of a
// fact means something.
type Coverage struct {
	// Logs: every replica of every partition that still exists is in
	// History.Logs, and nothing was under way between replicas.
	Logs bool `json:"logs"`
	// Leaders: every leadership that began, of every partition, is in History.Leaders.
	Leaders bool `json:"leaders"`
	// Appends: every append by a leader is in History.Appends.
	Appends bool `json:"appends"`
}

type (
	// NodeID is a broker id.
	NodeID int32
	// Incarnation identifies one run of a node's process; any number that is
	// unique per node will do.
	Incarnation int64
	// Offset is the position of a record in a partition.
	Offset int64
	// Epoch is a leader epoch of a partition.
	Epoch int32
	// Value is the unique id that a test record carries. 0 is not used.
	Value uint64
)

// NoProducer is the Produce.Producer of a producer that is not idempotent.
const NoProducer int64 = -1

// Partition names a partition. Topic is the topic's UUID, or any other identity
// that is not reused when a topic of the same name is created again.
type Partition struct {
	Topic string `json:"topic"`
	Index int32  `json:"index"`
}

// Topic says what the checkers must know of a topic to judge its partitions.
type Topic struct {
	ID string `json:"id"`
	// Compacted topics may have holes, so their offsets need not be contiguous.
	Compacted bool `json:"compacted,omitempty"`
	// Transactional topics hold markers. A marker takes an offset that belongs
	// to no client's operation.
	Transactional bool `json:"transactional,omitempty"`
	// Internal topics are written by brokers, so that no client has produced their records.
	Internal bool `json:"internal,omitempty"`
	// Deleted: a client has asked for its deletion, with any outcome. Its data
	// may be gone at the end.
	Deleted bool `json:"deleted,omitempty"`
}

// Outcome is what a client may conclude from the answer to a request.
type Outcome string

const (
	// Acked: answered with code 0.
	Acked Outcome = "acked"
	// Failed: answered with a code that says that nothing has changed.
	Failed Outcome = "failed"
	// Ambiguous: the request may have taken effect, then or later, or never.
	Ambiguous Outcome = "ambiguous"
)

// AcksAll, AcksLeader and AcksNone are the values of Produce.Acks.
const (
	AcksAll    int16 = -1
	AcksLeader int16 = 1
	AcksNone   int16 = 0
)

// Produce is one attempt to append one batch to one partition. A retry is
// another Produce with the same Values.
type Produce struct {
	ID        int       `json:"id"`
	Client    int       `json:"client"`
	Conn      int       `json:"conn,omitempty"` // 0 if not recorded
	Node      NodeID    `json:"node,omitempty"`
	Call      Moment    `json:"call"`
	Return    Moment    `json:"return"` // Never if no answer came
	Partition Partition `json:"partition"`
	// Producer is NoProducer, or an idempotent producer's id; then
	// ProducerEpoch and Sequence (of the first record) count too.
	Producer      int64   `json:"producer"`
	ProducerEpoch int16   `json:"producer_epoch,omitempty"`
	Sequence      int32   `json:"sequence,omitempty"`
	Transaction   int     `json:"transaction,omitempty"` // ID of its [Transaction]; 0: none
	Values        []Value `json:"values"`
	Acks          int16   `json:"acks"`
	Outcome       Outcome `json:"outcome"`
	Code          int16   `json:"code,omitempty"`
	Base          Offset  `json:"base"` // of an acked attempt; -1 otherwise
}

// Record is one record as a consumer got it.
type Record struct {
	Offset Offset `json:"offset"`
	Value  Value  `json:"value"`
}

// Fetch is one fetch of one partition by a consumer. A broker sends whole
// batches, so an answer may hold records below From; the recorder leaves them
// out, as every client does.
type Fetch struct {
	ID        int       `json:"id"`
	Client    int       `json:"client"`
	Node      NodeID    `json:"node,omitempty"`
	Call      Moment    `json:"call"`
	Return    Moment    `json:"return"`
	Partition Partition `json:"partition"`
	From      Offset    `json:"from"`
	Records   []Record  `json:"records,omitempty"`
	Watermark Offset    `json:"watermark"` // as answered; -1 if none was
	Code      int16     `json:"code,omitempty"`
	// Empty: answered without error and without records, and no limit on size
	// is the reason. So the broker says that there is nothing at or after From.
	Empty bool `json:"empty,omitempty"`
	// Continues: From is no seek; it follows from this client's previous fetch
	// of the partition.
	Continues bool `json:"continues,omitempty"`
	// ReadCommitted fetches say nothing about the end of the log.
	ReadCommitted bool `json:"read_committed,omitempty"`
}

// EndRead is a ListOffsets for the end of the log (timestamp -1, read_uncommitted).
type EndRead struct {
	ID        int       `json:"id"`
	Client    int       `json:"client"`
	Node      NodeID    `json:"node,omitempty"`
	Call      Moment    `json:"call"`
	Return    Moment    `json:"return"`
	Partition Partition `json:"partition"`
	Offset    Offset    `json:"offset"`
	Code      int16     `json:"code,omitempty"`
}

// Deletion is a DeleteRecords for one partition.
type Deletion struct {
	ID        int       `json:"id"`
	Client    int       `json:"client"`
	Node      NodeID    `json:"node,omitempty"`
	Call      Moment    `json:"call"`
	Return    Moment    `json:"return"`
	Partition Partition `json:"partition"`
	Offset    Offset    `json:"offset"` // -1: the watermark
	// Low is the lowest log start of the live replicas, as it was answered; -1 without an answer.
	Low     Offset  `json:"low"`
	Outcome Outcome `json:"outcome"`
	Code    int16   `json:"code,omitempty"`
}

// Trim says that records below Before may be removed: by a DeleteRecords that
// was sent, with any outcome, or by a retention policy.
type Trim struct {
	Partition Partition `json:"partition"`
	Before    Offset    `json:"before"`
}

// AdminKind says which operation an Admin is.
type AdminKind string

const (
	CreateTopic AdminKind = "create"
	DeleteTopic AdminKind = "delete"
	// GrowTopic gives the topic more partitions, up to Partitions.
	GrowTopic AdminKind = "grow"
	// AlterTopic sets the topic's configuration; with Expect it is a compare-and-set.
	AlterTopic AdminKind = "alter"
	// DescribeTopic reads after a barrier and is therefore linearizable.
	DescribeTopic AdminKind = "describe"
)

// Admin is an operation on one name of the topic registry. A request for many
// topics is recorded as many operations.
type Admin struct {
	ID      int       `json:"id"`
	Client  int       `json:"client"`
	Node    NodeID    `json:"node,omitempty"`
	Call    Moment    `json:"call"`
	Return  Moment    `json:"return"`
	Kind    AdminKind `json:"kind"`
	Topic   string    `json:"topic"` // the name
	Outcome Outcome   `json:"outcome"`
	Code    int16     `json:"code,omitempty"`
	// TopicID is the id that a create or a describe answered; "" if it did not
	// say. An acked describe with Code UNKNOWN_TOPIC_OR_PARTITION is recorded as
	// Failed with that code: it says that the topic does not exist.
	TopicID string `json:"topic_id,omitempty"`
	// Partitions are those that CreateTopic and GrowTopic ask for, and that DescribeTopic reads;
	// 0 if that is not recorded.
	Partitions int `json:"partitions,omitempty"`
	// Expect and Set belong to AlterTopic, Config to DescribeTopic; "" is the
	// configuration of a topic just created.
	Expect *string `json:"expect,omitempty"`
	Set    string  `json:"set,omitempty"`
	Config *string `json:"config,omitempty"`
}

// MetadataRead is a plain Metadata answer of one broker about one name. A
// restarted broker is the same broker: its answers must not go back either.
type MetadataRead struct {
	ID      int    `json:"id"`
	Node    NodeID `json:"node"`
	Call    Moment `json:"call"`
	Return  Moment `json:"return"`
	Topic   string `json:"topic"`
	TopicID string `json:"topic_id,omitempty"` // "" if the broker does not know it
	// Epochs are the leader epochs by partition index.
	Epochs []Epoch `json:"epochs,omitempty"`
}

// InitProducer is an acked InitProducerId.
type InitProducer struct {
	ID       int    `json:"id"`
	Client   int    `json:"client"`
	Call     Moment `json:"call"`
	Return   Moment `json:"return"`
	Producer int64  `json:"producer"`
	Epoch    int16  `json:"epoch"`
	// Transactional is the transactional id, or "". Without one, every answer
	// must be a new producer id.
	Transactional string `json:"transactional,omitempty"`
}

// Request is one request on one connection, as the wire saw it.
type Request struct {
	ID          int    `json:"id"`
	Conn        int    `json:"conn"`
	Name        string `json:"name,omitempty"`
	Correlation int32  `json:"correlation"`
	Call        Moment `json:"call"`
	// Deadline is the virtual time by which it must end; 0 if it has none.
	Deadline time.Duration `json:"deadline,omitempty"`
	// NoResponse: a produce with acks=0, which is never answered.
	NoResponse bool `json:"no_response,omitempty"`
	// Return is when its answer came, or the connection was closed (then Closed).
	Return Moment `json:"return"`
	Closed bool   `json:"closed,omitempty"`
	// Excused says why its deadline does not count: its node was stopped or cut
	// off when the deadline passed.
	Excused string `json:"excused,omitempty"`
}
