package history

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/checker"
)

// How machines, topics and partitions are called in worlds and histories.

// BrokerName is the name of a broker's machine.
func BrokerName(id kafka.NodeID) string { return fmt.Sprintf("b%d", id) }

// KafkaAddr is where a broker of the world listens for clients.
func KafkaAddr(name string) string { return name + ":9092" }

// NodeOf is the id of the broker that listens at an address: brokers are
// named b1, b2, ...
func NodeOf(addr string) checker.NodeID {
	n := 0
	for _, d := range addr[1:] {
		if d == ':' {
			break
		}
		n = n*10 + int(d-'0')
	}
	return checker.NodeID(n)
}

// TopicText is a topic in a history, which tells topics of one name apart.
func TopicText(id [16]byte) string { return hex.EncodeToString(id[:]) }

// PartitionText is a partition in a history, as text.
func PartitionText(id kafka.PartitionID) string { return Partition(id).String() }

// Partition is a partition in a history.
func Partition(id kafka.PartitionID) checker.Partition {
	return checker.Partition{Topic: TopicText(id.Topic), Index: id.Partition}
}

// PartitionID is the inverse of checkerPartition.
func PartitionID(p checker.Partition) (id kafka.PartitionID) {
	raw, err := hex.DecodeString(p.Topic)
	if err != nil || len(raw) != len(id.Topic) {
		panic("sim: topic " + p.Topic + " is no id")
	}
	copy(id.Topic[:], raw)
	id.Partition = p.Index
	return id
}

// ValueOf is the value of a test record.
func ValueOf(value []byte) checker.Value {
	if len(value) < 8 {
		return 0
	}
	return checker.Value(binary.BigEndian.Uint64(value))
}

// ValuesOf are the values of a batch's records.
func ValuesOf(b batch.Batch) []checker.Value {
	values := make([]checker.Value, 0, b.Count())
	it := b.Records(1 << 20)
	for it.Next() {
		values = append(values, ValueOf(it.Record.Value))
	}
	return values
}
