package replica

import (
	"slices"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// Proposal is an ISR change that the leader asks the controller for. It is a
// compare-and-set on the partition epoch, and names the incarnation of every member
// (PROTOCOL 17). A leader that proposes an ISR without itself steps down
// (meta.AlterPartition).
type Proposal struct {
	LeaderEpoch    kafka.LeaderEpoch
	PartitionEpoch kafka.PartitionEpoch
	ISR            []Member // sorted by node
	adds           []Member
	seq            uint64
}

// change is what was proposed at the present partition epoch. An addition stays in it
// until every proposal with it was refused for certain, or the partition epoch has grown.
// Until then the addition may have been committed.
type change struct {
	seq     uint64 // of the latest proposal
	retryAt env.Instant
	asked   env.Instant // when NextChange was called last
	adds    []addition
}

type addition struct {
	member     Member
	unresolved int // proposals with it that were not refused
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

// NextChange returns the ISR change to propose now, if any. The shard sends it, and calls
// ChangeRefused if it is refused for certain. Only Update shows that it was accepted.
//
// An addition that was proposed, has no verdict and is no longer wanted must be undone.
// For that the leader proposes the ISR as it is: when this is applied the partition epoch
// grows, so that the addition can never be applied after it (BUGS I29; package meta's
// transcript alter_partition_unchanged).
//
// A leader with a damaged log steps down: it asks for the ISR without itself, and for no
// other change. A follower that needs a record the leader cannot read only appears to
// lag. If the leader had such followers removed, it would be the whole ISR. It would then
// commit records that no other replica has, with a log that it cannot read
// (rotten-segments 300558). The other members hold all that is committed. A leader that
// is the only member stays until another replica has joined, because it holds what can
// still be read.
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
		case l.inISR(m.Node) && l.dropped(f, now):
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

// ChangeRefused says that proposal p was refused for certain: by a verdict, or because it
// was never proposed. The next proposal is made at retryAt at the earliest. ChangeRefused
// reports whether the watermark moved, since p's additions may no longer hold it back. A
// timeout is no refusal: do not call ChangeRefused then.
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

// NextCheck is when the shard should call NextChange again, if no event makes it do so
// earlier.
func (l *Leader) NextCheck() env.Instant {
	next := env.Never
	if l.change.retryAt > l.change.asked {
		next = l.change.retryAt // a change that was refused, or has no verdict, may be wanted again
	}
	for _, f := range l.followers {
		if l.inISR(f.member.Node) && f.waitingSince != env.Never {
			at := f.caughtUpAt.Add(l.cfg.LagTimeout)
			if late := f.waitingSince.Add(l.cfg.AckTimeout); late > l.change.asked {
				at = min(at, late)
			}
			next = min(next, max(at, l.change.retryAt))
		}
	}
	return next
}

// NextProbe is when the next probe that waits for its time is due: NextSend returns it
// then. A probe that is due already and could not be sent waits for the connection, not
// for a time.
func (l *Leader) NextProbe(now env.Instant) env.Instant {
	next := env.Never
	for _, f := range l.followers {
		if (f.state == probing || f.state == probed) && f.retryAt > now {
			next = min(next, f.retryAt)
		}
	}
	return next
}

// late reports whether a follower has been behind for too long: without any progress for
// AckTimeout, or with a lag of LagTimeout.
func (l *Leader) late(f *follower, now env.Instant) bool {
	return f.waitingSince != env.Never &&
		(now >= f.waitingSince.Add(l.cfg.AckTimeout) || now >= f.caughtUpAt.Add(l.cfg.LagTimeout))
}

// dropped reports whether a member leaves the ISR. A late member leaves at once while enough others
// are left for min.insync.replicas: then records are acknowledged without it. Below that nothing
// would be acknowledged, and the records that wait would get an error. So a late member stays for
// LagTimeout then, and a stall of several members costs time and no errors.
func (l *Leader) dropped(f *follower, now env.Instant) bool {
	return l.late(f, now) &&
		(l.prompt(now) >= l.reg.MinInSync || now >= f.caughtUpAt.Add(l.cfg.LagTimeout))
}

// prompt counts the members of the ISR that are not late, with this node.
func (l *Leader) prompt(now env.Instant) int {
	n := 1
	for _, f := range l.followers {
		if l.inISR(f.member.Node) && !l.late(f, now) {
			n++
		}
	}
	return n
}

// mayJoin reports whether a replica may be added to the ISR: it is streaming, registered
// and unfenced, it holds everything that is or may be committed, and nothing below the log
// start.
func (l *Leader) mayJoin(f *follower) bool {
	return f.state == streaming && f.member.Epoch > 0 &&
		!l.fenced(f.member.Node) &&
		f.durable >= max(l.watermark, l.start) && f.logStart >= l.logStart
}
