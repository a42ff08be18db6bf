package shard

import (
	"errors"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/replica"
)

// runPartitionCall runs an operation on a partition that lives here.
func (s *Shard) runPartitionCall(call PartitionCall) {
	switch op := call.Op.(type) {
	case api.Produce:
		s.produce(call, op)
	case api.Fetch:
		s.fetch(call, op)
	case api.Wait:
		s.wait(call, op)
	case api.Offsets:
		s.offsets(call, op)
	case api.EpochEnd:
		s.epochEnd(call, op)
	default:
		assert.That(false, "shard: %T is no operation of a partition", op)
	}
}

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

// pendingRead is a read that waits for the disk: for a fetch, an offset lookup,
// or for a push to a follower that is behind.
type pendingRead struct {
	token  uint64
	origin Origin
	fetch  api.FetchResult
	lookup bool
	push   kafka.NodeID // the follower; 0 for a client's read
	base   kafka.Offset
	epoch  kafka.LeaderEpoch // of the leadership the read was begun in
}

// readLater notes who waits for a read that goes to disk.
func (s *Shard) readLater(p *part, token uint64, waiting pendingRead) {
	waiting.token, waiting.epoch = token, p.epoch
	p.reads = append(p.reads, waiting)
	s.stats.FetchedFromDisk++
	s.onDone(p, p.log.Pending()) // it may have ended at once
}

// readForPush waits for batches that a follower lacks and that memory does not hold.
func (s *Shard) readForPush(p *part, token uint64, node kafka.NodeID, next replica.Send) {
	s.readLater(p, token, pendingRead{push: node, base: next.Base})
}

// reading reports whether batches for node are being read.
func (p *part) reading(node kafka.NodeID) bool {
	for _, r := range p.reads {
		if r.push == node && r.epoch == p.epoch {
			return true
		}
	}
	return false
}

// onRead hands the result of a read to whoever waits for it.
func (s *Shard) onRead(p *part, done partition.Done) {
	for i, r := range p.reads {
		if r.token != done.Token {
			continue
		}
		p.reads = append(p.reads[:i], p.reads[i+1:]...)
		if errors.Is(done.Err, partition.ErrDamaged) && p.role == leading && p.epoch == r.epoch {
			p.leader.LogDamaged() // others may have what whoever asked needs
			s.touch(p)
		}
		switch {
		case r.push != 0:
			s.pushRead(p, r, done)
		case r.lookup:
			s.answerLookup(p, r, done)
		case done.Err != nil:
			mark.Hit(mark.FetchReadError)
			s.stats.ReadErrors++
			r.fetch.Code = kafka.KafkaStorageError
			s.reply(r.origin, r.fetch)
		case p.role != leading || p.epoch != r.epoch:
			r.fetch.Code, r.fetch.CurrentLeader = kafka.NotLeaderOrFollower, s.leaderHint(p.id)
			s.reply(r.origin, r.fetch)
		default:
			mark.Hit(mark.FetchFromSegments)
			s.answerFetch(r.origin, r.fetch, done.Batches)
		}
		return
	}
}

// pushRead sends batches that were read for a follower, if it still needs them.
func (s *Shard) pushRead(p *part, r pendingRead, done partition.Done) {
	s.touch(p)
	if p.role != leading || p.epoch != r.epoch {
		return
	}
	if done.Err != nil {
		s.stats.ReadErrors++
		p.leader.Refused(r.push, s.now.Mono.Add(s.limits.RefusedPause))
		return
	}
	l := s.openLink(r.push)
	next, ok := p.leader.NextSend(r.push, p.log, s.now.Mono)
	if l == nil || !ok || next.Probe || next.Base != r.base || len(done.Batches) == 0 {
		return
	}
	mark.Hit(mark.CatchUpFromSegments)
	s.sendBatches(p, l, done.Batches)
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

// --- offsets and epochs ---

// ListOffsets' special timestamps.
const (
	latestTimestamp        = -1
	earliestTimestamp      = -2
	maxTimestamp           = -3
	earliestLocalTimestamp = -4
	latestTieredTimestamp  = -5
)

// offsets runs an Offsets on the partition's own shard.
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
		result.Offset = p.log.Start()
		result.Epoch = p.log.EpochBefore(p.log.Start() + 1)
	case latestTieredTimestamp:
		// Nothing is tiered: -1, -1.
	case latestTimestamp:
		if result.Code = s.knowsEnd(p); result.Code == kafka.None {
			result.Offset, result.Epoch = p.leader.Watermark(), p.epoch
		}
	default:
		// A time, or the largest one: "no match" is a claim about the end too.
		if result.Code = s.knowsEnd(p); result.Code == kafka.None {
			s.lookup(p, call.Origin, op.Timestamp)
			return
		}
	}
	s.reply(call.Origin, result)
}

// lookup finds an offset by time among what is committed.
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

func (s *Shard) answerLookup(p *part, r pendingRead, done partition.Done) {
	s.answerFound(r.origin, done.Found, done.Err)
}

func (s *Shard) answerFound(origin Origin, found partition.Found, err error) {
	result := api.OffsetsResult{Offset: -1, TimestampMs: -1, Epoch: -1}
	switch {
	case err != nil:
		s.stats.ReadErrors++
		result.Code = kafka.KafkaStorageError
	default:
		result.Offset, result.TimestampMs, result.Epoch = found.Offset, found.TimestampMs, found.LeaderEpoch
	}
	s.reply(origin, result)
}

// endOfEpoch is where a leader epoch ends. One that is older than all that the
// log remembers ended where the log begins, by its own name, as Kafka has it: a
// consumer at that offset has lost nothing, and an epoch of -1 would make it
// reset its position.
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
		epoch, end = -1, -1 // no such epoch, or not yet
	}
	if op.Epoch == p.epoch {
		epoch, end = p.epoch, p.log.End()
	}
	s.reply(call.Origin, api.EpochEndResult{Epoch: epoch, End: end})
}
