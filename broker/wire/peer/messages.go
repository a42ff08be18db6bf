// Package peer has the messages that the brokers of a cluster send to each other, and
// their encoding.
//
// # Connections
//
// Each pair of nodes has one control connection (Raft, sessions, proposals), dialled by
// the node with the higher id. Each shard has one data connection (pushes, forwards) to
// each other node, dialled by the shard. Answers return on the connection of their
// request. The first message in each direction is [Hello].
//
// # Frames
//
// A frame is a big-endian u32 length of what follows, a type byte, the sender's broker
// epoch (i64; PROTOCOL 2: it is in every frame) and the body. Integers are big-endian.
// Byte strings and lists begin with a u32 length, which is checked against the bytes that
// remain before anything is allocated.
package peer

import "example.com/lockstep/broker/kafka"

// The versions of the peer protocol that this code supports. Hello carries the range.
const (
	MinVersion uint16 = 7
	MaxVersion uint16 = 7
)

// UUID is 128 random bits. Cluster ids and incarnations are of this type.
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
	Directory              UUID // of the sending node (PROTOCOL 4a)
	Incarnation            UUID // of the sending process: new at every start
	Kind                   ConnKind
	// Generation grows with every connection that the dialling shard or control
	// loop opens to this peer; the acceptor drops frames and connections of older ones.
	Generation uint64
	Shard      int32 // DataConn: the dialling loop's id, part of the key of Generation
}

// --- control connection ---

// Seen tells the receiver which start of its directory the sender knows as the last one. It
// precedes Birth. A directory that does not know that start is an older copy of itself, and its
// node stops (PROTOCOL 4a).
type Seen struct {
	Starts      uint64 // of the directory
	Incarnation UUID   // of that start
}

// Birth says which birth record the sender holds, durable (PROTOCOL 4b). It follows Hello, and is
// repeated when the record changes.
type Birth struct {
	// ID is a random number drawn with the record. Zero: the sender holds none.
	ID UUID
	// Born: every voter holds the record, and its nodes take part in Raft.
	Born   bool
	Voters []BirthVoter // of the first configuration
}

// BirthVoter is a voter with its directory.
type BirthVoter struct {
	Node      kafka.NodeID
	Directory UUID
}

// Refusal is sent before a connection is closed, so that the other side can tell its operator.
type Refusal struct {
	Message string
	// Removed: the directory of the receiver was removed from the cluster. It must stop.
	Removed bool
}

// Join asks the controller to make a new directory a learner (PROTOCOL 4c). It is repeated until
// the log arrives. A node that is not the controller passes it on.
type Join struct {
	Node      kafka.NodeID
	Directory UUID
	// Auto: it wants to be a voter, in the place of the other voters of its node
	// (controller.quorum.auto.join.enable).
	Auto bool
}

// Keepalive is sent when there is nothing else to send, to show that the connection
// works.
type Keepalive struct{}

// Raft carries one message of etcd raft in our own encoding (package meta).
type Raft struct{ Message []byte }

// Heartbeat asks the controller to renew the session and the lease of a broker
// (PROTOCOL 22-26). A broker that knows no controller sends it to all other voters.
type Heartbeat struct {
	Node        kafka.NodeID
	Incarnation UUID
	BrokerEpoch kafka.BrokerEpoch // 0: not registered yet
	// SentAt is the sender's time in ns. The reply echoes it: the lease runs from then.
	SentAt int64
	// Confirmed is the applied index that every loop of the sender acts on.
	Confirmed uint64
	// Draining: the broker is about to stop and has stopped answering as leader.
	Draining bool
	// Full: a shard of the sender has no room on its disk and refuses appends.
	Full bool
}

// HeartbeatReply answers a Heartbeat.
type HeartbeatReply struct {
	SentAt  int64  // echoed
	Granted bool   // the session is renewed and the lease granted
	Term    uint64 // the controller's term
	Commit  uint64 // the controller's commit index
	Fenced  bool   // the incarnation is fenced or unknown: it must catch up or register
}

// AwaitApplied asks a broker to say when all its loops act on an index.
type AwaitApplied struct{ Index uint64 }

// AppliedUpTo answers AwaitApplied with the index that all loops of the sender act on. A lower one
// than was asked for is news on the way.
type AppliedUpTo struct{ Index uint64 }

// CommandID names a metadata command. The node that proposed the command finds its
// verdict by this id when it applies the log.
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
	Code kafka.ErrorCode // NotController: ask another node
}

// ReadIndex asks the controller for an index that is linearizable to read at.
type ReadIndex struct{ Context uint64 }

// ReadIndexReply answers ReadIndex. Index 0 means that the node is not the controller, or
// cannot confirm it now.
type ReadIndexReply struct {
	Context uint64
	Index   uint64
}

// SnapshotChunk carries a part of an image snapshot. In every chunk, Message is the raft
// message MsgSnap without its data.
type SnapshotChunk struct {
	Message []byte
	Index   uint64
	Offset  uint64
	Total   uint64
	Data    []byte
}

// SnapshotAck answers a SnapshotChunk: the receiver has the first Offset bytes of the snapshot
// of this index, and nothing of it if Offset is 0. The sender keeps a window by it.
type SnapshotAck struct {
	Index  uint64
	Offset uint64
	// Refused: the snapshot was complete, and is damaged or does not fit the receiver's log.
	Refused bool
}

// --- data connection ---

// Push carries batches of one partition from its leader to one follower
// (PROTOCOL 14). Without batches it is a probe: the follower compares the
// leader's history with its own. With Begin it says that the two logs have nothing in common
// that the leader still has: the follower empties its log and lets it begin at Base.
type Push struct {
	Partition   kafka.PartitionID
	LeaderEpoch kafka.LeaderEpoch
	Base        kafka.Offset // of the first batch
	// PrevEpoch is the leader epoch of the record before Base, -1 at the start.
	PrevEpoch kafka.LeaderEpoch
	Watermark kafka.Offset
	LogStart  kafka.Offset // that the replicas are to move to
	Begin     bool
	Batches   []byte // whole record batches, stamped; nil for a probe; the state for Begin
}

// PushAck says that this incarnation of the follower has the log durably up to
// DurableEnd, in the leader's epoch (PROTOCOL 15). It is cumulative.
type PushAck struct {
	Partition   kafka.PartitionID
	LeaderEpoch kafka.LeaderEpoch
	BrokerEpoch kafka.BrokerEpoch
	DurableEnd  kafka.Offset
	LogStart    kafka.Offset // durable too
}

// RejectReason says why a Push was not accepted.
type RejectReason uint8

const (
	// Diverged: base or previous epoch does not match the follower's log. LastEpoch and
	// End are the follower's largest epoch at or below the probed one and where it ends
	// (KIP-279).
	Diverged RejectReason = iota + 1
	// UnknownEpoch: the follower has not applied metadata with this epoch yet. Applied
	// says how far it is. The sender tries again.
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

// Forward is a produce for one partition, sent unchanged to its leader (PROTOCOL 33). It
// is never forwarded again.
type Forward struct {
	ID          uint64 // unique per connection, never reused
	Partition   kafka.PartitionID
	LeaderEpoch kafka.LeaderEpoch // as the sender knows it; the receiver refuses any other
	Acks        kafka.Acks
	TimeoutMs   int32
	Records     RecordFacts // which the sender has read, so that the leader need not
	Batches     []byte
}

// RecordFacts are what the records of a batch say: see batch.Facts.
type RecordFacts struct {
	MaxTimestampMs int64
	OldestMs       int64
	Keyless        bool
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
