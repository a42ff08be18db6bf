package client

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// Load is what the clients of a run share.
type Load struct {
	Plan           *plan.Plan
	World          *world.World // nil: no node has started
	Rec            *history.Recorder
	Brokers        []string // names: b1, b2, ...
	Topics         []string // of the workload
	Clients        []*Client
	RequestTimeout time.Duration   // of requests that carry none
	FaultsOver     bool            // the faults are over: no new work
	Deleted        map[string]bool // topic names whose deletion was asked
	// produces to partitions that no history has; looked up only
	Malformed map[checker.NodeID]uint64

	Judge   Judge
	Insight Insight
	Tape    Tape // nil: nobody takes the run down
}

// Judge hears at once of what clients see that may break a promise.
type Judge interface {
	// ProduceSent and ProduceEnded tell of a produce by its index in the history.
	ProduceSent(record int)
	ProduceEnded(record int)
	// Produced takes the answer, or the loss, of a produce.
	Produced(op *checker.Produce)
	Fetched(f checker.Fetch)
	// ViolatedIn reports what nobody may see in a partition that has lost nothing.
	ViolatedIn(p checker.Partition, property, where, format string, args ...any)
}

// Insight is what clients must know of the brokers' insides, so that they neither
// accuse nor wait for what nobody promised.
type Insight interface {
	// DeposedLeader reports whether a node leads the partition in an epoch that is
	// not the newest one led: it has not heard of its successor.
	DeposedLeader(p checker.Partition) bool
	// CommittedEnd is the highest watermark that any leader of the partition had;
	// 0 if the partition does not exist any more.
	CommittedEnd(topic kafka.TopicID, partition int32) kafka.Offset
	// Excuse says why nothing can be asked of an answer from a broker to a client
	// since a moment; "" if nothing excuses it.
	Excuse(client string, broker checker.NodeID, since env.Instant) string
	// ReadsStuck reports whether reads of a broker may have waited for its disk at
	// any time since a moment.
	ReadsStuck(broker checker.NodeID, since env.Instant) bool
}

// Tape hears of the requests of clients, by their index in the history.
type Tape interface {
	RequestLeaves(i int) // with the next frame
	RequestEnded(i int)
}

// Options are what the plan says of the load, the brokers and the demands.
func (l *Load) Options() *plan.Options { return &l.Plan.Workload.Options }

// pace stretches a pause in the part of a run in which the plan wants little
// load, so that hours can be simulated.
func (l *Load) pace(d time.Duration) time.Duration {
	from, until := l.Options().SlowFromMs.Or(-1), l.Options().SlowUntilMs.Or(-1)
	if now := int64(l.World.Now()) / int64(time.Millisecond); from >= 0 && now >= from &&
		now < until {
		slow := time.Duration(l.Options().SlowEveryMs.Or(5000)) * time.Millisecond
		left := time.Duration(until-now) * time.Millisecond
		return max(d, min(slow, left))
	}
	return d
}

// OutsideOfLoops implements Outside.
func (*Load) OutsideOfLoops() {}
