package kafka

import (
	"fmt"
	"slices"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	properties "example.com/lockstep/sim/property"
)

// The cluster is the Judge and the Insight of its clients: it judges what they see, and it
// knows what they must know of the brokers.

func (c *cluster) ProduceSent(entry int) { c.pauses.Began(entry) }

func (c *cluster) ProduceEnded(entry int) { c.pauses.Ended(entry) }

func (c *cluster) Produced(op *checker.Produce) {
	c.judgeNow(c.watch.Produced(*op))
	if op.Outcome == checker.Acked {
		c.acknowledged(op)
	}
}

func (c *cluster) Fetched(f checker.Fetch) { c.judgeNow(c.watch.Fetched(f)) }

// afterLoss are the properties that do not hold for a client after an unclean election has lost
// records that it wrote or read.
var afterLoss = []string{properties.PositionInLog, properties.ConsumedStays,
	properties.RepeatRecognised, properties.RetryRecognised}

func (c *cluster) ViolatedIn(p checker.Partition, property, where, format string, args ...any) {
	if !c.watch.Explains(p) && !(c.watch.Unclean(p) && slices.Contains(afterLoss, property)) {
		c.World.Violated(property, where, format, args...)
	}
}

func (c *cluster) DeposedLeader(p checker.Partition) bool {
	leaders := 0
	for _, name := range c.Brokers {
		if t := c.facts.replica(kafka.NodeID(history.NodeOf(name)),
			history.PartitionID(p)); t != nil && t.state.Leading {
			leaders++
		}
	}
	return leaders > 1
}

func (c *cluster) CommittedEnd(topic kafka.TopicID, partition int32) kafka.Offset {
	id := kafka.PartitionID{Topic: topic, Partition: partition}
	if !c.facts.exists(id) {
		return 0
	}
	if c.watch.Unclean(history.Partition(id)) {
		reg := c.NewestImage().Partition(id)
		if t := c.facts.replica(reg.Leader, id); t != nil {
			return t.state.Watermark
		}
	}
	return c.facts.top[id]
}

// DeletedTo implements client.Insight.
func (c *cluster) DeletedTo(p checker.Partition) checker.Offset { return c.watch.DeletedTo(p) }

// RecordsDeleted implements client.Judge: when a DeleteRecords is answered, the log start of every
// in-sync replica is durable.
func (c *cluster) RecordsDeleted(d checker.Deletion) {
	id := history.PartitionID(d.Partition)
	if !c.facts.exists(id) || c.watch.Unclean(d.Partition) || c.watch.Explains(d.Partition) {
		return
	}
	for _, n := range c.NewestImage().Partition(id).ISR {
		t := c.facts.replicas[replicaKey{n, id}]
		if t != nil && !t.gone && !t.left && checker.Offset(t.state.LogStart) < d.Low {
			c.violatedAs(properties.DeletionDurable, &checker.Violation{
				Property: "P4", Anomaly: checker.DeletedTooEarly, Partition: d.Partition,
				Evidence: []checker.Line{{At: d.Call, Text: d.String()}},
				Sentence: fmt.Sprintf("a DeleteRecords was answered with low watermark %d, but "+
					"the log of in-sync node %d begins at %d", d.Low, n, t.state.LogStart),
			}, 0)
		}
	}
}

// DeletionSent implements client.Judge.
func (c *cluster) DeletionSent(d checker.Deletion) { c.watch.Deletion(d) }

// Unclean implements client.Insight.
func (c *cluster) Unclean(p checker.Partition) bool { return c.watch.Unclean(p) }

// Excuse returns what excuses a broker: a fault, or that its process was down or has
// started since.
func (c *cluster) Excuse(client string, broker checker.NodeID, since env.Instant) string {
	name := history.BrokerName(kafka.NodeID(broker))
	if why := c.circumstances.Excuse(client, name, since); why != "" {
		return why
	}
	if !c.World.Node(name).Up() || c.facts.startedSince(name, since) {
		return name + " was down"
	}
	return ""
}

func (c *cluster) AnswersFull(broker checker.NodeID, since env.Instant) bool {
	at, full := c.facts.answersFull[history.BrokerName(kafka.NodeID(broker))]
	return full && at >= since
}

func (c *cluster) ReadsStuck(broker checker.NodeID, since env.Instant) bool {
	return c.circumstances.ReadsStuck(history.BrokerName(kafka.NodeID(broker)), since)
}

// unexplained reports violations in a partition, unless damage in the history explains
// them.
type unexplained struct {
	cluster   *cluster
	partition checker.Partition
}

// Violated implements Reporter.
func (u unexplained) Violated(property, where, format string, args ...any) {
	u.cluster.ViolatedIn(u.partition, property, where, format, args...)
}
