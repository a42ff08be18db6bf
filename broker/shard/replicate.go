package shard

import (
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/replica"
	"example.com/lockstep/broker/wire/peer"
)

// --- leader side ---

// connected begins the replication to a node on a new connection.
func (s *Shard) connected(node kafka.NodeID) {
	for _, p := range s.led.parts {
		p.leader.Connected(node, s.now.Mono)
	}
	s.pushAll(node)
}

func (s *Shard) disconnected(node kafka.NodeID) {
	for _, p := range s.led.parts {
		p.leader.Disconnected(node)
	}
}

// pushAll sends node whatever the partitions led here have for it.
func (s *Shard) pushAll(node kafka.NodeID) {
	for _, p := range s.led.parts {
		s.push(p, node)
	}
}

// pushPartition sends a partition's news to all its followers.
func (s *Shard) pushPartition(p *part) {
	for _, m := range p.replicas {
		if m.Node != s.cfg.Node {
			s.push(p, m.Node)
		}
	}
}

// push sends one follower what it may be sent now. Batches leave while the
// leader's own sync of them still runs.
func (s *Shard) push(p *part, node kafka.NodeID) {
	l := s.openLink(node)
	if l == nil || p.role != leading {
		return
	}
	for !l.full && !p.reading(node) {
		next, ok := p.leader.NextSend(node, p.log, s.now.Mono)
		if !ok {
			return
		}
		if next.Probe {
			l.send(s, p.pushHead(l.node, next.Prev, next.Base, nil))
			l.awaits(s)
			p.leader.ProbeSent(node, s.now.Mono)
			s.wakePartition(p, s.now.Mono.Add(s.limits.ProbeTimeout))
			return
		}
		if !s.pushBatches(p, l, next) {
			return
		}
	}
}

// pushBatches sends one frame of batches; false if they have to be read first.
func (s *Shard) pushBatches(p *part, l *link, next replica.Send) bool {
	room := min(next.Room, s.limits.CatchUpBytes)
	if s.rare.Choose(rare.PushOneBatch) {
		room = 1
	}
	read := p.log.Read(next.Base, room, p.log.End())
	if read.Pending() {
		s.readForPush(p, read.Token, l.node, next)
		return false
	}
	if read.Err != nil || len(read.Batches) == 0 {
		return false
	}
	s.sendBatches(p, l, read.Batches)
	return true
}

// sendBatches sends batches in one frame.
func (s *Shard) sendBatches(p *part, l *link, batches [][]byte) {
	base, payload := batch.Batch(batches[0]).BaseOffset(), joined(batches)
	end := batch.Batch(batches[len(batches)-1]).NextOffset()
	l.send(s, p.pushHead(l.node, p.log.EpochBefore(base), base, payload))
	l.awaits(s)
	p.leader.BatchesSent(l.node, end, len(payload))
	s.stats.PushedBytes += uint64(len(payload))
	s.stats.Pushes++
}

// joined is the bytes of batches that follow each other.
func joined(batches [][]byte) []byte {
	if len(batches) == 1 {
		return batches[0]
	}
	size := 0
	for _, b := range batches {
		size += len(b)
	}
	all := make([]byte, 0, size)
	for _, b := range batches {
		all = append(all, b...)
	}
	return all
}

// openLink returns the link to a node if it can be sent to.
func (s *Shard) openLink(node kafka.NodeID) *link {
	for _, l := range s.links {
		if l.node == node && l.open {
			return l
		}
	}
	return nil
}

// toldWatermark is the highest watermark that a push has carried to a follower.
type toldWatermark struct {
	node      kafka.NodeID
	watermark kafka.Offset
}

// tellTo notes the watermark that goes to a follower.
func (p *part) tellTo(node kafka.NodeID, watermark kafka.Offset) {
	for i := range p.told {
		if p.told[i].node == node {
			p.told[i].watermark = watermark
			return
		}
	}
	p.told = append(p.told, toldWatermark{node, watermark})
}

// knows is the watermark that a follower was told last.
func (p *part) knows(node kafka.NodeID) kafka.Offset {
	for _, t := range p.told {
		if t.node == node {
			return t.watermark
		}
	}
	return 0
}

// owesWatermark reports whether a follower that could be told the watermark has
// not been. Each counts for itself: what one was told, or missed with its
// connection, says nothing about another.
func (s *Shard) owesWatermark(p *part) bool {
	for _, m := range p.replicas {
		if m.Node != s.cfg.Node && p.knows(m.Node) < p.leader.Watermark() &&
			p.leader.Streaming(m.Node) {
			return true
		}
	}
	return false
}

// pushHead builds a push of the partition's present epoch.
func (p *part) pushHead(
	node kafka.NodeID, prev kafka.LeaderEpoch, base kafka.Offset, batches []byte,
) *peer.Push {
	p.tellTo(node, p.leader.Watermark())
	return &peer.Push{
		Partition:   p.id,
		LeaderEpoch: p.leader.Epoch(),
		Base:        base,
		PrevEpoch:   prev,
		Watermark:   p.leader.Watermark(),
		LogStart:    p.log.Start(),
		Batches:     batches,
	}
}

// onPushAck takes a follower's acknowledgement.
func (s *Shard) onPushAck(node kafka.NodeID, ack *peer.PushAck) {
	p := s.parts[ack.Partition]
	if p == nil || p.role != leading || p.leader.Epoch() != ack.LeaderEpoch {
		return
	}
	if p.leader.Acked(replica.Member{Node: node, Epoch: ack.BrokerEpoch}, ack.DurableEnd,
		s.now.Mono) {
		s.watermarkMoved(p)
	}
	if s.rare.Choose(rare.ProbeAgain) {
		p.leader.Refused(node, s.now.Mono)
	}
	s.touch(p)
}

// onPushReject takes a follower's refusal.
func (s *Shard) onPushReject(node kafka.NodeID, m *peer.PushReject) {
	p := s.parts[m.Partition]
	if p == nil || p.role != leading || p.leader.Epoch() != m.LeaderEpoch {
		return
	}
	s.stats.PushesRejected++
	if m.Reason == peer.Diverged {
		p.leader.Diverged(replica.Member{Node: node, Epoch: m.BrokerEpoch}, m.LastEpoch, p.log,
			s.now.Mono)
	} else {
		// The follower's metadata is behind, or it cannot take data now; if it is
		// ours that is behind, applying it will end this epoch.
		retryAt := s.now.Mono.Add(s.limits.RefusedPause)
		p.leader.Refused(node, retryAt)
		s.wakePartition(p, retryAt)
	}
	s.touch(p)
}

// tellWatermark sends followers a watermark that no push has carried for a
// while, so that they hold it if the leader is lost.
func (s *Shard) tellWatermark(p *part) {
	if p.role != leading {
		return
	}
	end := p.log.End()
	for _, m := range p.replicas {
		l := s.openLink(m.Node)
		if l != nil && !l.full && p.leader.Streaming(m.Node) &&
			p.knows(m.Node) < p.leader.Watermark() {
			mark.Hit(mark.WatermarkTold)
			l.send(s, p.pushHead(l.node, p.log.EpochBefore(end), end, nil))
			l.awaits(s)
		}
	}
	s.touch(p) // one whose connection is full is told later
}

// awaitsAck reports whether node owes an acknowledgement of any partition.
func (s *Shard) awaitsAck(node kafka.NodeID) bool {
	for _, p := range s.led.parts {
		if p.leader.Awaits(node) {
			return true
		}
	}
	return false
}

// --- follower side ---

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
	if len(push.Batches) == 0 {
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
	switch d.Action {
	case replica.Append:
		s.appendPushed(p, push.Batches)
	case replica.Truncate:
		s.truncate(p, d.Cut)
		s.stats.Truncations++
	case replica.Diverge:
		s.rejectPush(p, call, peer.Diverged, d.Last, d.End)
		return
	}
	p.leaderWatermark = max(p.leaderWatermark, push.Watermark)
	s.followWatermark(p)
	p.ackDue = p.ackDue || d.Action != replica.Append
	s.touch(p)
}

// refusal says why a push is not even looked at; 0 if it is.
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
	case p == nil || p.role != following || p.follower.Epoch() != epoch:
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

// appendPushed appends the batches of a push that continue the log; those below
// its end came before, on an older connection.
func (s *Shard) appendPushed(p *part, set []byte) {
	for len(set) > 0 {
		b, rest, err := batch.Next(set)
		if err != nil {
			// setEnd has walked the set.
			panic(err)
		}
		if b.BaseOffset() >= p.log.End() {
			break
		}
		set = rest
	}
	s.appendSet(p, set)
}

// setEnd walks a set of batches that must begin at base and be contiguous, with
// valid checksums, and returns the offset after the last.
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

// acknowledge tells the leader the durable end, unless a truncation of this
// epoch is not durable yet (PROTOCOL 12).
func (s *Shard) acknowledge(p *part) {
	if p.role != following || !p.follower.Synced() || p.truncation > s.wal.Durable() {
		mark.HitIf(p.role == following && p.truncation > s.wal.Durable(), mark.AckHeldByTruncation)
		return
	}
	end := p.log.DurableEnd()
	if p.ackDue || end > p.acked {
		p.acked, p.ackDue = end, false
		s.answer(p.ackVia, &peer.PushAck{
			Partition:   p.id,
			LeaderEpoch: p.follower.Epoch(),
			BrokerEpoch: s.epoch,
			DurableEnd:  end,
		})
	}
}

// followWatermark takes over the leader's watermark as far as this log is
// durable.
func (s *Shard) followWatermark(p *part) {
	if w := min(p.leaderWatermark, p.log.DurableEnd()); w > p.log.Watermark() &&
		p.follower.Synced() {
		p.log.SetWatermark(w)
	}
}
