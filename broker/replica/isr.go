package replica

import (
	"slices"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// Proposal is an ISR change to ask the controller for: a compare-and-set on the
// partition epoch, naming the incarnation of every member (PROTOCOL 17). If it lacks
// the leader itself, that one steps down (meta.AlterPartition).
type Proposal struct {
	LeaderEpoch    kafka.LeaderEpoch
	PartitionEpoch kafka.PartitionEpoch
	ISR            []Member // sorted by node
	adds           []Member
	seq            uint64
}

// change is what was proposed on the present partition epoch. An addition stays
// until every proposal that carried it was definitely refused, or the partition
// epoch has moved on: until then it may have been committed.
type change struct {
	seq     uint64 // of the latest proposal
	retryAt env.Instant
	asked   env.Instant // when NextChange was called last
	adds    []addition
}

type addition struct {
	member     Member
	unresolved int // proposals that carried it and were not refused
}

func (c *change) mayAdd(m Member) bool {
	return slices.ContainsFunc(c.adds, func(a addition) bool { return a.member == m })
}

func (c *change) count(m Member, delta int) {
	i := slices.IndexFunc(c.adds, func(a addition) bool { return a.member == m })
	if i < 0 {
		i, c.adds = len(c.adds), append(c.adds, addition{member: m})
	}
	if c.adds[i].unresolved += delta; c.adds[i].unresolved == 0 {
		c.adds = slices.Delete(c.adds, i, i+1)
	}
}

// NextChange returns the ISR change to propose now, if any. The shard sends it
// and reports ChangeRefused if it is definitely refused; acceptance is seen by
// Update, and nothing else. An addition that was proposed, has no verdict and
// is not wanted any more is undone by proposing the ISR as it stands: that moves
// the partition epoch, so that the old proposal can't be applied after it.
//
// A leader with a damaged log steps down: it asks for the ISR without itself, and
// for nothing else. What the others lack it may be unable to send, so that they look
// late by its own fault. If it had them removed for that it would be the whole ISR,
// and go on to commit what no other replica has and it can't read (rotten-segments
// 300558). They hold all that is committed. If it is alone it stays, as the last to
// have what can still be read, until another one has joined.
func (l *Leader) NextChange(now env.Instant) (Proposal, bool) {
	l.change.asked = now
	if !l.inISR(l.self) || now < l.change.retryAt {
		return Proposal{}, false
	}
	p := Proposal{LeaderEpoch: l.reg.LeaderEpoch, PartitionEpoch: l.reg.PartitionEpoch}
	stepsDown := l.damaged && len(l.reg.ISR) > 1
	mark.HitIf(stepsDown, mark.LeaderStepsDown)
	changed := stepsDown
	for _, m := range l.reg.Replicas {
		f := l.follower(m.Node)
		switch {
		case stepsDown:
			if m.Node != l.self && l.inISR(m.Node) {
				p.ISR = append(p.ISR, m)
			}
		case m.Node == l.self:
			p.ISR = append(p.ISR, m)
		case l.inISR(m.Node) && l.late(f, now):
			mark.Hit(mark.ISRShrinkWanted)
			changed = true
		case l.inISR(m.Node):
			p.ISR = append(p.ISR, m)
		case l.mayJoin(f) && !l.late(f, now):
			mark.Hit(mark.ISRExpansionWanted)
			p.ISR, p.adds, changed = append(p.ISR, m), append(p.adds, m), true
		case l.change.mayAdd(m):
			mark.Hit(mark.ISRAdditionUndone)
			changed = true
		}
	}
	if !changed {
		return Proposal{}, false
	}
	slices.SortFunc(p.ISR, func(a, b Member) int { return int(a.Node) - int(b.Node) })
	l.change.seq++
	p.seq = l.change.seq
	l.change.retryAt = now.Add(l.cfg.ProposalTimeout)
	for _, m := range p.adds {
		l.change.count(m, 1)
	}
	return p, true
}

// ChangeRefused tells that proposal p was refused for certain: by a verdict, or
// because it was never proposed. The next one is made at retryAt at the
// earliest. It reports whether the watermark moved, since p's additions may no
// longer hold it. A timeout is no refusal: do not call this then.
func (l *Leader) ChangeRefused(p Proposal, retryAt env.Instant) bool {
	if p.LeaderEpoch != l.reg.LeaderEpoch || p.PartitionEpoch != l.reg.PartitionEpoch {
		return false // decided by Update
	}
	for _, m := range p.adds {
		l.change.count(m, -1)
	}
	if p.seq == l.change.seq {
		l.change.retryAt = retryAt
	}
	return l.advance()
}

// NextCheck is when the shard should ask NextChange again without an event.
func (l *Leader) NextCheck() env.Instant {
	next := env.Never
	if l.change.retryAt > l.change.asked {
		next = l.change.retryAt // whatever was refused, or has no verdict, may be wanted again
	}
	for _, f := range l.followers {
		if l.inISR(f.member.Node) && f.waitingSince != env.Never {
			lateAt := min(f.waitingSince.Add(l.cfg.AckTimeout), f.caughtUpAt.Add(l.cfg.LagTimeout))
			next = min(next, max(lateAt, l.change.retryAt))
		}
	}
	return next
}

// NextProbe is when a probe that waits for its time is due: NextSend gives it
// then. One whose time has come and that could not be sent waits for the
// connection, not for a time.
func (l *Leader) NextProbe(now env.Instant) env.Instant {
	next := env.Never
	for _, f := range l.followers {
		if (f.state == probing || f.state == probed) && f.retryAt > now {
			next = min(next, f.retryAt)
		}
	}
	return next
}

// late reports whether an ISR member held the log back for too long.
func (l *Leader) late(f *follower, now env.Instant) bool {
	return f.waitingSince != env.Never &&
		(now >= f.waitingSince.Add(l.cfg.AckTimeout) || now >= f.caughtUpAt.Add(l.cfg.LagTimeout))
}

// mayJoin reports whether a replica may be asked into the ISR: it streams, is
// registered and unfenced, and holds everything that is or may be committed.
func (l *Leader) mayJoin(f *follower) bool {
	return f.state == streaming && f.member.Epoch > 0 &&
		!slices.Contains(l.reg.Fenced, f.member.Node) &&
		f.durable >= max(l.watermark, l.start)
}
