package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
)

// The log start, which only rises. Its way through a partition, in order:
//
//	wantStart        the leader wants it: a client asked (DeleteRecords), or retention did
//	followStart      each follower logs it, as far as its own watermark allows
//	onPushAck        a follower's log start is durable
//	moveOwnStart     that of all in-sync replicas is: the leader logs it too
//	seeStart         the leader's is durable: clients see it
//	answerDeletions  that of all live replicas is: DeleteRecords is answered
//
// Every replica then removes what lies below, with its next flushes (partition.Log.Surplus).

// wantStart asks the replicas of a partition that is led here to move the log start. It
// reports whether that is news.
func (s *Shard) wantStart(p *part, to kafka.Offset) bool {
	if !p.leader.WantStart(to) {
		return false
	}
	s.timers.Cancel(p.tell)
	p.tell = s.timers.Set(s.now.Mono, due{kind: dueTell, part: p})
	s.touch(p)
	return true
}

// followStart moves a follower's log start as far as its leader has asked, and as its own
// watermark allows.
func (s *Shard) followStart(p *part) {
	if to := min(p.leaderStart, p.log.Watermark()); to > p.log.LoggedStart() &&
		p.follower.Synced() {
		s.logStart(p, to)
	}
}

// moveOwnStart moves the leader's log start behind that of its followers.
func (s *Shard) moveOwnStart(p *part) {
	if to, due := p.leader.StartDue(); due && to > p.log.LoggedStart() {
		s.logStart(p, to)
	}
}

// seeStart does what follows from a log start that has become durable.
func (s *Shard) seeStart(p *part) {
	start := p.log.Start()
	if start == p.start {
		return
	}
	p.start = start
	if p.role == leading {
		p.leader.StartMoved(start)
	}
	s.grew(p)
	s.touch(p)
}

// shownStart is the log start that clients may see; -1 while they may see none, because a
// replica that may be elected is behind.
func (p *part) shownStart() kafka.Offset {
	if !p.leader.StartConfirmed() {
		return -1
	}
	return p.log.Start()
}

// narrateBeginning tells that a follower empties its log.
func (s *Shard) narrateBeginning(p *part, start kafka.Offset) {
	s.host.Log(event.New(event.LogBegunAgain, event.Text("partition", s.topicPartition(p.id)),
		event.Int("start", start), event.Int("from", p.log.Start()),
		event.Int("to", p.log.End())))
}

// --- DeleteRecords ---

// waitingDeletion is a DeleteRecords that waits for the replicas.
type waitingDeletion struct {
	origin Origin
	offset kafka.Offset
	timer  *loop.Timer[due]
}

// deleteRecords runs a DeleteRecords on the shard of its partition.
func (s *Shard) deleteRecords(call PartitionCall, op api.DeleteRecords) {
	p := s.parts[op.Partition]
	if code := s.mayDelete(p, op); code != kafka.None {
		s.reply(call.Origin, api.DeleteRecordsResult{Code: code, LowWatermark: -1})
		return
	}
	to := op.Offset
	if to < 0 {
		to = p.leader.Watermark()
	}
	from := p.leader.WantedStart()
	if s.wantStart(p, to) {
		s.narrateDeletion(p, from, "DeleteRecords")
	}
	w := waitingDeletion{origin: call.Origin, offset: to}
	w.timer = s.timers.Set(call.Deadline,
		due{kind: dueDeletion, part: p, origin: call.Origin})
	p.deletions = append(p.deletions, w)
	s.answerDeletions(p)
}

// mayDelete returns why records may not be deleted, or None. A leader that does not know yet
// what is committed cannot say where the watermark is.
func (s *Shard) mayDelete(p *part, op api.DeleteRecords) kafka.ErrorCode {
	switch {
	case s.image.Partition(op.Partition) == nil:
		return kafka.UnknownTopicOrPartition
	case p == nil || p.role != leading || !s.mayLead() ||
		p.leader.Watermark() < p.leader.EpochStart():
		return kafka.NotLeaderOrFollower
	case !p.topic.deletes:
		return kafka.PolicyViolation
	case op.Offset < -1 || op.Offset > p.leader.Watermark():
		mark.Hit(mark.DeletionOutOfRange)
		return kafka.OffsetOutOfRange
	}
	return kafka.None
}

// narrateDeletion tells that records from an offset up to the wanted log start go.
func (s *Shard) narrateDeletion(p *part, from kafka.Offset, cause string) {
	s.stats.LogStartMoves++
	s.host.Log(event.New(event.RecordsDeleted, event.Text("partition", s.topicPartition(p.id)),
		event.Text("cause", cause), event.Int("from", from),
		event.Int("to", p.leader.WantedStart()), event.Int("epoch", p.epoch)))
}

// answerDeletions answers what the replicas have done.
func (s *Shard) answerDeletions(p *part) {
	if len(p.deletions) == 0 {
		return
	}
	low := p.leader.LowWatermark()
	kept := p.deletions[:0]
	for _, w := range p.deletions {
		if w.offset > low {
			kept = append(kept, w)
			continue
		}
		s.timers.Cancel(w.timer)
		s.reply(w.origin, api.DeleteRecordsResult{LowWatermark: low})
	}
	clear(p.deletions[len(kept):])
	p.deletions = kept
}

// expireDeletion answers a DeleteRecords at its deadline. The records may go later.
func (s *Shard) expireDeletion(p *part, origin Origin) {
	for i, w := range p.deletions {
		if w.origin == origin {
			p.deletions = append(p.deletions[:i], p.deletions[i+1:]...)
			mark.Hit(mark.DeletionExpired)
			s.reply(origin,
				api.DeleteRecordsResult{Code: kafka.RequestTimedOut, LowWatermark: -1})
			return
		}
	}
}

// failDeletions ends the waits of a leader that is deposed. Its successor may ask the replicas
// for less.
func (s *Shard) failDeletions(p *part) {
	deletions := p.deletions
	p.deletions = nil
	for _, w := range deletions {
		s.timers.Cancel(w.timer)
		s.reply(w.origin,
			api.DeleteRecordsResult{Code: kafka.NotLeaderOrFollower, LowWatermark: -1})
	}
}
