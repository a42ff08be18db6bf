package sim

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/checker"
)

// load is what the clients of a run share.
type load struct {
	plan           *Plan
	world          *World // nil: no node has started
	rec            *recorder
	brokers        []string // names: b1, b2, ...
	topics         []string // of the workload
	clients        []*kafkaClient
	requestTimeout time.Duration             // of requests that carry none
	healed         bool                      // the faults are over: no new work
	deleted        map[string]bool           // topic names whose deletion was asked
	malformed      map[checker.NodeID]uint64 // produces to partitions that no history has; looked up only

	judge   judge
	insight insight
	tape    requestTape // nil: nobody takes the run down
}

// judge hears at once of what clients see that may break a promise.
type judge interface {
	// produceSent and produceEnded tell of a produce by its index in the history.
	produceSent(record int)
	produceEnded(record int)
	// produced takes the answer, or the loss, of a produce.
	produced(op *checker.Produce)
	fetched(f checker.Fetch)
	// violatedIn reports what nobody may see in a partition that has lost nothing.
	violatedIn(p checker.Partition, property, where, format string, args ...any)
}

// insight is what clients must know of the brokers' insides, so that they neither
// accuse nor wait for what nobody promised.
type insight interface {
	// deposedLeader reports whether a node leads the partition in an epoch that is
	// not the newest one led: it has not heard of its successor.
	deposedLeader(p checker.Partition) bool
	// committedEnd is the highest watermark that any leader of the partition had;
	// 0 if the partition does not exist any more.
	committedEnd(topic kafka.TopicID, partition int32) kafka.Offset
	// excuse says why nothing can be asked of an answer from a broker to a client
	// since a moment; "" if nothing excuses it.
	excuse(client string, broker checker.NodeID, since env.Instant) string
	// readsStuck reports whether reads of a broker may have waited for its disk at
	// any time since a moment.
	readsStuck(broker checker.NodeID, since env.Instant) bool
}

// requestTape hears of the requests of clients, by their index in the history.
type requestTape interface {
	RequestLeaves(i int) // with the next frame
	RequestEnded(i int)
}

// options are what the plan says of the load, the brokers and the demands.
func (c *load) options() *WorkloadOptions { return &c.plan.Workload.Options }

// pace stretches a pause in the part of a run in which the plan wants little
// load, so that hours can be simulated.
func (c *load) pace(d time.Duration) time.Duration {
	from, until := c.options().SlowFromMs.Or(-1), c.options().SlowUntilMs.Or(-1)
	if now := int64(c.world.Now()) / int64(time.Millisecond); from >= 0 && now >= from && now < until {
		slow := time.Duration(c.options().SlowEveryMs.Or(5000)) * time.Millisecond
		left := time.Duration(until-now) * time.Millisecond
		return max(d, min(slow, left))
	}
	return d
}

// OutsideOfLoops implements Outside.
func (*load) OutsideOfLoops() {}
