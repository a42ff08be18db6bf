package shard

import (
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire/peer"
)

// The mail between a node's loops. Values are immutable once sent.

// --- control loop to shard ---

// Begin starts a shard's recovery: the data directory is locked and verified.
type Begin struct {
	// Life names the sequence space of the node's WALs: checkpoints of another
	// one say nothing about this one.
	Life uint64
	// Convert says that this life only empties the WAL: see Convert.
	Convert bool
}

// Convert tells a shard that has recovered to move everything from its WAL to
// segments, for another number of shards. The answer is Converted.
type Convert struct{}

// Applied hands over metadata: the image after applying up to Image.Index(),
// and what changed since the last one.
type Applied struct {
	Image   *meta.Image
	Changes meta.Changes
	// Caught says that the image has reached the commit index learned at the
	// registration of this incarnation: partitions unknown to it may be deleted (PROTOCOL 13).
	Caught bool
}

// Ping asks for a Pong.
type Ping struct {
	Seq    uint64
	SentAt env.Instant
}

// Lease renews the lease: until then, and as this incarnation, the node may
// claim to know the end of the logs it leads.
type Lease struct {
	Epoch kafka.BrokerEpoch
	Until env.Instant
}

// Drain tells a shard to stop answering as leader.
type Drain struct{}

// --- shard to control loop ---

// Recovered tells that a shard's log has been replayed.
type Recovered struct {
	// Suspects are partitions that may lack acknowledged records, after damage
	// to the log (PROTOCOL 8); Whole are the others.
	Suspects, Whole []kafka.PartitionID
	// Unnamed: damage may also have hit records that named partitions, so that this
	// shard does not know all that it held.
	Unnamed bool
}

// Converted tells that no partition needs the WAL any more.
type Converted struct {
	Suspects []kafka.PartitionID // those of Recovered, and what the conversion found
}

// Pong answers a Ping.
type Pong struct {
	Seq    uint64
	SentAt env.Instant // of the ping; 0 if the shard speaks on its own account
	// Confirmed is the index of the image that the shard acts on.
	Confirmed meta.Index
	// DiskAge is the age of the shard's oldest unfinished disk operation.
	DiskAge time.Duration
	// Full says that the disk has no room: the node should not lead.
	Full bool
	// Drained says that the shard has stopped answering as leader.
	Drained bool
}

// Call asks the control loop to run an operation of package api that is its:
// Propose, Applied, Barrier, NextProducerID. The answer is a Return.
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
	// Epoch is the leader epoch a forwarded Produce was sent for; -1 if it was
	// not forwarded.
	Epoch kafka.LeaderEpoch
}

// Cancel tells the owner that nobody waits for the operation any more.
type Cancel struct {
	Origin    Origin
	Partition kafka.PartitionID
}

// Return is the result of a Call or PartitionCall.
type Return struct {
	Origin Origin
	Result any
}

// PeerCall hands a push that arrived on another shard's connection to the
// shard that owns the partition.
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

// replicaFrom is the sender of a peer message.
type replicaFrom struct {
	Node  kafka.NodeID
	Epoch kafka.BrokerEpoch
}

// PeerReturn is a message to send back on an inbound data connection.
type PeerReturn struct {
	Via     Via
	Message peer.Message
}

// Newer tells a shard that a dialler has opened a connection of a generation.
type Newer struct {
	from dialler
	is   generation
}

// StatsRequest asks a shard, or the control loop, for its counters.
type StatsRequest struct{}
