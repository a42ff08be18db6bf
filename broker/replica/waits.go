package replica

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
)

// Laggard describes a follower that lacks records or is not in the ISR. It is for stall
// reports.
type Laggard struct {
	Node    kafka.NodeID
	Durable kafka.Offset
	End     kafka.Offset // of the leader's log
	// Counts says that the watermark waits for it, InISR that it is in the ISR.
	Counts, InISR bool
	Connected     bool
	Probing       bool        // a probe will be sent, at RetryAt at the earliest
	Probed        bool        // a probe was sent, and will be sent again at RetryAt
	RetryAt       env.Instant // of a probe
	InFlight      int         // pushes that are not acknowledged
	Since         env.Instant // when it fell behind; env.Never if it has everything
}

// Laggards yields the followers that lack records or are not in the ISR, by node.
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

// NextTry is the earliest time at which the next ISR change is proposed, after one that
// was refused or has no verdict.
func (l *Leader) NextTry() env.Instant { return l.change.retryAt }
