package meta

import (
	"slices"
	"strconv"
	"unicode/utf16"
)

// OffsetsTopic is the log of consumer groups: their committed offsets, their members.
const OffsetsTopic = "__consumer_offsets"

// InternalTopic reports whether a topic belongs to the brokers' own coordinators, by its name, as
// in Kafka. Clients may not write to it.
func InternalTopic(name string) bool {
	return name == OffsetsTopic || name == "__transaction_state" || name == "__share_group_state"
}

// CoordinatorPartition is the partition of an internal topic that holds what belongs to a key, for
// example to the name of a group. It is Kafka's: the hash of Java's String.hashCode, which is made
// of UTF-16 code units.
func CoordinatorPartition(key string, partitions int) int32 {
	var hash int32
	for _, unit := range utf16.Encode([]rune(key)) {
		hash = 31*hash + int32(unit)
	}
	if hash < 0 {
		hash = max(0, -hash) // -hash is negative for the least number; Kafka takes 0 for it
	}
	return hash % int32(partitions)
}

// NewOffsetsTopic is the topic of groups as brokers create it: with the settings of the cluster.
func (img *Image) NewOffsetsTopic() NewTopic {
	return NewTopic{
		Name:              OffsetsTopic,
		Partitions:        int32(img.ClusterInt("offsets.topic.num.partitions")),
		ReplicationFactor: int16(img.ClusterInt("offsets.topic.replication.factor")),
		Configs: Configs{
			{"cleanup.policy", "compact"},
			{"compression.type", "producer"},
			{"segment.bytes", img.ClusterConfig("offsets.topic.segment.bytes")},
		},
	}
}

// ClusterInt is the effective value of a numeric key for the cluster. Values were validated when
// they were set.
func (img *Image) ClusterInt(name string) int64 {
	n, err := strconv.ParseInt(img.ClusterConfig(name), 10, 64)
	if err != nil {
		panic("meta: configuration " + name + ": " + err.Error())
	}
	return n
}

// Compacts reports whether a value of cleanup.policy asks for compaction.
func Compacts(policy string) bool { return slices.Contains(splitList(policy), "compact") }
