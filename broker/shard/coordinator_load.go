package shard

import (
	"errors"
	"math"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/wait"
)

// How a coordinator reads its log. It begins when everything up to the start of its epoch is
// committed, so that it never knows what another leader does not have. The partition takes no
// appends meanwhile: only its coordinator appends, and that waits.
//
// A turn replays a bounded number of bytes (limits.LoadBytes). Reads of segments are bounded in
// number and size, over all coordinators of the shard.

// loading is how far a coordinator has read.
type loading struct {
	loaded  bool
	next    kafka.Offset     // that is read next
	reading bool             // a read of segments is under way
	again   *loop.Timer[due] // for the next one, after a read that has failed
	began   env.Instant
	records int
}

// loadOn lets a coordinator read on, if it can.
func (s *Shard) loadOn(p *part) {
	c := p.coordination
	if c == nil || c.loaded || c.reading || p.leader.Watermark() < p.leader.EpochStart() {
		return
	}
	s.toLoad.add(p)
}

// canLoad reports whether the next turn can read on for a coordinator.
func (s *Shard) canLoad() bool {
	return !s.toLoad.empty() && s.coordinatorReads < s.limits.LoadReads
}

// loadCoordinators reads on for coordinators that can, as much as one turn may.
func (s *Shard) loadCoordinators() {
	for left := s.limits.LoadBytes; left > 0 && s.canLoad(); {
		p := s.toLoad.parts[0]
		left -= s.loadSome(p, left)
	}
}

// loadSome reads on for the first coordinator of toLoad. It returns how many bytes it replayed, or
// took for something else.
func (s *Shard) loadSome(p *part, maxBytes int) (bytes int) {
	c := p.coordination
	c.next = max(c.next, p.log.Start())
	if c.next >= p.leader.EpochStart() {
		s.toLoad.remove(p)
		s.coordinatorLoaded(p)
		return 1
	}
	read := p.log.Read(c.next, maxBytes, p.leader.EpochStart())
	switch {
	case read.Pending():
		s.toLoad.remove(p)
		c.reading = true
		s.coordinatorReads++
		mark.Hit(mark.CoordinatorReadsSegments)
		s.readLater(p, read.Token, pendingRead{load: true})
		return 1
	case len(read.Batches) == 0:
		s.toLoad.remove(p)
		s.loadLater(p) // the log was being flushed, or the read ended too early
		return 1
	}
	return s.replayFor(p, read.Batches)
}

// coordinatorRead takes a read of segments that has ended.
func (s *Shard) coordinatorRead(p *part, r pendingRead, done partition.Done) {
	s.coordinatorReads--
	c := p.coordination
	if c == nil || p.epoch != r.epoch {
		return
	}
	c.reading = false
	if done.Err != nil && !errors.Is(done.Err, partition.ErrOvertaken) {
		s.stats.ReadErrors++
	}
	if done.Err != nil || len(done.Batches) == 0 {
		s.loadLater(p)
		return
	}
	s.replayFor(p, done.Batches)
	s.loadOn(p)
}

// loadLater reads on after a pause.
func (s *Shard) loadLater(p *part) {
	mark.Hit(mark.CoordinatorReadAgain)
	c := p.coordination
	s.timers.Cancel(c.again)
	c.again = s.timers.Set(s.now.Mono.Add(s.limits.RefusedPause), due{kind: dueLoad, part: p})
}

// replayFor gives batches of the log to their coordinator, and returns their bytes.
func (s *Shard) replayFor(p *part, batches [][]byte) (bytes int) {
	c := p.coordination
	for _, set := range batches {
		b := batch.Batch(set)
		bytes += len(set)
		c.next = b.NextOffset()
		if b.Control() {
			continue
		}
		records := b.Records(math.MaxInt) // it was bounded when it was appended
		for records.Next() {
			c.records++
			if err := c.machine.Replay(records.Record.Key, records.Record.Value); err != nil {
				s.unreadable(p, records.Record.Offset, err)
			}
		}
		if err := records.Err(); err != nil {
			s.unreadable(p, b.BaseOffset(), err)
		}
	}
	return bytes
}

// unreadable tells of a record that a coordinator cannot read. It goes on without it, as Kafka
// does: one record must not make all others unreachable.
func (s *Shard) unreadable(p *part, at kafka.Offset, err error) {
	s.host.Log(event.New(event.RecordUnreadable, event.Text("partition", s.topicPartition(p.id)),
		event.Int("offset", at), event.Err(err)))
}

// coordinatorLoaded lets a coordinator begin that has read its whole log.
func (s *Shard) coordinatorLoaded(p *part) {
	c := p.coordination
	c.loaded = true
	c.machine.Loaded(s.now)
	s.toServe.add(p)
	if c.records > 0 {
		s.toPrune.add(p)
		s.host.Log(event.New(event.CoordinatorLoaded,
			event.Text("partition", s.topicPartition(p.id)), event.Int("epoch", p.epoch),
			event.Int("records", c.records), event.Duration("took", s.now.Mono.Sub(c.began))))
	}
}

// A topic may be deleted while nobody leads the partition, and nobody drops what the log says of
// it. So a coordinator that has loaded is given the topics that there are. Metadata that is too old
// would lack new topics, which the log may name. A barrier brings what was committed before it, and
// so all topics of the log.

// originPrune marks, in Origin.Op, the barrier for pruneCoordinators.
const originPrune = -3

// pruneCoordinators asks for the barrier that the coordinators in toPrune wait for.
func (s *Shard) pruneCoordinators() {
	if s.toPrune.empty() || s.pruning != nil || s.now.Mono < s.pruneAt {
		return
	}
	for _, p := range s.toPrune.take() {
		s.pruning = append(s.pruning, pruned{p, p.coordination})
	}
	call := Call{
		Origin: Origin{Loop: s.id, Op: originPrune}, Op: api.Barrier{},
		Deadline: s.now.Mono.Add(s.limits.ProposalTimeout),
	}
	if !s.host.TrySend(loop.Control, call) {
		s.onPruneBarrier(api.BarrierResult{Code: kafka.RequestTimedOut})
	}
}

// pruned is a coordinator that waits for the barrier.
type pruned struct {
	part *part
	by   *coordination
}

// onPruneBarrier gives coordinators the topics that there are. Without an answer of the controller
// it tries again later: nothing hurries.
func (s *Shard) onPruneBarrier(result api.BarrierResult) {
	waiting := s.pruning
	s.pruning = nil
	for _, w := range waiting {
		switch {
		case w.part.coordination != w.by: // another epoch
		case result.Code == kafka.None:
			w.by.machine.Prune(s.now, s.image)
			s.toServe.add(w.part)
		default:
			s.toPrune.add(w.part)
			s.pruneAt = s.now.Mono.Add(s.limits.ProposalTimeout)
		}
	}
}

// loadTarget says what a coordinator that loads waits for.
func (s *Shard) loadTarget(p *part, name string) (string, wait.Target) {
	switch {
	case p.leader.Watermark() < p.leader.EpochStart():
		return "the watermark", wait.Of(wait.Watermark(name))
	case p.coordination.reading:
		return s.diskWait(p)
	case p.coordination.again.Live():
		return "the time to read again", wait.OfTimer(p.coordination.again.At())
	}
	return "its log to be read", wait.Of(wait.Turn)
}
