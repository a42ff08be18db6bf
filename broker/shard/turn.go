package shard

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/diskfs"
)

// The end of a turn, and what runs by time. A turn takes some events; what is worth
// doing once for all of them is done here.

// EndTurn implements loop.Loop: due timers run, the WAL group is sealed and
// submitted, pushes and acknowledgements leave.
func (s *Shard) EndTurn(now env.Time) {
	if s.stopped {
		return
	}
	s.now = now
	s.noticeGap()
	s.runDue()
	// What waits for room goes on first: the turn's events may have made room.
	s.retryRefused()
	s.readSome()
	s.resumeParked()
	s.resumeInbound()
	s.loadCoordinators()
	s.runQueued()
	switch {
	case s.converting:
		s.convertSome()
	case s.recovered:
		for _, p := range s.touched.take() {
			s.endTurnOf(p)
		}
		s.flushSome()
		s.releaseWAL()
		s.narrateTurn()
		s.followRoom()
		s.pruneCoordinators()
		s.expireProducers()
		s.retain()
	}
	// The WAL's group goes to the disk, and the same records go to the followers.
	if s.wal.Phase() == wal.Ready && !s.converting {
		s.wal.EndTurn(s.now.Mono)
		s.pushWaiting()
	}
	s.retryLater()
	s.scanLeft = s.limits.ScanBytes
}

// NextTimer implements loop.Loop.
func (s *Shard) NextTimer() env.Instant {
	next := s.timers.Next()
	if s.recovered {
		next = min(next, s.wal.NextTimer())
	}
	if len(s.unread) > 0 || s.canLoad() {
		next = min(next, s.now.Mono)
	}
	if !s.toPush.empty() {
		next = min(next, s.pushBy)
	}
	return next
}

// noticeGap notices that this loop itself did not run for a while. The silence of
// followers since then says nothing about them.
func (s *Shard) noticeGap() {
	if next := s.timers.Next(); next == env.Never || s.now.Mono < next.Add(s.limits.TurnGap) {
		return
	}
	s.stats.TurnGaps++
	mark.Hit(mark.LoopSlept)
	for _, p := range s.led.parts {
		p.leader.Resumed(s.now.Mono)
	}
	s.resumeCoordinators()
}

// due is what a timer is for.
type due struct {
	kind    dueKind
	request *request
	part    *part
	link    *link
	client  *clientConn
	closing *closing
	origin  Origin
	op      *diskfs.Op
}

type dueKind uint8

const (
	dueRequest     dueKind = iota + 1 // a request's deadline
	dueProduce                        // an append's deadline
	dueTell                           // tell followers the watermark or the log start
	dueWake                           // look at a partition again
	dueLink                           // check whether a link is silent
	dueRedial                         // dial a link again
	dueWaitEnd                        // the end of a request's long poll
	dueIdle                           // look whether a client's connection is idle
	dueClosing                        // look whether a closing connection still sends
	dueMakeRoom                       // there are more connections than the shard's share
	dueRoom                           // something waits for bytes that clients hold
	dueRetry                          // a turn is enough: its end retries what waits
	dueDisk                           // submit a postponed operation again
	dueRemove                         // try again to delete a partition's files
	dueHandover                       // a stage of a handover may have lasted too long
	dueFlush                          // a flush that failed may be tried again
	dueCoordinator                    // a deadline of a coordinator
	dueLoad                           // a coordinator may read again, after a read that failed
	dueDeletion                       // the deadline of a DeleteRecords
)

// runDue runs the timers that are due.
func (s *Shard) runDue() {
	for {
		d, ok := s.timers.Pop(s.now.Mono)
		if !ok {
			return
		}
		s.onDue(d)
		s.runQueued()
	}
}

func (s *Shard) onDue(d due) {
	switch d.kind {
	case dueRequest:
		s.expire(d.request)
	case dueWaitEnd:
		s.endWait(d.request)
	case dueProduce:
		s.expireProduce(d.part, d.origin)
	case dueTell:
		s.tellNews(d.part)
	case dueDeletion:
		s.expireDeletion(d.part, d.origin)
	case dueWake:
		s.touch(d.part)
	case dueFlush:
		if s.parts[d.part.id] == d.part {
			s.grew(d.part)
		}
	case dueHandover:
		s.handoverDue(d.part)
	case dueCoordinator:
		s.tickCoordinator(d.part)
	case dueLoad:
		s.loadOn(d.part)
	case dueLink:
		s.checkLink(d.link)
	case dueRedial:
		s.dial(d.link)
	case dueIdle:
		s.checkIdle(d.client)
	case dueMakeRoom:
		s.makeRoom()
	case dueRoom:
		s.freeRoom()
	case dueClosing:
		s.checkClosing(d.closing)
	case dueDisk:
		s.host.Disk().Submit(*d.op)
	case dueRemove:
		d.part.log.Delete()
		s.onDone(d.part, d.part.log.Pending())
	}
}

// runQueued runs the requests, lanes, reads and coordinators that the present event has made
// runnable, and those that become so meanwhile.
func (s *Shard) runQueued() {
	s.startReads()
	for len(s.runnable) > 0 || len(s.lanesToRun) > 0 || !s.toServe.empty() {
		s.serveCoordinators()
		s.runRunnable()
		s.runLanes()
		s.startReads()
	}
}

// touch makes the end of the turn look at the partition.
func (s *Shard) touch(p *part) { s.touched.add(p) }

// wakePartition makes a turn look at the partition at that time, or earlier.
func (s *Shard) wakePartition(p *part, at env.Instant) {
	if at == env.Never || p.wake.Live() && p.wake.At() <= at {
		return
	}
	s.timers.Cancel(p.wake)
	p.wake = s.timers.Set(at, due{kind: dueWake, part: p})
}

// endTurnOf does for a partition what the turn's events made due.
func (s *Shard) endTurnOf(p *part) {
	switch p.role {
	case leading:
		if s.toPush.empty() {
			s.pushBy = s.now.Mono.Add(s.limits.GatherTime)
		}
		s.toPush.add(p)
		s.moveOwnStart(p)
		s.answerDeletions(p)
		s.proposeISR(p)
		s.wakePartition(p, p.leader.NextCheck())
		s.wakePartition(p, p.leader.NextProbe(s.now.Mono))
		if s.owesNews(p) && !p.tell.Live() {
			p.tell = s.timers.Set(s.now.Mono.Add(s.limits.WatermarkPause),
				due{kind: dueTell, part: p})
		}
	case following:
		s.acknowledge(p)
	}
}

// pushWaiting sends the partitions' news to their followers together with the WAL
// group that holds it: like a group, a push is what arrived during the last sync. A
// push in every turn would make many small ones, each with its own sync on every
// follower. A sync that takes long does not hold pushes back, because the followers
// would be dropped from the ISR for what was never sent to them.
func (s *Shard) pushWaiting() {
	if s.wal.Gathering() && s.now.Mono < s.pushBy && !s.rare.Choose(rare.PushEarly) {
		return
	}
	for _, p := range s.toPush.take() {
		if p.role == leading {
			s.pushPartition(p)
		}
	}
}
