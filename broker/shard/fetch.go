package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// fetch runs a Fetch on the shard of its partition.
func (s *Shard) fetch(call PartitionCall, op api.Fetch) {
	result := api.FetchResult{Watermark: -1, LastStable: -1, LogStart: -1, DivergingEpoch: -1}
	p, code := s.ledPart(op.Partition, op.CurrentEpoch)
	if code != kafka.None {
		result.Code, result.CurrentLeader = code, s.leaderHint(op.Partition)
		s.reply(call.Origin, result)
		return
	}
	watermark := p.leader.Watermark()
	result.Watermark, result.LastStable, result.LogStart = watermark, watermark, p.shownStart()
	if op.LastEpoch > p.epoch {
		result.Code = kafka.UnknownLeaderEpoch // the metadata here is behind the client's
		s.reply(call.Origin, result)
		return
	}
	if op.LastEpoch >= 0 {
		if epoch, end := endOfEpoch(p, op.LastEpoch); epoch < op.LastEpoch || end < op.Offset {
			mark.Hit(mark.FetchDiverged)
			result.DivergingEpoch, result.DivergingEnd = epoch, end
			s.reply(call.Origin, result)
			return
		}
	}
	if op.Offset < p.log.Start() || op.Offset > p.log.End() {
		result.Code = s.outOfRange(p, op.Offset)
		s.reply(call.Origin, result)
		return
	}
	if op.Offset >= watermark {
		// An empty answer claims that no committed record follows. A new leader cannot
		// claim that until its watermark has reached the start of its epoch: records that
		// were committed and acknowledged before may lie in between.
		if result.Code = s.knowsEnd(p); result.Code == kafka.NotLeaderOrFollower {
			result.CurrentLeader = s.leaderHint(op.Partition)
		}
		s.reply(call.Origin, result)
		return
	}
	if op.MaxBytes <= 0 {
		s.reply(call.Origin, result) // other partitions have filled the response
		return
	}
	if op.Offset < p.log.Flushed() && s.queueRead(call) {
		return
	}
	read := p.log.Read(op.Offset, min(op.MaxBytes, s.limits.FetchBytes), watermark)
	if read.Err != nil {
		result.Code = kafka.OffsetOutOfRange
		s.reply(call.Origin, result)
		return
	}
	if read.Pending() {
		s.readLater(p, read.Token, pendingRead{origin: call.Origin, fetch: result})
		return
	}
	s.stats.FetchedFromMemory++
	s.answerFetch(call.Origin, result, read.Batches)
}

// outOfRange is the error for an offset that is not in the log.
func (s *Shard) outOfRange(p *part, offset kafka.Offset) kafka.ErrorCode {
	switch {
	case offset < p.log.Start() && !p.leader.StartConfirmed():
		return kafka.OffsetNotAvailable // clients must not see this log start yet
	case offset > p.log.End() && s.knowsEnd(p) != kafka.None:
		return kafka.NotLeaderOrFollower // a newer leader may have the record
	}
	return kafka.OffsetOutOfRange
}

// answerFetch resolves a Fetch with batches.
func (s *Shard) answerFetch(origin Origin, result api.FetchResult, batches [][]byte) {
	result.Batches = batches
	for _, b := range batches {
		result.Bytes += len(b)
	}
	s.reply(origin, result)
}

// --- long polls ---

// waitingFetch is a long poll: it waits for a committed record at its offset.
type waitingFetch struct {
	origin Origin
	offset kafka.Offset
}

// wait runs a Wait. It resolves when the watermark has passed the offset, or at once if
// this node does not lead.
func (s *Shard) wait(call PartitionCall, op api.Wait) {
	p := s.parts[op.Partition]
	if p == nil || p.role != leading || p.leader.Watermark() > op.Offset {
		s.reply(call.Origin, api.WaitResult{})
		return
	}
	p.fetches = append(p.fetches, waitingFetch{call.Origin, op.Offset})
}

// wakeFetches resolves the long polls that the watermark has passed.
func (s *Shard) wakeFetches(p *part) {
	if len(p.fetches) == 0 {
		return
	}
	watermark := p.leader.Watermark()
	fetches := p.fetches
	p.fetches = nil
	for _, w := range fetches {
		if w.offset < watermark {
			s.reply(w.origin, api.WaitResult{})
		} else {
			p.fetches = append(p.fetches, w)
		}
	}
}

// cancelCall forgets a long poll, or a call of a coordinator, when its request has ended.
func (s *Shard) cancelCall(c Cancel) {
	p := s.parts[c.Partition]
	if p == nil {
		return
	}
	s.forgetCall(p, c.Origin)
	for i, w := range p.fetches {
		if w.origin == c.Origin {
			p.fetches = append(p.fetches[:i], p.fetches[i+1:]...)
			return
		}
	}
}
