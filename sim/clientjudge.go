package sim

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/checker"
)

// What clients tell, and what they may know.

func (c *cluster) produceSent(record int) { c.pauses.began(record) }

func (c *cluster) produceEnded(record int) { c.pauses.ended(record) }

func (c *cluster) produced(op *checker.Produce) {
	c.judgeNow(c.watch.Produced(*op))
	if op.Outcome == checker.Acked {
		c.acknowledged(op)
	}
}

func (c *cluster) fetched(f checker.Fetch) { c.judgeNow(c.watch.Fetched(f)) }

func (c *cluster) violatedIn(p checker.Partition, property, where, format string, args ...any) {
	if !c.watch.Explains(p) {
		c.world.Violated(property, where, format, args...)
	}
}

func (c *cluster) deposedLeader(p checker.Partition) bool {
	leaders := 0
	for _, name := range c.brokers {
		if t := c.facts.replica(kafka.NodeID(nodeOfAddr(name)), partitionOf(p)); t != nil && t.state.Leading {
			leaders++
		}
	}
	return leaders > 1
}

func (c *cluster) committedEnd(topic kafka.TopicID, partition int32) kafka.Offset {
	id := kafka.PartitionID{Topic: topic, Partition: partition}
	if !c.facts.exists(id) {
		return 0
	}
	return c.facts.top[id]
}

// excuse adds what was seen inside to what the faults excuse.
func (c *cluster) excuse(client string, broker checker.NodeID, since env.Instant) string {
	name := brokerName(kafka.NodeID(broker))
	if why := c.circumstances.excuse(client, name, since); why != "" {
		return why
	}
	if !c.world.Node(name).Up() || c.facts.startedSince(name, since) {
		return name + " was down"
	}
	return ""
}

func (c *cluster) readsStuck(broker checker.NodeID, since env.Instant) bool {
	return c.circumstances.readsStuck(brokerName(kafka.NodeID(broker)), since)
}

// unexplained reports what nobody may see in a partition that has lost nothing.
type unexplained struct {
	cluster   *cluster
	partition checker.Partition
}

// Violated implements Reporter.
func (u unexplained) Violated(property, where, format string, args ...any) {
	u.cluster.violatedIn(u.partition, property, where, format, args...)
}
