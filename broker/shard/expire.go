package shard

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/mark"
)

// Idempotent producers that have appended nothing for long are forgotten
// (producer.id.expiration.ms). Otherwise each client that ever wrote would stay in the memory
// and in the checkpoints of its partitions, up to partition.Limits.Producers in each.

// expireProducers lets time pass in the logs, if it is time. A turn looks at a bounded number of
// producers; the rest follows in the next turns. It has no timer of its own: pings make enough
// turns, and an idle node must wake rarely (PROTOCOL 35).
func (s *Shard) expireProducers() {
	if s.now.Mono < s.expireAt {
		return
	}
	budget := expireAtOnce
	for ; s.expireNext < len(s.order) && budget > 0; s.expireNext++ {
		p := s.order[s.expireNext]
		budget -= 1 + p.log.Producers()
		n := p.log.PassTime(p.ran(s.now.Mono, s.limits.ProducerCheck))
		mark.HitIf(n > 0, mark.ProducersExpired)
		s.stats.ProducersExpired += uint64(n)
	}
	if s.expireNext >= len(s.order) {
		s.expireNext, s.expireAt = 0, s.now.Mono.Add(s.limits.ProducerCheck)
	}
}

// expireAtOnce is how many producers, and partitions, one turn looks at.
const expireAtOnce = 10_000

// ran returns the time since the last call, and interval at most: while the loop did not run,
// no producer could append.
func (p *part) ran(now env.Instant, interval time.Duration) time.Duration {
	d := min(now.Sub(p.expiredAt), interval)
	p.expiredAt = now
	return d
}
