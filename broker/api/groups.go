package api

import (
	"fmt"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire"
)

// groupsMax is how many groups one request may name. With more it is malformed: an answer takes
// much more memory than a name takes in the request.
const groupsMax = 10_000

// boundGroups refuses a request that names so many groups.
func boundGroups(n int) error {
	if n > groupsMax {
		return fmt.Errorf("%w: %d groups, at most %d are served", wire.ErrMalformed, n, groupsMax)
	}
	return nil
}

// groupPartition is the partition of __consumer_offsets that holds a group; nil if there is no such
// topic.
func groupPartition(c Context, group string) *meta.Partition {
	id, ok := groupPartitionID(c, group)
	if !ok {
		return nil
	}
	return c.Image().Partition(id)
}

// groupPartitionID is the name of that partition; false if there is no topic.
func groupPartitionID(c Context, group string) (id kafka.PartitionID, ok bool) {
	t := c.Image().Topic(meta.OffsetsTopic)
	if t == nil {
		return id, false
	}
	return kafka.PartitionID{
		Topic: t.ID, Partition: meta.CoordinatorPartition(group, len(t.Partitions)),
	}, true
}
