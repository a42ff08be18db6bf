package shard

import (
	"errors"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/rare"
)

// The way of a produce through its partition, in order:
//
//	produce          checks: leader, epoch, enough replicas, batches, producer
//	appendSet        stamps offsets and epoch, appends to the WAL and to the log
//	(end of turn)    the WAL group is written and synced, pushes leave: both at once
//	onDurable        this node's log is durable: acks=1 is answered
//	onPushAck        a follower's log is durable
//	watermarkMoved   the log of every in-sync replica is durable: acks=all is answered
//
// Each step returns. The event that the next step waits for calls it.

// waitingProduce is an append that has no answer yet: it waits for the log.
type waitingProduce struct {
	origin Origin
	until  kafka.Offset // all below it must be committed (acks=all) or durable here (acks=1)
	all    bool         // acks=all
	result api.ProduceResult
	timer  *loop.Timer[due]
}

// produce runs a Produce on the shard of its partition.
func (s *Shard) produce(call PartitionCall, op api.Produce) {
	p := s.parts[op.Partition]
	if p == nil || p.role != leading || call.Epoch >= 0 && call.Epoch != p.epoch || !s.mayLead() ||
		p.handover.refusesAppends() {
		s.reply(call.Origin, notLeader(s.image.Partition(op.Partition), kafka.NotLeaderOrFollower))
		return
	}
	if op.Acks == kafka.AcksAll && !p.leader.EnoughReplicas() {
		mark.Hit(mark.ProduceTooFewReplicas)
		s.reply(call.Origin, failedProduce(kafka.NotEnoughReplicas, ""))
		return
	}
	if !s.mayAppend() {
		mark.Hit(mark.ProduceNoSpace)
		full := failedProduce(kafka.KafkaStorageError, "no space left in the log")
		s.reply(call.Origin, full)
		return
	}
	if s.rare.Choose(rare.ProduceRefused) {
		s.reply(call.Origin, notLeader(nil, kafka.NotLeaderOrFollower))
		return
	}
	b := batch.Batch(op.Batches) // validated where it came in
	if code := p.topic.judge(b, call.Facts, s.now.WallMs); code != kafka.None {
		s.reply(call.Origin, failedProduce(code, refusalText(code)))
		return
	}
	result := api.ProduceResult{
		Base: p.log.End(), AppendTimeMs: -1, LogStart: p.shownStart(),
		CurrentLeader: api.Leader{Node: kafka.NoNode, Epoch: -1},
	}
	var until kafka.Offset
	verdict := p.log.CheckProducer([]batch.Batch{b})
	switch verdict.Kind {
	case partition.Accept:
		if p.topic.records.logAppendTime {
			result.AppendTimeMs = s.now.WallMs
		}
		stamp(p, b, call.Facts, s.now.WallMs)
		s.appendSet(p, op.Batches)
		until = p.log.End()
		s.stats.Appends++
		s.stats.AppendedBytes += uint64(len(op.Batches))
	case partition.Duplicate:
		mark.Hit(mark.ProduceDuplicate)
		// The original may not be committed yet. The answer waits until it is (PROTOCOL 19).
		result.Base, until = verdict.Base, verdict.Last+1
		if p.topic.records.logAppendTime {
			result.AppendTimeMs = verdict.TimestampMs
		}
		s.stats.Duplicates++
	default:
		s.reply(call.Origin, failedProduce(verdict.Code, verdict.Message))
		return
	}
	s.answerWhen(p, call, op.Acks, until, result)
}

// validate checks a record set, without its records. It must be one batch, as Kafka requires since
// Produce 3.
func validate(set []byte) (batch.Batch, api.ProduceResult) {
	if len(set) == 0 {
		return nil, failedProduce(kafka.InvalidRecord, "no records")
	}
	b, rest, err := batch.Next(set)
	if err == nil {
		err = b.Validate()
	}
	switch {
	case err != nil:
		return nil, refusedBatch(err)
	case len(rest) > 0:
		return nil, failedProduce(kafka.InvalidRecord, "more than one batch for a partition")
	case b.BaseOffset() != 0:
		return nil, failedProduce(kafka.InvalidRecord, "the base offset is not 0")
	case b.Control():
		return nil, failedProduce(kafka.InvalidRecord, "clients may not write control batches")
	}
	return b, api.ProduceResult{}
}

// refusedBatch is the refusal of a batch that cannot be read.
func refusedBatch(err error) api.ProduceResult {
	var invalid *batch.Error
	if !errors.As(err, &invalid) {
		return failedProduce(kafka.UnknownServerError, err.Error())
	}
	return failedProduce(invalid.Code, invalid.Error())
}

// judge returns the error that the topic's configuration asks for, or None.
func (t *topicSettings) judge(b batch.Batch, facts batch.Facts, wallMs int64) kafka.ErrorCode {
	if b.Size() > t.maxMessageBytes {
		return kafka.MessageTooLarge
	}
	return t.records.judge(b, facts, wallMs)
}

// stamp gives a batch its offsets and epoch, and the true largest timestamp, before its buffer is
// first handed on. The buffer is immutable from then on (PROTOCOL 32).
func stamp(p *part, b batch.Batch, facts batch.Facts, wallMs int64) {
	if p.topic.records.logAppendTime {
		b.StampLogAppendTime(wallMs)
	} else {
		b.SetMaxTimestamp(facts.MaxTimestampMs)
	}
	b.Stamp(p.log.End(), p.epoch)
}

// answerWhen answers a produce when the log is committed or durable up to until, as its
// acks ask: perhaps at once.
func (s *Shard) answerWhen(
	p *part, call PartitionCall, acks kafka.Acks, until kafka.Offset, result api.ProduceResult,
) {
	switch {
	case acks == kafka.AcksNone,
		acks == kafka.AcksLeader && p.log.DurableEnd() >= until,
		acks == kafka.AcksAll && p.leader.Watermark() >= until:
		s.reply(call.Origin, result)
		return
	}
	w := waitingProduce{
		origin: call.Origin, until: until, all: acks == kafka.AcksAll, result: result,
	}
	w.timer = s.timers.Set(call.Deadline, due{kind: dueProduce, part: p, origin: call.Origin})
	p.produces = append(p.produces, w)
}

// answerProduces answers the appends that wait for the watermark or the durable end:
// all that lie below it, not only one that ends exactly there (BUGS L9).
func (s *Shard) answerProduces(p *part) {
	if len(p.produces) == 0 {
		return
	}
	committed, durable := p.leader.Watermark(), p.log.DurableEnd()
	kept := p.produces[:0]
	for _, w := range p.produces {
		reached := durable
		if w.all {
			reached = committed
		}
		if w.until > reached {
			kept = append(kept, w)
			continue
		}
		s.timers.Cancel(w.timer)
		s.reply(w.origin, w.result)
	}
	clear(p.produces[len(kept):])
	p.produces = kept
	if !p.leader.EnoughReplicas() {
		s.failShortOfReplicas(p)
	}
}

// failShortOfReplicas answers the appends that cannot be committed for now, because the
// ISR has shrunk below min.insync.replicas (KAFKA 15). They stay in the log and may be
// committed later.
func (s *Shard) failShortOfReplicas(p *part) {
	kept := p.produces[:0]
	for _, w := range p.produces {
		if !w.all {
			kept = append(kept, w)
			continue
		}
		s.timers.Cancel(w.timer)
		mark.Hit(mark.ProduceTooFewAfterAppend)
		s.reply(w.origin, failedProduce(kafka.NotEnoughReplicasAfterAppend, ""))
	}
	clear(p.produces[len(kept):])
	p.produces = kept
}

// expireProduce answers an append at its deadline. It is in the log, and not committed
// yet or not durable yet.
func (s *Shard) expireProduce(p *part, origin Origin) {
	for i, w := range p.produces {
		if w.origin == origin {
			p.produces = append(p.produces[:i], p.produces[i+1:]...)
			mark.Hit(mark.ProduceExpired)
			s.reply(origin, timedOut())
			return
		}
	}
}

// watermarkMoved takes the leader's high watermark over into the log, and answers what
// waits for it.
func (s *Shard) watermarkMoved(p *part) {
	if w := p.leader.Watermark(); w > p.log.Watermark() {
		p.log.SetWatermark(w)
	}
	s.answerProduces(p)
	s.wakeFetches(p)
	s.settle(p)
	s.coordinationMoved(p)
	s.touch(p)
}

// failedProduce is the refusal of a produce, or the error that it ended with.
func failedProduce(code kafka.ErrorCode, message string) api.ProduceResult {
	return api.ProduceResult{
		Code: code, Message: message, Base: -1, AppendTimeMs: -1, LogStart: -1,
		CurrentLeader: api.Leader{Node: kafka.NoNode, Epoch: -1},
	}
}

// notLeader is the refusal of a produce that was certainly not appended. It names the
// leader if the registration is known.
func notLeader(reg *registration, code kafka.ErrorCode) api.ProduceResult {
	result := failedProduce(code, "")
	if reg != nil {
		result.CurrentLeader = api.Leader{Node: reg.Leader, Epoch: reg.LeaderEpoch}
	}
	return result
}

// timedOut is the answer to a produce that may or may not have been appended.
func timedOut() api.ProduceResult { return failedProduce(kafka.RequestTimedOut, "") }
