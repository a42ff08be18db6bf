package replica

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
)

// Laggard is a follower that lacks something, or that is not in the in-sync set:
// what a stall report says of it.
type Laggard struct {
	Node    kafka.NodeID
	Durable kafka.Offset
	End     kafka.Offset // of the leader's log
	// Counts says that the watermark waits for it; InISR that the set has it.
	Counts, InISR bool
	Connected     bool
	Probing       bool        // a probe is to be sent, at RetryAt at the earliest
	Probed        bool        // one was sent, and will be again at RetryAt
	RetryAt       env.Instant // of a probe
	InFlight      int         // pushes that are not acknowledged
	Since         env.Instant // when it fell behind; env.Never if it has everything
}

// Laggards yields the followers that lack something or are not in sync, by node.
func (l *Leader) Laggards(yield func(Laggard)) {
	for _, f := range l.followers {
		in := l.inISR(f.member.Node)
		if in && f.durable >= l.end {
			continue
		}
		yield(Laggard{
			Node: f.member.Node, Durable: f.durable, End: l.end, InISR: in,
			Counts:    f.durable < l.end && (in || l.change.mayAdd(f.member)),
			Connected: f.state != disconnected, Probing: f.state == probing,
			Probed: f.state == probed, RetryAt: f.retryAt, InFlight: len(f.inflight),
			Since: f.waitingSince,
		})
	}
}

// NextTry is when an in-sync set without a verdict, or refused, is proposed again
// at the earliest.
func (l *Leader) NextTry() env.Instant { return l.change.retryAt }
