package shard

import (
	"encoding/binary"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/wal"
)

// What a shard writes to its WAL for its partitions, and how it learns that a record is
// durable. Leaders and followers use the same functions. Recovery reads the records
// again: see replayRecord.

// The types of a shard's WAL records. The payload of recordBatches is whole batches;
// that of the others is drawn at truncate, startEpoch, logStart and partition.Beginning.Encode.
const (
	recordBatches    uint8 = 1
	recordTruncate   uint8 = 2
	recordEpochStart uint8 = 3
	recordLogStart   uint8 = 4
	recordBeginning  uint8 = 5 // payload: partition.Beginning.Encode
)

// Every batch that is accepted fits into a record of the WAL.
const _ = uint(wal.MaxRecordBytes - limits.BatchBytesMax)

// appendSet appends stamped batches to the WAL and to the partition's log.
func (s *Shard) appendSet(p *part, set []byte) {
	seq, at := s.wal.Append(recordBatches, p.handle, set)
	offset := at.Offset
	for rest := set; len(rest) > 0; {
		b, tail, err := batch.Next(rest)
		if err != nil {
			panic(err) // the caller has validated the set
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

// truncate cuts a follower's log. Its record is durable before the follower acknowledges
// anything of the new epoch (PROTOCOL 12).
//
//	offset u64
func (s *Shard) truncate(p *part, to kafka.Offset) {
	seq, at := s.wal.Append(recordTruncate, p.handle,
		binary.BigEndian.AppendUint64(nil, uint64(to)))
	p.log.Truncate(to, partition.Ref{Segment: at.Segment, Offset: at.Offset, Seq: uint64(seq)})
	p.truncation = seq
	s.logged(p, seq)
	s.onDone(p, p.log.Pending())
}

// startEpoch records that this leader's epoch begins at the log end. That must be known
// after a crash even if nothing is appended in the epoch (PROTOCOL 3).
//
//	epoch u32 | start offset u64
func (s *Shard) startEpoch(p *part, epoch kafka.LeaderEpoch) {
	payload := binary.BigEndian.AppendUint32(nil, uint32(epoch))
	payload = binary.BigEndian.AppendUint64(payload, uint64(p.log.End()))
	seq, at := s.wal.Append(recordEpochStart, p.handle, payload)
	p.log.StartEpoch(epoch, partition.Ref{Segment: at.Segment, Offset: at.Offset, Seq: uint64(seq)})
	s.logged(p, seq)
}

// logStart moves the log start of a replica, once the record of it is durable.
//
//	offset u64
func (s *Shard) logStart(p *part, to kafka.Offset) {
	assert.That(to <= p.log.Watermark(), "shard: log start %d above the watermark %d", to,
		p.log.Watermark())
	seq, at := s.wal.Append(recordLogStart, p.handle,
		binary.BigEndian.AppendUint64(nil, uint64(to)))
	p.log.SetStart(to, partition.Ref{Segment: at.Segment, Offset: at.Offset, Seq: uint64(seq)})
	s.logged(p, seq)
}

// beginAgain empties a follower's log. Like a truncation, it is durable before the follower
// acknowledges anything.
func (s *Shard) beginAgain(p *part, a partition.Beginning) {
	seq, at := s.wal.Append(recordBeginning, p.handle, a.Encode(nil))
	p.log.Reset(a, partition.Ref{Segment: at.Segment, Offset: at.Offset, Seq: uint64(seq)})
	p.truncation = seq
	s.logged(p, seq)
	s.onDone(p, p.log.Pending())
}

// loggedAt is a record of a partition that is in the WAL and not durable yet.
type loggedAt struct {
	seq  wal.Seq
	part *part
}

// logged notes that a partition has a record at seq. Records become durable in the order
// of their sequences.
func (s *Shard) logged(p *part, seq wal.Seq) {
	s.unsynced = append(s.unsynced, loggedAt{seq, p})
	s.dirty.add(p)
	s.grew(p)
}

// onDurable tells the partitions which of their records have become durable.
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

// newlyDurable does what follows from a longer durable log: answers on a leader, an
// acknowledgement on a follower.
func (s *Shard) newlyDurable(p *part, durable wal.Seq) {
	p.log.Durable(uint64(durable))
	s.onDone(p, p.log.Pending())
	s.seeStart(p)
	s.grew(p) // what was appended can be flushed now, and there may be no other append
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
