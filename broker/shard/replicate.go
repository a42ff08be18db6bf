package shard

import (
	"time"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/replica"
	"example.com/lockstep/broker/wire/peer"
)

// The leader's side of replication: pushes to the followers, and their answers. The
// follower's side is in follow.go. package replica decides what to send and what an
// answer means.

// connected begins the replication to a node on a new connection.
func (s *Shard) connected(node kafka.NodeID) {
	for _, p := range s.led.parts {
		p.leader.Connected(node, s.now.Mono)
	}
	s.pushAll(node)
}

// disconnected ends the replication to a node until the next connection.
func (s *Shard) disconnected(node kafka.NodeID) {
	for _, p := range s.led.parts {
		p.leader.Disconnected(node)
	}
}

// pushAll sends a node what the partitions that are led here have for it.
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

// push sends one follower what may be sent to it now. Batches leave while the leader's
// own sync of them is still under way.
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
			s.sendProbe(p, l, p.pushHead(l.node, next.Prev, next.Base, nil))
			return
		}
		if next.Begin {
			s.pushBeginning(p, l, next)
			return
		}
		if !s.pushBatches(p, l, next) {
			return
		}
	}
}

// sendProbe sends a probe, or a new beginning. It is repeated if no answer comes.
func (s *Shard) sendProbe(p *part, l *link, head *peer.Push) {
	l.send(s, head)
	l.awaits(s)
	p.leader.ProbeSent(l.node, s.now.Mono)
	s.wakePartition(p, s.now.Mono.Add(s.limits.ProbeTimeout))
}

// pushBeginning lets a follower that needs records below the log start begin at the batch that
// holds the log start, or at the log end. That batch may have to be read from the disk
// first.
func (s *Shard) pushBeginning(p *part, l *link, next replica.Send) {
	read := p.log.Read(next.Base, 1, p.log.End())
	if read.Pending() {
		s.readForPush(p, read.Token, l.node, next)
		return
	}
	if read.Err == nil {
		s.sendBeginning(p, l, next, read.Batches)
	}
}

// sendBeginning ends pushBeginning. batches begin with the one that holds the log start.
func (s *Shard) sendBeginning(p *part, l *link, next replica.Send, batches [][]byte) {
	start := p.log.End()
	if len(batches) > 0 {
		start = batch.Batch(batches[0]).BaseOffset()
	}
	if next.Next == start { // it has all before that batch
		s.sendBatches(p, l, batches[:1])
		return
	}
	beginning, ok := p.log.BeginningAt(start)
	if !ok {
		retryAt := s.now.Mono.Add(s.limits.RefusedPause)
		p.leader.Refused(l.node, retryAt)
		s.wakePartition(p, retryAt)
		return
	}
	head := p.pushHead(l.node, beginning.Before.Epoch, beginning.Start, beginning.State)
	head.Begin = true
	s.sendProbe(p, l, head)
}

// pushBatches sends one frame of batches. It reports false if it sent none: they have to
// be read from the disk first, or cannot be read.
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

// sendBatches sends batches to a follower in one frame.
func (s *Shard) sendBatches(p *part, l *link, batches [][]byte) {
	base, payload := batch.Batch(batches[0]).BaseOffset(), joined(batches)
	end := batch.Batch(batches[len(batches)-1]).NextOffset()
	l.send(s, p.pushHead(l.node, p.log.EpochBefore(base), base, payload))
	l.awaits(s)
	p.leader.BatchesSent(l.node, end, len(payload))
	s.stats.PushedBytes += uint64(len(payload))
	s.stats.Pushes++
}

// joined returns the bytes of consecutive batches in one slice.
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

// told is what the last push to a follower carried.
type told struct {
	node             kafka.NodeID
	watermark, start kafka.Offset
}

// tellTo notes that a push to a follower carries the watermark and the wanted log start.
func (p *part) tellTo(node kafka.NodeID) {
	now := told{node, p.leader.Watermark(), p.leader.WantedStart()}
	for i := range p.told {
		if p.told[i].node == node {
			p.told[i] = now
			return
		}
	}
	p.told = append(p.told, now)
}

// knows reports whether the last push to a follower carried the watermark and the wanted log
// start of now.
func (p *part) knows(node kafka.NodeID) bool {
	known := told{node: node}
	for _, t := range p.told {
		if t.node == node {
			known = t
		}
	}
	return known.watermark >= p.leader.Watermark() && known.start >= p.leader.WantedStart()
}

// owesNews reports whether there is a follower that can be told the watermark or the log
// start and was not told. What one follower was told, or missed when its connection broke,
// says nothing about another one.
func (s *Shard) owesNews(p *part) bool {
	for _, m := range p.replicas {
		if m.Node != s.cfg.Node && p.leader.Streaming(m.Node) && !p.knows(m.Node) {
			return true
		}
	}
	return false
}

// pushHead makes a push in the partition's present epoch.
func (p *part) pushHead(
	node kafka.NodeID, prev kafka.LeaderEpoch, base kafka.Offset, batches []byte,
) *peer.Push {
	p.tellTo(node)
	return &peer.Push{
		Partition:   p.id,
		LeaderEpoch: p.leader.Epoch(),
		Base:        base,
		PrevEpoch:   prev,
		Watermark:   p.leader.Watermark(),
		LogStart:    p.leader.WantedStart(),
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
		ack.LogStart, s.now.Mono) {
		s.watermarkMoved(p)
	}
	if s.rare.Choose(rare.ProbeAgain) {
		p.leader.Refused(node, s.now.Mono)
	}
	s.touch(p)
}

// onPushReject takes a follower's refusal of a push.
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
		// The follower's metadata is behind, or it cannot take data now. If the metadata
		// of this node is behind, applying the rest ends this epoch.
		retryAt := s.now.Mono.Add(s.refusedPause(p))
		p.leader.Refused(node, retryAt)
		s.wakePartition(p, retryAt)
	}
	s.touch(p)
}

// refusedPause is how long to wait before a follower that has refused is tried again: as long as
// the epoch is old, so that the pauses double. Followers often learn of a new epoch a few
// milliseconds after its leader, and the first records of a topic wait for them.
func (s *Shard) refusedPause(p *part) time.Duration {
	return min(max(s.now.Mono.Sub(p.leadsSince), time.Millisecond), s.limits.RefusedPause)
}

// tellNews sends followers a watermark that no push has carried for a while, which they need
// if the leader is lost, or a log start to move to.
func (s *Shard) tellNews(p *part) {
	if p.role != leading {
		return
	}
	end := p.log.End()
	for _, m := range p.replicas {
		l := s.openLink(m.Node)
		if l != nil && !l.full && p.leader.Streaming(m.Node) && !p.knows(m.Node) {
			mark.Hit(mark.WatermarkTold)
			l.send(s, p.pushHead(l.node, p.log.EpochBefore(end), end, nil))
			l.awaits(s)
		}
	}
	s.touch(p) // a follower with a full connection is told later
}

// awaitsAck reports whether node owes an acknowledgement for any partition.
func (s *Shard) awaitsAck(node kafka.NodeID) bool {
	for _, p := range s.led.parts {
		if p.leader.Awaits(node) {
			return true
		}
	}
	return false
}
