package looptest

import (
	"fmt"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// Diff prints what has changed in a newer image, a line for each broker and partition.
func (c *Cluster) Diff(old, now *meta.Image) (lines []string) {
	for _, b := range now.Brokers() {
		before, after := brokerState(old.Broker(b.ID)), brokerState(b)
		if before != after {
			lines = append(lines, fmt.Sprintf("node %d: %s", b.ID, after))
		}
	}
	ids := partitionsOf(now)
	for _, id := range partitionsOf(old) {
		if now.Partition(id) == nil {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		before, after := Registration(old.Partition(id)), Registration(now.Partition(id))
		if before != after {
			lines = append(lines, fmt.Sprintf("%s: %s", c.Partition(id), after))
		}
	}
	return lines
}

func partitionsOf(image *meta.Image) (ids []kafka.PartitionID) {
	image.Topics(func(t *meta.Topic) bool {
		for i := range t.Partitions {
			ids = append(ids, kafka.PartitionID{Topic: t.ID, Partition: int32(i)})
		}
		return true
	})
	return ids
}

func brokerState(b *meta.Broker) string {
	if b == nil {
		return "unknown"
	}
	state := "unfenced"
	if b.Fenced {
		state = "fenced"
	}
	if b.Draining {
		state += ", draining"
	}
	if b.Full {
		state += ", full"
	}
	return fmt.Sprintf("%s, broker epoch %d", state, b.Epoch)
}

// Learn takes the names of topics from an image that this cluster has not made.
func (c *Cluster) Learn(image *meta.Image) {
	image.Topics(func(t *meta.Topic) bool {
		c.name(t.ID, t.Name)
		return true
	})
	c.Image, c.index = image, max(c.index, image.Index())
}

// Registrations prints all partitions.
func (c *Cluster) Registrations() (lines []string) {
	for _, id := range partitionsOf(c.Image) {
		registration := Registration(c.Image.Partition(id))
		lines = append(lines, fmt.Sprintf("%s: %s", c.Partition(id), registration))
	}
	return lines
}
