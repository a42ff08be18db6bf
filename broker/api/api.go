package api

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/wire"
)

// Handler is one request from decoding to answer.
type Handler interface {
	// Next is called when no operation of the request is pending: at the start, whenever
	// all operations of the last Next have resolved, and when the deadline has passed
	// (expired). It returns the operations to run next. If it returns none, Answer may be
	// called. With expired it must return none.
	Next(c Context, expired bool) []Op
	// Resolve takes the result of the i-th operation of the last Next. Operations
	// that have not resolved at the deadline are never resolved.
	Resolve(i int, result any)
	// Answer returns the whole response frame, or nil for no response (acks=0).
	Answer(c Context) [][]byte
	// Timeout is how long the request asks to wait at most; 0 stands for the broker's
	// default.
	Timeout() time.Duration
}

// Closer is a Handler that may close its connection in place of an answer.
type Closer interface {
	// Closes is called after Answer. The answers to all earlier requests still leave.
	Closes() bool
}

// Bounded is a handler with an answer that can be smaller than the request allows.
type Bounded interface {
	Handler
	// Bound is called before the first Next. The answer should have no more bytes than that.
	Bound(bytes int)
}

// Context is what a handler may ask while it runs. All of it is available at once.
type Context interface {
	Now() env.Time
	// Node is this broker.
	Node() kafka.NodeID
	// Image is the cluster's metadata as this shard has applied it.
	Image() *meta.Image
	// Entropy is the stream for topic ids.
	Entropy() *env.Rand
	// Rare makes rare choices. It is nil in production.
	Rare() *rare.Chooser
	// Settings is the part of the node's configuration that clients may see.
	Settings() *Settings
}

// Settings holds configurations of the broker. The comments give Kafka's names.
type Settings struct {
	AutoCreateTopics  bool          // auto.create.topics.enable
	NumPartitions     int32         // num.partitions
	ReplicationFactor int16         // default.replication.factor
	MinInSync         int           // min.insync.replicas
	MaxMessageBytes   int           // message.max.bytes
	FetchMaxBytes     int           // fetch.max.bytes
	FetchMaxWait      time.Duration // longest long poll served
	DeleteTopics      bool          // delete.topic.enable
	EventLogLevel     string        // event.log.level, if no command has set it
	// File are further keys of the broker's file, which clients may read.
	File []FileKey
	// AppliedByAll bounds how long CreateTopics waits, after the commit, for the
	// other brokers to apply it.
	AppliedByAll time.Duration
}

// FileKey is a key that a broker takes from its file only.
type FileKey struct {
	Name, Value, Default, Doc string
	Type                      meta.ConfigType
}

// Op is an operation of a request: one of the types below, and no other. The comment of
// each type ends with the type of its result.
type Op interface{ op() }

func (Produce) op()        {}
func (Fetch) op()          {}
func (Wait) op()           {}
func (Offsets) op()        {}
func (NewEpochs) op()      {}
func (EpochEnd) op()       {}
func (DeleteRecords) op()  {}
func (Propose) op()        {}
func (Applied) op()        {}
func (Barrier) op()        {}
func (NextProducerID) op() {}
func (Coordinate) op()     {}

// Produce appends batches to a partition, wherever its leader is. → ProduceResult
type Produce struct {
	Partition kafka.PartitionID
	Acks      kafka.Acks
	Batches   []byte // one or more whole batches; owned by the op
}

// ProduceResult is the result of a Produce. CurrentLeader is set if Code is
// NotLeaderOrFollower.
type ProduceResult struct {
	Code          kafka.ErrorCode
	Message       string
	Base          kafka.Offset
	AppendTimeMs  int64 // -1 unless LogAppendTime
	LogStart      kafka.Offset
	CurrentLeader Leader
	// Errors names the records that made the leader refuse the batch, if single ones did: the
	// first ones of them.
	Errors []wire.RecordError
}

// Leader tells a client which node leads; Node is NoNode if no leader is known.
type Leader struct {
	Node  kafka.NodeID
	Epoch kafka.LeaderEpoch
}

// Fetch reads committed batches from a partition that this node leads. The first batch
// may have any size; the others must fit within MaxBytes. MaxBytes 0 asks only for the
// watermarks. → FetchResult
type Fetch struct {
	Partition     kafka.PartitionID
	CurrentEpoch  kafka.LeaderEpoch // -1: not checked
	Offset        kafka.Offset
	LastEpoch     kafka.LeaderEpoch // last fetched epoch, -1: not checked (KIP-320)
	MaxBytes      int
	ReadCommitted bool
}

// FetchResult is what a Fetch found. If Code is None and there are no Batches, there is
// no record at Offset yet.
type FetchResult struct {
	Code          kafka.ErrorCode
	Watermark     kafka.Offset
	LastStable    kafka.Offset
	LogStart      kafka.Offset
	Batches       [][]byte // one whole batch each; immutable
	Bytes         int
	CurrentLeader Leader
	// DivergingEpoch and DivergingEnd are set (Epoch >= 0) if the consumer's last
	// fetched epoch does not fit the log.
	DivergingEpoch kafka.LeaderEpoch
	DivergingEnd   kafka.Offset
}

// Wait resolves when the partition has committed records beyond Offset, when its
// leadership changes, or at Until. When the first Wait of a request resolves, the others
// are cancelled, and Next is called. All Waits of one Next have the same Until.
// → WaitResult
type Wait struct {
	Partition kafka.PartitionID
	Offset    kafka.Offset
	Until     env.Instant
}

// WaitResult is empty: the handler fetches again.
type WaitResult struct{}

// Offsets looks an offset up: Timestamp is a time in Unix ms, or one of
// ListOffsets' negative values. → OffsetsResult
type Offsets struct {
	Partition     kafka.PartitionID
	CurrentEpoch  kafka.LeaderEpoch
	Timestamp     int64
	ReadCommitted bool
}

// OffsetsResult has -1 where there is no value.
type OffsetsResult struct {
	Code        kafka.ErrorCode
	Offset      kafka.Offset
	TimestampMs int64
	Epoch       kafka.LeaderEpoch
}

// EpochEnd asks where a leader epoch ends (OffsetForLeaderEpoch). → EpochEndResult
type EpochEnd struct {
	Partition    kafka.PartitionID
	CurrentEpoch kafka.LeaderEpoch
	Epoch        kafka.LeaderEpoch
}

// EpochEndResult is the largest epoch at or below the one that was asked for, and its
// end.
type EpochEndResult struct {
	Code  kafka.ErrorCode
	Epoch kafka.LeaderEpoch
	End   kafka.Offset
}

// DeleteRecords moves the log start of a partition that this node leads to Offset, or to the
// watermark for -1. It resolves when all live replicas have moved. → DeleteRecordsResult
type DeleteRecords struct {
	Partition kafka.PartitionID
	Offset    kafka.Offset
}

// DeleteRecordsResult has the lowest log start of all live replicas; -1 with an error.
type DeleteRecordsResult struct {
	Code         kafka.ErrorCode
	LowWatermark kafka.Offset
}

// NewEpochs resolves when every one of the partitions has another leader epoch than the one that is
// named, or is gone. → NewEpochsResult
type NewEpochs struct{ Elections []meta.Election }

// NewEpochsResult is empty: the handler looks into the image.
type NewEpochsResult struct{}

// Propose runs a metadata command and resolves with its verdict once this
// shard has applied it. → ProposeResult
type Propose struct{ Command meta.Command }

// ProposeResult has Code RequestTimedOut if the fate of the command is unknown, another
// error if it was certainly not applied, and None if it was applied with Verdict.
type ProposeResult struct {
	Code    kafka.ErrorCode
	Index   uint64 // of the applied command
	Verdict meta.Verdict
}

// Applied resolves when every unfenced broker has applied index Index, or
// after Within. → AppliedResult
type Applied struct {
	Index  uint64
	Within time.Duration
}

// AppliedResult says whether they all have.
type AppliedResult struct{ All bool }

// Barrier resolves when Image is at least as new as the cluster's metadata was
// when the operation began. → BarrierResult
type Barrier struct{}

// BarrierResult has an error if no controller confirmed it in time.
type BarrierResult struct{ Code kafka.ErrorCode }

// NextProducerID takes a producer id from the node's block. → ProducerIDResult
type NextProducerID struct{}

// ProducerIDResult is a producer id that was never given out before.
type ProducerIDResult struct {
	Code kafka.ErrorCode
	ID   kafka.ProducerID
}

// Coordinate asks the coordinator that a partition of an internal topic is the log of, if this node
// leads that partition. → CoordinateResult
type Coordinate struct {
	Partition kafka.PartitionID
	// Request is what the coordinators of that topic take. It belongs to the coordinator.
	Request any
	// Knows says that the answer claims to know all that was committed. So the node must hold its
	// lease, as for the end of a log.
	Knows bool
	// WhileLoading says that the coordinator can answer before it has read its log.
	WhileLoading bool
	// Polls says that the answer may take long, because it waits for others. It is not waited for
	// once the client sends nothing more.
	Polls bool
}

// CoordinateResult has Code NotCoordinator if this node does not lead the partition, and
// CoordinatorLoadInProgress while the coordinator reads its log. Otherwise Code is None, and
// Response is what the coordinator has answered.
type CoordinateResult struct {
	Code     kafka.ErrorCode
	Response any
}
