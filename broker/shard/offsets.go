package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
)

// Questions about offsets: by time (ListOffsets), and where a leader epoch ends
// (OffsetForLeaderEpoch).

// The special timestamps of ListOffsets.
const (
	latestTimestamp        = -1
	earliestTimestamp      = -2
	maxTimestamp           = -3
	earliestLocalTimestamp = -4
	latestTieredTimestamp  = -5
)

// offsets runs an Offsets on the shard of its partition.
func (s *Shard) offsets(call PartitionCall, op api.Offsets) {
	result := api.OffsetsResult{Offset: -1, TimestampMs: -1, Epoch: -1}
	p, code := s.ledPart(op.Partition, op.CurrentEpoch)
	if code != kafka.None {
		result.Code = code
		s.reply(call.Origin, result)
		return
	}
	switch op.Timestamp {
	case earliestTimestamp, earliestLocalTimestamp:
		if !p.leader.StartConfirmed() {
			result.Code = kafka.OffsetNotAvailable
			break
		}
		result.Offset = p.log.Start()
		result.Epoch = p.log.EpochBefore(p.log.Start() + 1)
	case latestTieredTimestamp:
		// Nothing is tiered: -1, -1.
	case latestTimestamp:
		if result.Code = s.knowsEnd(p); result.Code == kafka.None {
			result.Offset, result.Epoch = p.leader.Watermark(), p.epoch
		}
	default:
		// A time, or the largest one. The answer "none" claims to know the end too.
		if result.Code = s.knowsEnd(p); result.Code == kafka.None {
			if p.log.Start() >= p.log.Flushed() || !s.queueRead(call) {
				s.lookup(p, call.Origin, op.Timestamp)
			}
			return
		}
	}
	s.reply(call.Origin, result)
}

// lookup finds an offset by time among the committed records.
func (s *Shard) lookup(p *part, origin Origin, timestamp int64) {
	var read partition.Read
	if timestamp == maxTimestamp {
		read = p.log.MaxTimestamp(p.leader.Watermark())
	} else {
		read = p.log.OffsetForTimestamp(timestamp, p.leader.Watermark())
	}
	if read.Pending() {
		s.readLater(p, read.Token, pendingRead{origin: origin, lookup: true})
		return
	}
	s.answerFound(origin, read.Found, read.Err)
}

// answerLookup answers a lookup that waited for the disk.
func (s *Shard) answerLookup(p *part, r pendingRead, done partition.Done) {
	s.answerFound(r.origin, done.Found, done.Err)
}

// answerFound resolves an Offsets with what a lookup has found.
func (s *Shard) answerFound(origin Origin, found partition.Found, err error) {
	result := api.OffsetsResult{Offset: -1, TimestampMs: -1, Epoch: -1}
	switch {
	case err != nil:
		s.stats.ReadErrors++
		result.Code = kafka.KafkaStorageError
	default:
		result.Offset, result.TimestampMs, result.Epoch = found.Offset, found.TimestampMs,
			found.LeaderEpoch
	}
	s.reply(origin, result)
}

// endOfEpoch returns the largest epoch of the log that is not above epoch, and where it
// ends. An epoch older than all that the log remembers is returned as it is, with the
// start of the log as its end, as Kafka does. A consumer at that offset has lost nothing,
// and an epoch of -1 would make it reset its position.
func endOfEpoch(p *part, epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset) {
	found, end := p.log.EndOf(epoch)
	if found < 0 {
		found = epoch
	}
	return found, end
}

// epochEnd runs an EpochEnd (OffsetForLeaderEpoch).
func (s *Shard) epochEnd(call PartitionCall, op api.EpochEnd) {
	p, code := s.ledPart(op.Partition, op.CurrentEpoch)
	if code != kafka.None {
		s.reply(call.Origin, api.EpochEndResult{Code: code, Epoch: -1, End: -1})
		return
	}
	epoch, end := endOfEpoch(p, op.Epoch)
	if op.Epoch < 0 || op.Epoch > p.epoch {
		epoch, end = -1, -1 // there is no such epoch, or not yet
	}
	if op.Epoch == p.epoch {
		epoch, end = p.epoch, p.log.End()
	}
	s.reply(call.Origin, api.EpochEndResult{Epoch: epoch, End: end})
}
