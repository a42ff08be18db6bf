package shard

import "example.com/lockstep/broker/partition"

// Retention: leaders look at their logs once in log.retention.check.interval.ms, and decide from
// where on records are kept. Followers follow their leader's log start, so that all replicas keep
// the same records. Each deciding by itself, their segments and clocks would differ, and a client
// that changes to another leader would see the log start go back.

// retain looks at the partitions, if it is time. A turn looks at a bounded number of them; the
// rest follows in the next turns. It has no timer of its own: pings make enough turns, and an idle
// node must wake rarely (PROTOCOL 35).
func (s *Shard) retain() {
	if s.now.Mono < s.retainAt {
		return
	}
	for budget := retainAtOnce; budget > 0 && s.retainNext < len(s.order); budget-- {
		s.retainIn(s.order[s.retainNext])
		s.retainNext++
	}
	if s.retainNext >= len(s.order) {
		s.retainNext, s.retainAt = 0, s.now.Mono.Add(s.limits.RetentionCheck)
	}
}

// retainAtOnce is how many partitions one turn looks at.
const retainAtOnce = 200

// retainIn decides for one partition.
func (s *Shard) retainIn(p *part) {
	if p.log.Surplus() { // a watermark that has risen since may allow to remove more
		s.grew(p)
	}
	if p.role != leading || !p.topic.deletes || !s.mayLead() ||
		p.log.State() != partition.Ready {
		return
	}
	from := p.leader.WantedStart()
	to, why := p.log.RetentionStart(p.topic.retention, s.now.WallMs)
	if why != partition.NoCause && s.wantStart(p, to) {
		cause := "retention.ms"
		if why == partition.TooBig {
			cause = "retention.bytes"
		}
		s.narrateDeletion(p, from, cause)
	}
}
