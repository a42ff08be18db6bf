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
	RequestTimeout time.Duration   // of requests that carry no timeout
	ConnIdle       time.Duration   // after which brokers close an idle connection
	RequestBytes   int             // the largest frame that brokers take
	FaultsOver     bool            // clients start no new work
	Deleted        map[string]bool // topics that a client asked to delete, by name
	// produces of malformed clients, which are not in the history, by broker; looked up
	// only
	Malformed map[checker.NodeID]uint64

	Judge   Judge
	Insight Insight
	// of the run, for the page about it; nil: there is none
	Recording Recording
}

// Judge is told at once what clients see that may break a promise.
type Judge interface {
	// ProduceSent and ProduceEnded are told of a produce by its index in the history.
	ProduceSent(entry int)
	ProduceEnded(entry int)
	// Produced takes a produce that has its answer, or has lost its connection.
	Produced(op *checker.Produce)
	Fetched(f checker.Fetch)
	// DeletionSent and RecordsDeleted are told of a DeleteRecords that is sent, and of one that has
	// succeeded.
	DeletionSent(d checker.Deletion)
	RecordsDeleted(d checker.Deletion)
	// ViolatedIn reports what no client may see in a partition, unless damage explains it.
	ViolatedIn(p checker.Partition, property, where, format string, args ...any)
}

// Insight is what clients must know of the inside of brokers, so that they neither report
// nor wait for what no broker promised.
type Insight interface {
	// DeposedLeader reports whether more than one node leads the partition, so that one of
	// them was replaced and does not know it yet.
	DeposedLeader(p checker.Partition) bool
	// Unclean reports whether a leader of the partition was elected uncleanly.
	Unclean(p checker.Partition) bool
	// CommittedEnd is the highest watermark that any leader of the partition had; 0 if the
	// partition does not exist.
	CommittedEnd(topic kafka.TopicID, partition int32) kafka.Offset
	// DeletedTo is the highest log start that any leader of the partition has wanted.
	DeletedTo(p checker.Partition) checker.Offset
	// Excuse says why a broker owes a client no answer since a moment; "" if nothing
	// excuses it.
	Excuse(client string, broker checker.NodeID, since env.Instant) string
	// AnswersFull reports whether a shard of a broker had all the bytes of answers that it may, at
	// any time since a moment: then requests wait until clients have read.
	AnswersFull(broker checker.NodeID, since env.Instant) bool
	// ReadsStuck reports whether reads of a broker may have waited for its disk at
	// any time since a moment.
	ReadsStuck(broker checker.NodeID, since env.Instant) bool
}

// Recording is told of the requests of clients by their indices in the history. It is
// made for the page about a run.
type Recording interface {
	RequestLeaves(i int) // request i is the next frame that the client sends
	RequestEnded(i int)
}

// Options are what the plan says about the load, the brokers and the demands.
func (l *Load) Options() *plan.Options { return &l.Plan.Workload.Options }

// pace lengthens a pause in the part of a run with little load, so that hours can be
// simulated.
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
