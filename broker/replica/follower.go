package replica

import (
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// Log is what a follower asks of its own log.
type Log interface {
	History
	// End is the log end offset.
	End() kafka.Offset
}

// Follower is the follower's side of one partition in one leader epoch.
type Follower struct {
	epoch  kafka.LeaderEpoch
	synced bool // the log is a prefix of the leader's
}

// NewFollower adopts an epoch: from now on nothing of an older one is
// acknowledged (PROTOCOL 21).
func NewFollower(epoch kafka.LeaderEpoch) *Follower { return &Follower{epoch: epoch} }

// Epoch is the adopted leader epoch.
func (f *Follower) Epoch() kafka.LeaderEpoch { return f.epoch }

// Synced reports whether the log is known to be a prefix of the leader's, so
// that durable ends may be acknowledged.
func (f *Follower) Synced() bool { return f.synced }

// Action is what a follower does with a push of its epoch.
type Action uint8

const (
	// Append the batches from the log end on, and acknowledge when they are durable.
	// Those below the log end came before, on an older connection.
	Append Action = iota + 1
	// Acknowledge what is durable. There is nothing to append.
	Acknowledge
	// Truncate the log to Cut, durably, then acknowledge.
	Truncate
	// Diverge: refuse with Last and End.
	Diverge
	// BeginAgain: empty the log and let it begin again at the leader's start, durably, then
	// acknowledge.
	BeginAgain
)

// Decision is the answer to a push.
type Decision struct {
	Action Action
	Cut    kafka.Offset      // Truncate
	Last   kafka.LeaderEpoch // Diverge: the follower's largest epoch at or below the probed one
	End    kafka.Offset      // Diverge: where it ends
}

// Push decides what to do with batches from base up to end, which follow a record of
// epoch prev.
func (f *Follower) Push(prev kafka.LeaderEpoch, base, end kafka.Offset, log Log) Decision {
	if f.synced && end <= log.End() {
		mark.Hit(mark.PushRepeated)
		return Decision{Action: Acknowledge} // sent again after a reconnect
	}
	if f.synced && base <= log.End() && prev == log.EpochBefore(base) {
		return Decision{Action: Append}
	}
	last := log.EpochBefore(log.End())
	return Decision{Action: Diverge, Last: last, End: log.End()}
}

// Begin decides what to do with the statement "nothing of your log is in mine, which begins
// at base, after a record of epoch prev". prev is -1 if the leader does not know it.
func (f *Follower) Begin(prev kafka.LeaderEpoch, base kafka.Offset, log Log) Decision {
	switch end := log.End(); {
	case f.synced && base <= end:
		return Decision{Action: Acknowledge} // it came again
	case base <= end && base > 0 && prev >= 0 && log.EpochBefore(base) == prev:
		// The logs have the record before base in common: compare again.
		return Decision{Action: Diverge, Last: log.EpochBefore(end), End: end}
	}
	mark.Hit(mark.FollowerBeginsAgain)
	f.synced = true
	return Decision{Action: BeginAgain, Cut: base}
}

// Probe decides what to do with the statement "in the leader's log, epoch Prev
// ends at Base".
func (f *Follower) Probe(p Probe, log Log) Decision {
	if f.synced {
		// The leader reconnected, or the probe is late and describes a shorter log than
		// the leader has now. Once the follower is synced, its log is never cut.
		return Decision{Action: Acknowledge}
	}
	last, end := log.EndOf(p.Prev)
	if last != p.Prev {
		return Decision{Action: Diverge, Last: last, End: end}
	}
	cut := min(end, p.Base)
	f.synced = true
	if cut == log.End() {
		return Decision{Action: Acknowledge}
	}
	// Records of the current epoch came from this same leader. If some lay at or after
	// the cut, the leader's log would have shrunk.
	assert.That(log.EpochBefore(log.End()) < f.epoch,
		"replica: truncation to %d would cut records of the current epoch %d", cut, f.epoch)
	mark.Hit(mark.TruncatedByEpoch)
	return Decision{Action: Truncate, Cut: cut}
}
