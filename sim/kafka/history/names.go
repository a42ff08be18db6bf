package history

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/checker"
)

// How machines, topics and partitions are named in worlds and histories.

// BrokerName is the name of a broker's machine.
func BrokerName(id kafka.NodeID) string { return fmt.Sprintf("b%d", id) }

// KafkaAddr is where the broker on a machine listens for clients.
func KafkaAddr(name string) string { return name + ":9092" }

// NodeOf is the id of the broker on a machine, given the name of the machine (b1, b2, ...)
// or an address there.
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

// TopicText is a topic in a history. The id distinguishes topics of the same name.
func TopicText(id [16]byte) string { return hex.EncodeToString(id[:]) }

// PartitionText is a partition in a history, as text.
func PartitionText(id kafka.PartitionID) string { return Partition(id).String() }

// Partition is a partition in a history.
func Partition(id kafka.PartitionID) checker.Partition {
	return checker.Partition{Topic: TopicText(id.Topic), Index: id.Partition}
}

// PartitionID is the inverse of Partition.
func PartitionID(p checker.Partition) (id kafka.PartitionID) {
	raw, err := hex.DecodeString(p.Topic)
	if err != nil || len(raw) != len(id.Topic) {
		panic("sim: topic " + p.Topic + " is not an id in hex")
	}
	copy(id.Topic[:], raw)
	id.Partition = p.Index
	return id
}

// ValueOf is the value of a test record: its first eight bytes.
func ValueOf(value []byte) checker.Value {
	if len(value) < 8 {
		return 0
	}
	return checker.Value(binary.BigEndian.Uint64(value))
}

// ValuesOf are the values of the test records in a batch.
func ValuesOf(b batch.Batch) []checker.Value {
	values := make([]checker.Value, 0, b.Count())
	it := b.Records(1 << 20)
	for it.Next() {
		values = append(values, ValueOf(it.Record.Value))
	}
	return values
}
