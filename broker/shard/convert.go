package shard

import (
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
)

// A conversion moves everything from the WAL to segments, because the partitions will live on
// another number of shards (PROTOCOL 5; node/layout.go describes all of it). The shard gets no
// role for any partition in this incarnation. It neither writes its WAL nor releases anything of
// it: after a crash before the layout is replaced, the next incarnation must find all that this
// one has found, damage included.

// beginConversion lets the flushes begin: the suspects are durable in the layout.
func (s *Shard) beginConversion() {
	for _, p := range s.order {
		s.toConvert.add(p)
	}
	s.mayConvert = true
}

// convertSome begins the next flushes, and tells the control loop when nothing is left.
func (s *Shard) convertSome() {
	if !s.mayConvert || s.converted {
		return
	}
	for !s.toConvert.empty() && !needsWAL(s.toConvert.parts[0]) {
		s.toConvert.removeFirst()
	}
	if s.toConvert.empty() {
		s.converted = true
		mark.Hit(mark.ConversionFlushed)
		s.host.Reply(loop.Control, Converted{Suspects: s.recovery.suspect})
		return
	}
	if s.now.Mono < s.flushAgainAt {
		return
	}
	due, options := s.flushesDue(len(s.toConvert.parts))
	for i := 0; i < len(s.toConvert.parts) && due > 0; i++ {
		if p := s.toConvert.parts[i]; s.canFlush(p, 1) {
			s.startFlush(p, options)
			due--
		}
	}
}

// needsWAL reports whether a recovery of the partition would need the WAL, or an operation on
// its files is not finished. A partition that has failed is a suspect, and is rebuilt after the
// next start.
func needsWAL(p *part) bool {
	if p.log.State() == partition.Failed || p.log.State() == partition.Deleted {
		return false
	}
	_, pinned := p.log.Pinned()
	return pinned || p.log.Busy()
}
