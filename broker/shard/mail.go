package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire/peer"
)

// The mail between a node's loops. Values are immutable once sent.

// --- control loop to shard ---

// Begin starts a shard's recovery: the data directory has been locked and verified.
type Begin struct {
	Directory peer.UUID // of the node: connections between nodes name it (PROTOCOL 4a)
	// Life names the sequence space of the node's WALs. A checkpoint that names another
	// one says nothing about their records.
	Life uint64
	// Convert says that this incarnation only empties the WAL: the mail Convert follows.
	Convert bool
}

// Convert tells a shard that has recovered to move everything from its WAL to segments, for
// another number of shards. The answer is Converted.
type Convert struct{}

// Applied hands over metadata: the image after all entries up to Image.Index(), and what has
// changed since the last image that was sent.
type Applied struct {
	Image   *meta.Image
	Changes meta.Changes
	// Caught says that the image holds the registration of this incarnation, and so all that
	// was committed before it. Partitions that it does not have may be deleted (PROTOCOL 13).
	Caught bool
}

// Ping asks for a Pong.
type Ping struct {
	Seq    uint64
	SentAt env.Instant
}

// Lease renews the lease. As long as it lasts, and in the broker epoch that it names, the node
// may claim to know the end of the logs that it leads.
type Lease struct {
	Epoch kafka.BrokerEpoch
	Until env.Instant
}

// Drain tells a shard to stop answering as leader.
type Drain struct{}

// --- shard to control loop ---

// Recovered tells the control loop that a shard has recovered, and what it has found.
type Recovered struct {
	// Suspects are the partitions that may miss acknowledged records (PROTOCOL 8); Whole are
	// the others.
	Suspects, Whole []kafka.PartitionID
	// Unnamed: damage may also have hit records that name partitions, so that the shard may
	// not know all partitions that it held.
	Unnamed bool
}

// Converted tells the control loop that no partition of the shard needs the WAL any more.
type Converted struct {
	Suspects []kafka.PartitionID // those of Recovered, and what the conversion found
}

// Pong answers a Ping.
type Pong struct {
	Seq    uint64
	SentAt env.Instant // of the ping; 0 if the shard was not asked
	// Confirmed is the index of the image that the shard acts on; 0 until it has recovered.
	Confirmed meta.Index
	// DiskDue is when the shard's disk cannot be vouched for any more: see func DiskDue.
	DiskDue env.Instant
	// Full says that the WAL has found no room on the disk, or has been at its budget for
	// long: the node should not lead.
	Full bool
	// NotOnline counts the replicas that are offline, and those with files that cannot be written
	// (availability).
	NotOnline int
	// Drained says that the shard has stopped answering as leader.
	Drained bool
}

// Call asks the control loop to run one of its operations: Propose, Applied, Barrier or
// NextProducerID of package api. The answer is a Return.
type Call struct {
	Origin   Origin
	Op       api.Op
	Deadline env.Instant
}

// --- between shards, and back from the control loop ---

// Origin names the operation of a request on the loop that runs the request.
type Origin struct {
	Loop    loop.ID
	Request uint64
	Op      int32
}

// PartitionCall asks the shard that owns a partition to run an operation on it.
type PartitionCall struct {
	Origin   Origin
	Op       api.Op
	Deadline env.Instant
	// Epoch is the leader epoch that a Produce is for: it is refused in any other. Other
	// operations have anyEpoch.
	Epoch kafka.LeaderEpoch
	// Facts are what the records of a Produce say.
	Facts batch.Facts
}

// Cancel tells the shard that owns a partition that no request waits for the long poll, or for
// the coordinator, any more.
type Cancel struct {
	Origin    Origin
	Partition kafka.PartitionID
}

// Return is the result of a Call or PartitionCall.
type Return struct {
	Origin Origin
	Result any
}

// PeerCall hands a push to the shard that owns the partition, from the shard that owns the
// connection.
type PeerCall struct {
	Via  Via
	From replicaFrom
	Push *peer.Push
}

// Via names an inbound data connection and the loop that owns it.
type Via struct {
	Loop loop.ID
	Conn uint64
}

// replicaFrom names the node that sent a push, and its incarnation.
type replicaFrom struct {
	Node  kafka.NodeID
	Epoch kafka.BrokerEpoch
}

// PeerReturn is a message to send back on an inbound data connection.
type PeerReturn struct {
	Via     Via
	Message peer.Message
}

// Newer tells a shard that a dialler has opened a connection with this generation.
type Newer struct {
	from dialler
	is   generation
}

// --- from the owner of the node ---

// StatsRequest asks a shard for its Stats.
type StatsRequest struct{}
