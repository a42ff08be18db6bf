package shard

import (
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/replica"
	"example.com/lockstep/broker/wire/peer"
)

// The follower's side of replication: pushes that leaders send, and the acknowledgements
// of what is durable here. package replica decides whether a push fits the log.

// onPush takes a push from a leader.
func (s *Shard) onPush(call PeerCall) {
	push := call.Push
	p := s.parts[push.Partition]
	if reason := s.refusal(p, call); reason != 0 {
		s.rejectPush(p, call, reason, 0, 0)
		return
	}
	p.ackVia = call.Via
	var d replica.Decision
	var beginning partition.Beginning
	if push.Begin {
		var err error
		beginning, err = partition.NewBeginning(push.Base, push.PrevEpoch, push.Batches)
		if err != nil {
			s.stats.PeerFramesMalformed++
			s.rejectPush(p, call, peer.Unavailable, 0, 0)
			return
		}
		d = p.follower.Begin(push.PrevEpoch, push.Base, p.log)
	} else if len(push.Batches) == 0 {
		d = p.follower.Probe(replica.Probe{Prev: push.PrevEpoch, Base: push.Base}, p.log)
	} else {
		end, ok := setEnd(push.Batches, push.Base)
		if !ok {
			s.stats.PeerFramesMalformed++
			s.rejectPush(p, call, peer.Diverged, p.log.EpochBefore(p.log.End()), p.log.End())
			return
		}
		d = p.follower.Push(push.PrevEpoch, push.Base, end, p.log)
	}
	cuts := d.Action == replica.Truncate || d.Action == replica.BeginAgain
	if cuts && s.strays(p, d.Cut) {
		s.dropStray(p, d.Cut)
		s.rejectPush(p, call, peer.Unavailable, 0, 0)
		return
	}
	switch d.Action {
	case replica.Append:
		s.appendPushed(p, push.Batches)
	case replica.BeginAgain:
		s.narrateBeginning(p, d.Cut)
		s.beginAgain(p, beginning)
		s.stats.LogsBegunAgain++
	case replica.Truncate:
		s.truncate(p, d.Cut)
		s.stats.Truncations++
	case replica.Diverge:
		s.rejectPush(p, call, peer.Diverged, d.Last, d.End)
		return
	}
	p.leaderWatermark = max(p.leaderWatermark, push.Watermark)
	p.leaderStart = max(p.leaderStart, push.LogStart)
	s.followWatermark(p)
	p.ackDue = p.ackDue || d.Action != replica.Append
	s.touch(p)
}

// refusal returns why a push is refused without a look at the log; 0 if it is not.
func (s *Shard) refusal(p *part, call PeerCall) peer.RejectReason {
	epoch := call.Push.LeaderEpoch
	reg := s.image.Partition(call.Push.Partition)
	switch {
	case reg == nil || epoch > reg.LeaderEpoch:
		mark.Hit(mark.PushUnknownEpoch)
		return peer.UnknownEpoch
	case epoch < reg.LeaderEpoch:
		mark.Hit(mark.PushStaleEpoch)
		return peer.StaleEpoch
	case !reg.Replica(s.cfg.Node):
		return peer.NotReplica
	case p == nil || p.role != following || p.follower.Epoch() != epoch || p.refusesEpoch(epoch):
		return peer.Unavailable
	case call.From.Node != reg.Leader:
		return peer.StaleEpoch
	case s.rare.Choose(rare.PushRefused):
		return peer.Unavailable
	case len(call.Push.Batches) > 0 && !s.mayAppend():
		mark.Hit(mark.PushNoSpace)
		return peer.Unavailable
	}
	return 0
}

// rejectPush refuses a push. last and end say where the log may agree, for Diverged only.
func (s *Shard) rejectPush(
	p *part, call PeerCall, reason peer.RejectReason, last kafka.LeaderEpoch, end kafka.Offset,
) {
	s.answer(call.Via, &peer.PushReject{
		Partition:   call.Push.Partition,
		LeaderEpoch: call.Push.LeaderEpoch,
		Base:        call.Push.Base,
		BrokerEpoch: s.epoch,
		Reason:      reason,
		LastEpoch:   last,
		End:         end,
		Applied:     uint64(s.image.Index()),
	})
}

// appendPushed appends the batches of a push that continue the log. Batches below its end
// came before, on an older connection, and are skipped.
func (s *Shard) appendPushed(p *part, set []byte) {
	for len(set) > 0 {
		b, rest, err := batch.Next(set)
		if err != nil {
			panic(err) // setEnd has validated the set
		}
		if b.BaseOffset() >= p.log.End() {
			break
		}
		set = rest
	}
	s.appendSet(p, set)
}

// setEnd returns the offset after a set of batches. It reports false unless they begin at
// base, are contiguous, and have valid checksums.
func setEnd(set []byte, base kafka.Offset) (kafka.Offset, bool) {
	for len(set) > 0 {
		b, rest, err := batch.Next(set)
		if err != nil || b.BaseOffset() != base || !b.ChecksumValid() {
			return 0, false
		}
		base, set = b.NextOffset(), rest
	}
	return base, true
}

// acknowledge tells the leader the durable end of this log, if it is new or asked for. It
// says nothing until the logs have been compared, and while a truncation is not durable
// yet (PROTOCOL 12).
func (s *Shard) acknowledge(p *part) {
	if p.role != following || !p.follower.Synced() || p.truncation > s.wal.Durable() {
		mark.HitIf(p.role == following && p.truncation > s.wal.Durable(), mark.AckHeldByTruncation)
		return
	}
	end := p.log.DurableEnd()
	start := p.log.Start()
	if p.ackDue || end > p.acked || start > p.ackedStart {
		p.acked, p.ackedStart, p.ackDue = end, start, false
		s.answer(p.ackVia, &peer.PushAck{
			Partition:   p.id,
			LeaderEpoch: p.follower.Epoch(),
			BrokerEpoch: s.epoch,
			DurableEnd:  end,
			LogStart:    start,
		})
	}
}

// followWatermark takes over the leader's watermark, as far as this log is durable and
// was compared with the leader's.
func (s *Shard) followWatermark(p *part) {
	if w := min(p.leaderWatermark, p.log.DurableEnd()); w > p.log.Watermark() &&
		p.follower.Synced() {
		p.log.SetWatermark(w)
	}
	s.followStart(p)
}
