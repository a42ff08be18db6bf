package meta

import "slices"

// InternalTopic reports whether a topic belongs to the brokers' own coordinators, by its name, as
// in Kafka. Clients may not write to it.
func InternalTopic(name string) bool {
	return name == "__consumer_offsets" || name == "__transaction_state" ||
		name == "__share_group_state"
}

// Compacts reports whether a value of cleanup.policy asks for compaction.
func Compacts(policy string) bool { return slices.Contains(splitList(policy), "compact") }
