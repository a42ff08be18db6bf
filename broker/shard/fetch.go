package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// ledPart returns the partition if this node leads it and the client's view of
// the leader epoch agrees (KIP-320), else the error to answer.
func (s *Shard) ledPart(id kafka.PartitionID, current kafka.LeaderEpoch) (*part, kafka.ErrorCode) {
	reg := s.image.Partition(id)
	p := s.parts[id]
	switch {
	case reg == nil:
		return nil, kafka.UnknownTopicOrPartition
	case current >= 0 && current < reg.LeaderEpoch:
		mark.Hit(mark.FetchFenced)
		return nil, kafka.FencedLeaderEpoch
	case current > reg.LeaderEpoch:
		return nil, kafka.UnknownLeaderEpoch
	case p == nil || p.role != leading || !s.mayLead():
		return nil, kafka.NotLeaderOrFollower
	}
	return p, kafka.None
}

func (s *Shard) leaderHint(id kafka.PartitionID) api.Leader {
	if reg := s.image.Partition(id); reg != nil {
		return api.Leader{Node: reg.Leader, Epoch: reg.LeaderEpoch}
	}
	return api.Leader{Node: kafka.NoNode, Epoch: -1}
}

// knowsEnd reports whether this node may claim to know the end of the log: it
// holds the lease, and its watermark has reached the start of its epoch, so that
// nothing committed by an earlier leader lies beyond it (PROTOCOL 20, 22).
func (s *Shard) knowsEnd(p *part) kafka.ErrorCode {
	switch {
	case !s.leaseValid():
		mark.Hit(mark.LeaseExpired)
		return kafka.NotLeaderOrFollower
	case p.leader.Watermark() < p.leader.EpochStart():
		mark.Hit(mark.EndNotKnownYet)
		return kafka.OffsetNotAvailable
	}
	return kafka.None
}

// fetch runs a Fetch on the partition's own shard.
func (s *Shard) fetch(call PartitionCall, op api.Fetch) {
	result := api.FetchResult{Watermark: -1, LastStable: -1, LogStart: -1, DivergingEpoch: -1}
	p, code := s.ledPart(op.Partition, op.CurrentEpoch)
	if code != kafka.None {
		result.Code, result.CurrentLeader = code, s.leaderHint(op.Partition)
		s.reply(call.Origin, result)
		return
	}
	watermark := p.leader.Watermark()
	result.Watermark, result.LastStable, result.LogStart = watermark, watermark, p.log.Start()
	if op.LastEpoch > p.epoch {
		result.Code = kafka.UnknownLeaderEpoch // of a leader that this node has not heard of yet
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
		result.Code = kafka.OffsetOutOfRange
		if op.Offset > p.log.End() && s.knowsEnd(p) != kafka.None {
			result.Code = kafka.NotLeaderOrFollower // who knows better might have it
		}
		s.reply(call.Origin, result)
		return
	}
	if op.Offset >= watermark {
		// Empty: a claim that there is nothing after this. A new leader can't make it
		// before its watermark has reached its epoch's start: what was committed and
		// acknowledged before may lie in between.
		if result.Code = s.knowsEnd(p); result.Code == kafka.NotLeaderOrFollower {
			result.CurrentLeader = s.leaderHint(op.Partition)
		}
		s.reply(call.Origin, result)
		return
	}
	if op.MaxBytes <= 0 {
		s.reply(call.Origin, result) // the response is full already
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

func (s *Shard) answerFetch(origin Origin, result api.FetchResult, batches [][]byte) {
	result.Batches = batches
	for _, b := range batches {
		result.Bytes += len(b)
	}
	s.reply(origin, result)
}

// --- long polls ---

// waitingFetch is a long poll at the end of a partition.
type waitingFetch struct {
	origin Origin
	offset kafka.Offset
}

// wait runs a Wait: it resolves when the watermark passes the offset.
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

// cancelWait forgets a long poll whose request has ended.
func (s *Shard) cancelWait(c Cancel) {
	p := s.parts[c.Partition]
	if p == nil {
		return
	}
	for i, w := range p.fetches {
		if w.origin == c.Origin {
			p.fetches = append(p.fetches[:i], p.fetches[i+1:]...)
			return
		}
	}
}
