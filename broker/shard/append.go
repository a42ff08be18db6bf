package shard

import (
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/wal"
)

// appendSet appends stamped batches to the WAL and to the log, on the leader
// and on followers alike.
func (s *Shard) appendSet(p *part, set []byte) {
	seq, at := s.wal.Append(recordBatches, p.handle, set)
	offset := at.Offset
	for rest := set; len(rest) > 0; {
		b, tail, err := batch.Next(rest)
		if err != nil {
			panic(err) // validated by the caller
		}
		p.log.Append(b, partition.Ref{Segment: at.Segment, Offset: offset, Seq: uint64(seq)})
		offset += int64(b.Size())
		rest = tail
	}
	s.logged(p, seq)
	if p.role == leading {
		p.leader.Appended(p.log.End(), s.now.Mono)
	}
	s.touch(p)
}

// loggedAt is a record of a partition in the WAL that is not durable yet.
type loggedAt struct {
	seq  wal.Seq
	part *part
}

// logged notes that a partition has a record at seq. Durability comes in the
// order of sequences.
func (s *Shard) logged(p *part, seq wal.Seq) {
	s.unsynced = append(s.unsynced, loggedAt{seq, p})
	s.dirty.add(p)
	s.grew(p)
}

// onDurable tells the partitions what has become durable in the WAL.
func (s *Shard) onDurable() {
	if !s.recovered {
		return
	}
	durable := s.wal.Durable()
	n := 0
	for n < len(s.unsynced) && s.unsynced[n].seq <= durable {
		s.newlyDurable(s.unsynced[n].part, durable)
		n++
	}
	s.unsynced = s.unsynced[n:]
}

func (s *Shard) newlyDurable(p *part, durable wal.Seq) {
	p.log.Durable(uint64(durable))
	s.onDone(p, p.log.Pending())
	switch p.role {
	case leading:
		if p.leader.LocalDurable(p.log.DurableEnd()) {
			s.watermarkMoved(p)
		} else {
			s.answerProduces(p)
		}
	case following:
		s.followWatermark(p)
		s.touch(p)
	}
}
