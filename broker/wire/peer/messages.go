// Package peer holds the messages that brokers of one cluster send each other,
// and their encoding.
//
// # Connections
//
// Per pair of nodes there is one control connection (Raft, sessions,
// proposals), dialled by the node with the higher id, and per (local shard,
// peer) one data connection (pushes, forwards), dialled by the shard that
// sends; answers return on the connection of their request. The first message
// in each direction is [Hello].
//
// # Frames
//
// A frame is a big-endian u32 length of what follows, a type byte, the
// sender's broker epoch (i64; PROTOCOL 2: it is in every frame) and the body.
// Integers are big-endian; byte strings and lists carry a u32 length that is
// checked against the bytes that remain before anything is allocated.
package peer

import "example.com/lockstep/broker/kafka"

// Version of the peer protocol that this code speaks; Hello carries the range.
const (
	MinVersion uint16 = 5
	MaxVersion uint16 = 5
)

// UUID is 128 random bits: cluster ids, incarnations.
type UUID [16]byte

// ConnKind says what a connection between brokers carries.
type ConnKind uint8

const (
	ControlConn ConnKind = 1
	DataConn    ConnKind = 2
)

// Hello opens a connection, from both sides.
type Hello struct {
	MinVersion, MaxVersion uint16
	Cluster                UUID
	Node                   kafka.NodeID
	Incarnation            UUID // of the sending process: new at every start
	Kind                   ConnKind
	// Generation grows with every connection that the dialling shard or control
	// loop opens to this peer; the acceptor drops frames and connections of older ones.
	Generation uint64
	Shard      int32 // DataConn: the dialling loop's id, part of the key of Generation
}

// --- control connection ---

// Keepalive says that the connection lives, when there is nothing else to say.
type Keepalive struct{}

// Raft carries one message of etcd raft in our own encoding (package meta).
type Raft struct{ Message []byte }

// Heartbeat is a broker's session and lease request to the controller, and to
// every other node it knows, since the controller may change (PROTOCOL 22-26).
type Heartbeat struct {
	Node        kafka.NodeID
	Incarnation UUID
	BrokerEpoch kafka.BrokerEpoch // 0: not registered yet
	// The sender's clock in ns, echoed in the reply: the lease runs from here.
	SentAt int64
	// Confirmed is the applied index that every loop of the sender acts on.
	Confirmed uint64
	// Draining: the broker is about to stop and has stopped answering as leader.
	Draining bool
	// Full: a shard of the sender finds no room on its disk and refuses appends.
	Full bool
}

// HeartbeatReply answers a Heartbeat.
type HeartbeatReply struct {
	SentAt  int64  // echoed
	Granted bool   // the session is renewed and the lease granted
	Term    uint64 // the controller's term
	Commit  uint64 // the controller's commit index
	Fenced  bool   // the incarnation is fenced or unknown: register or catch up
	// ConfirmedByAll is the lowest index that every unfenced broker acts on.
	ConfirmedByAll uint64
}

// CommandID names a metadata command: its verdict is returned under it by
// applying the log, on every node.
type CommandID struct {
	Node        kafka.NodeID
	Incarnation UUID
	Seq         uint64
}

// Propose asks the controller to propose a command (package meta's encoding).
type Propose struct {
	ID      CommandID
	Command []byte
}

// ProposeReply is sent only when the command was definitely not proposed.
type ProposeReply struct {
	ID   CommandID
	Code kafka.ErrorCode // NotController: ask again elsewhere
}

// ReadIndex asks the controller for an index that is linearizable to read at.
type ReadIndex struct{ Context uint64 }

// ReadIndexReply answers ReadIndex; Index 0 means: not now, not here.
type ReadIndexReply struct {
	Context uint64
	Index   uint64
}

// SnapshotChunk carries part of an image snapshot; Message is the raft message
// MsgSnap without its data, in every chunk.
type SnapshotChunk struct {
	Message []byte
	Index   uint64
	Offset  uint64
	Total   uint64
	Data    []byte
}

// --- data connection ---

// Push carries batches of one partition from its leader to one follower
// (PROTOCOL 14). Without batches it is a probe: the follower compares the
// leader's history with its own.
type Push struct {
	Partition   kafka.PartitionID
	LeaderEpoch kafka.LeaderEpoch
	Base        kafka.Offset // of the first batch
	// PrevEpoch is the leader epoch of the record before Base, -1 at the start.
	PrevEpoch kafka.LeaderEpoch
	Watermark kafka.Offset
	LogStart  kafka.Offset
	Batches   []byte // whole record batches, stamped; nil for a probe
}

// PushAck says that the follower holds the log durably up to DurableEnd, in
// the leader's epoch, as this broker incarnation (PROTOCOL 15). Cumulative.
type PushAck struct {
	Partition   kafka.PartitionID
	LeaderEpoch kafka.LeaderEpoch
	BrokerEpoch kafka.BrokerEpoch
	DurableEnd  kafka.Offset
}

// RejectReason says why a Push was not accepted.
type RejectReason uint8

const (
	// Diverged: base or previous epoch does not fit. LastEpoch and End are the
	// follower's largest epoch at or below the probed one and where it ends (KIP-279).
	Diverged RejectReason = iota + 1
	// UnknownEpoch: the follower has not applied metadata this new; Applied says
	// how far it is. The sender tries again.
	UnknownEpoch
	// StaleEpoch: the follower knows a newer leader epoch, in LastEpoch.
	StaleEpoch
	// NotReplica: by metadata at Applied, the follower does not hold the partition.
	NotReplica
	// Unavailable: the follower cannot take data now (recovering, disk full).
	Unavailable
)

// PushReject answers a Push that was not accepted.
type PushReject struct {
	Partition   kafka.PartitionID
	LeaderEpoch kafka.LeaderEpoch // of the push
	Base        kafka.Offset      // of the push
	BrokerEpoch kafka.BrokerEpoch
	Reason      RejectReason
	LastEpoch   kafka.LeaderEpoch
	End         kafka.Offset
	Applied     uint64
}

// Forward is a produce for one partition, sent untouched to its leader
// (PROTOCOL 33). It is never forwarded again.
type Forward struct {
	ID          uint64 // unique per connection, never reused
	Partition   kafka.PartitionID
	LeaderEpoch kafka.LeaderEpoch // as the sender knows it; another one is refused
	Acks        kafka.Acks
	TimeoutMs   int32
	Batches     []byte
}

// ForwardReply answers a Forward with what Produce answers per partition.
type ForwardReply struct {
	ID              uint64
	Code            kafka.ErrorCode
	Message         string
	BaseOffset      kafka.Offset
	LogAppendTimeMs int64
	LogStart        kafka.Offset
}
