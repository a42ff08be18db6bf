// Package kafka holds Kafka's nouns as distinct types, so that the core cannot mix them up, and
// Kafka's error codes.
package kafka

import "encoding/hex"

// NodeID is a broker id, and equal to its Raft id. A node of Lockstep has an id of at least 1.
type NodeID int32

// NoNode means that there is no broker (no leader).
const NoNode NodeID = -1

// Offset is the position of a record in a partition.
type Offset int64

// LeaderEpoch grows with every change of a partition's leader, and with every new incarnation of
// the leader (PROTOCOL 3).
type LeaderEpoch int32

// PartitionEpoch grows with every change of a partition's registration, also of its ISR. A change
// of the ISR is a compare-and-set on it.
type PartitionEpoch int32

// BrokerEpoch is the Raft index at which a broker's incarnation was registered (PROTOCOL 2). 0
// means not registered.
type BrokerEpoch int64

// TopicID is a topic's UUID. The zero value means none.
type TopicID [16]byte

// String returns the 32 hex digits.
func (t TopicID) String() string { return hex.EncodeToString(t[:]) }

// PartitionID identifies a partition wherever it is stored or sent (PROTOCOL 1). A topic name may
// be used again, a topic id is not.
type PartitionID struct {
	Topic     TopicID
	Partition int32
}

// ProducerID identifies an idempotent producer. -1 means none.
type ProducerID int64

// ProducerEpoch counts the incarnations of an idempotent producer.
type ProducerEpoch int16

// Acks is the acks field of Produce.
type Acks int16

const (
	AcksAll    Acks = -1
	AcksNone   Acks = 0
	AcksLeader Acks = 1
)

// ErrorCode is an error code of the Kafka protocol. Code 0 is success, and no error has it.
type ErrorCode int16
