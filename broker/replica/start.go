package replica

import (
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// The log start of a partition, as its leader moves it. The members of the ISR move first, and
// the leader moves when all of them have, durably: so every replica that may be elected is at
// least where the leader has been, and the start that clients see never goes back. A new leader
// may be further than the members are. It shows its start when they have come as far.

// WantStart asks the replicas to move the log start to the given offset, which is committed.
// It reports whether that is news.
func (l *Leader) WantStart(to kafka.Offset) bool {
	assert.That(to <= l.watermark, "replica: log start %d above the watermark %d", to, l.watermark)
	if to <= l.wanted {
		return false
	}
	l.wanted = to
	return true
}

// WantedStart is the log start that the followers are asked to move to.
func (l *Leader) WantedStart() kafka.Offset { return l.wanted }

// StartDue is where this node's own log start may move to; false if it may not move. Like the
// watermark, it stands still while the ISR is smaller than min.insync.replicas, because then
// replicas outside it may be elected (PROTOCOL 18).
func (l *Leader) StartDue() (to kafka.Offset, due bool) {
	if !l.EnoughReplicas() || !l.inISR(l.self) {
		return 0, false
	}
	to = min(l.wanted, l.lowStart())
	return to, to > l.logStart
}

// StartMoved says that this node's log start is durable at the given offset.
func (l *Leader) StartMoved(to kafka.Offset) {
	assert.That(to >= l.logStart, "replica: log start back from %d to %d", l.logStart, to)
	l.logStart, l.wanted = to, max(l.wanted, to)
	l.confirmStart()
}

// StartConfirmed reports whether clients may see the log start: no replica that could be
// elected is behind it. Once it is so, it stays so, since the start moves by StartDue only.
func (l *Leader) StartConfirmed() bool { return l.confirmed || l.logStart == 0 }

func (l *Leader) confirmStart() {
	if !l.confirmed && l.EnoughReplicas() && l.inISR(l.self) {
		l.confirmed = l.lowStart() >= l.logStart
		mark.HitIf(!l.confirmed, mark.StartNotConfirmed)
	}
}

// lowStart is the lowest log start of the followers that may be in the ISR (PROTOCOL 16); the
// wanted one if there are none.
func (l *Leader) lowStart() kafka.Offset {
	low := l.wanted
	for _, f := range l.followers {
		if l.inISR(f.member.Node) || l.change.mayAdd(f.member) {
			low = min(low, f.logStart)
		}
	}
	return low
}

// LowWatermark is the lowest log start of the replicas that live: of this one, of the members
// of the ISR, and of those that are not fenced. DeleteRecords waits for it, as in Kafka.
func (l *Leader) LowWatermark() kafka.Offset {
	low := min(l.logStart, l.lowStart())
	for _, f := range l.followers {
		if !l.fenced(f.member.Node) {
			low = min(low, f.logStart)
		}
	}
	return low
}

// BehindStart returns a follower for which LowWatermark is below the given offset, if there is
// one.
func (l *Leader) BehindStart(start kafka.Offset) (node kafka.NodeID, behind bool) {
	for _, f := range l.followers {
		counts := l.inISR(f.member.Node) || !l.fenced(f.member.Node)
		if counts && f.logStart < start {
			return f.member.Node, true
		}
	}
	return kafka.NoNode, false
}
