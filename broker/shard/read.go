package shard

import (
	"errors"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/replica"
)

// Reads that go to the disk. They are for a fetch, for an offset lookup, or for a push to
// a follower that is behind. The role may have changed when such a read ends.

// pendingRead is a read that waits for the disk.
type pendingRead struct {
	token  uint64
	origin Origin
	fetch  api.FetchResult   // for a fetch: the result without its batches
	lookup bool              // for an offset lookup
	push   kafka.NodeID      // for a push: the follower; 0 otherwise
	base   kafka.Offset      // for a push: where it begins
	load   bool              // for a coordinator
	epoch  kafka.LeaderEpoch // of the leadership in which the read began
}

// forClient reports whether a request waits for the read. Such reads count in Shard.reading.
func (r *pendingRead) forClient() bool { return r.push == 0 && !r.load }

// queueRead reports whether a call that needs to read segments has to wait, because as many reads
// are under way as may be. The call is then repeated later, by startReads, with the state of that
// time.
func (s *Shard) queueRead(call PartitionCall) bool {
	if s.reading < s.limits.ReadsInFlight && (len(s.toRead) == 0 || s.startingRead) {
		return false
	}
	mark.Hit(mark.ReadsFull)
	s.toRead = append(s.toRead, call)
	return true
}

// startReads repeats calls that waited to read, as far as there is room. A call is dropped if its
// request has ended: at its deadline, or, on this shard, with its connection.
func (s *Shard) startReads() {
	for len(s.toRead) > 0 && s.reading < s.limits.ReadsInFlight {
		call := s.toRead[0]
		s.toRead[0] = PartitionCall{}
		s.toRead = s.toRead[1:]
		ended := call.Origin.Loop == s.id && s.requests[call.Origin.Request] == nil
		if ended || call.Deadline.Add(s.limits.LoopSlack) < s.now.Mono {
			continue
		}
		s.startingRead = true
		s.runCall(call)
		s.startingRead = false
	}
}

// readLater notes what waits for a read that goes to the disk.
func (s *Shard) readLater(p *part, token uint64, waiting pendingRead) {
	waiting.token, waiting.epoch = token, p.epoch
	p.reads = append(p.reads, waiting)
	if waiting.forClient() {
		s.reading++
	}
	s.stats.FetchedFromDisk++
	s.onDone(p, p.log.Pending()) // it may have ended at once
}

// readForPush reads batches for a follower from the disk, because memory does not hold
// them any more.
func (s *Shard) readForPush(p *part, token uint64, node kafka.NodeID, next replica.Send) {
	s.readLater(p, token, pendingRead{push: node, base: next.Base})
}

// reading reports whether a read for a push to node is under way.
func (p *part) reading(node kafka.NodeID) bool {
	for _, r := range p.reads {
		if r.push == node && r.epoch == p.epoch {
			return true
		}
	}
	return false
}

// onRead hands the result of a read to what waits for it.
func (s *Shard) onRead(p *part, done partition.Done) {
	for i, r := range p.reads {
		if r.token != done.Token {
			continue
		}
		p.reads = append(p.reads[:i], p.reads[i+1:]...)
		if r.forClient() {
			s.reading--
		}
		passed := errors.Is(done.Err, partition.ErrOutOfRange) // by the log start
		if done.Err != nil && !passed {
			s.host.Log(event.New(event.ReadFailed, event.Text("partition", s.topicPartition(p.id)),
				event.Err(done.Err)))
		}
		if errors.Is(done.Err, partition.ErrDamaged) && p.role == leading && p.epoch == r.epoch {
			p.leader.LogDamaged() // another replica may be able to read this
			s.touch(p)
		}
		switch {
		case r.push != 0:
			s.pushRead(p, r, done)
		case r.load:
			s.coordinatorRead(p, r, done)
		case r.lookup:
			s.answerLookup(p, r, done)
		case passed:
			r.fetch.Code = kafka.OffsetOutOfRange
			s.reply(r.origin, r.fetch)
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
	if next.Begin {
		s.sendBeginning(p, l, next, done.Batches)
		return
	}
	mark.Hit(mark.CatchUpFromSegments)
	s.sendBatches(p, l, done.Batches)
}
