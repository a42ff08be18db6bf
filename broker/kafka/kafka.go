// Package kafka holds the nouns of Kafka that the core speaks in, as distinct
// types so that they cannot be mixed, and its error codes.
package kafka

import "encoding/hex"

// NodeID is a broker id, equal to its Raft id; >= 1 for our own nodes.
type NodeID int32

// NoNode stands where no broker is meant (no leader).
const NoNode NodeID = -1

// Offset is the position of a record in a partition.
type Offset int64

// LeaderEpoch is bumped on every change of a partition's leader and of that
// leader's incarnation (PROTOCOL 3).
type LeaderEpoch int32

// PartitionEpoch is bumped on every change of a partition's registration, ISR
// changes included; the compare-and-set of ISR changes compares it.
type PartitionEpoch int32

// BrokerEpoch is the Raft index of the registration of a broker's incarnation
// (PROTOCOL 2). 0 means not registered.
type BrokerEpoch int64

// TopicID is a topic's UUID. The zero value means none.
type TopicID [16]byte

// String returns the 32 hex digits.
func (t TopicID) String() string { return hex.EncodeToString(t[:]) }

// PartitionID identifies a partition wherever it is durable or remote
// (PROTOCOL 1): topic names may be reused, topic ids are not.
type PartitionID struct {
	Topic     TopicID
	Partition int32
}

// ProducerID identifies an idempotent producer; -1 for none.
type ProducerID int64

// ProducerEpoch is the incarnation of an idempotent producer.
type ProducerEpoch int16

// Acks is the acks field of Produce.
type Acks int16

const (
	AcksAll    Acks = -1
	AcksNone   Acks = 0
	AcksLeader Acks = 1
)

// ErrorCode is an error code of the Kafka protocol. Code 0 is success and is
// never used for an error.
type ErrorCode int16
