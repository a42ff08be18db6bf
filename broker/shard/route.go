package shard

import (
	"slices"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
)

// The way of an operation from its request to where its state lives: a shard of this
// node, the control loop, or another node.

// lane keeps the produces of one (client connection, partition) in order while the
// leader changes. All outstanding produces went to one leader epoch; produces for
// another epoch wait until none is outstanding (PROTOCOL 33). Otherwise a batch sent to
// the new leader could overtake one that is still on its way to the old leader.
type lane struct {
	id          kafka.PartitionID
	epoch       kafka.LeaderEpoch // of the outstanding produces
	outstanding int
	waiting     []laneEntry
}

// laneEntry names an operation of a request: a produce that waits in a lane.
type laneEntry struct {
	request *request
	op      int32
}

// origin names operation i of the present round of a request.
func (s *Shard) origin(r *request, i int32) Origin {
	return Origin{Loop: s.id, Request: r.id, Op: r.firstOp + i}
}

// route sends operation i to where its state lives.
func (s *Shard) route(r *request, i int32) {
	switch op := r.ops[i].op.(type) {
	case api.Produce:
		s.routeProduce(r, i, op)
	case api.Fetch:
		s.callPartition(r, i, op.Partition, anyEpoch)
	case api.Wait:
		s.boundWait(r, op)
		s.callPartition(r, i, op.Partition, anyEpoch)
	case api.Offsets:
		s.callPartition(r, i, op.Partition, anyEpoch)
	case api.NewEpochs:
		s.awaitEpochs(r, i, op)
	case api.EpochEnd:
		s.callPartition(r, i, op.Partition, anyEpoch)
	case api.Coordinate:
		s.callPartition(r, i, op.Partition, anyEpoch)
	case api.DeleteRecords:
		s.callPartition(r, i, op.Partition, anyEpoch)
	case api.Propose, api.Applied, api.Barrier, api.NextProducerID:
		r.ops[i].at = loop.Control
		s.send(r.outbox(), loop.Control, Call{Origin: s.origin(r, i), Op: op, Deadline: r.deadline})
	default:
		assert.That(false, "shard: unknown operation %T", op)
	}
}

// anyEpoch stands in calls that are not for one leader epoch only.
const anyEpoch kafka.LeaderEpoch = -1

// callPartition runs operation i on the shard that owns its partition: here, or there
// by mail.
func (s *Shard) callPartition(r *request, i int32, id kafka.PartitionID, epoch kafka.LeaderEpoch) {
	call := PartitionCall{
		Origin: s.origin(r, i), Op: r.ops[i].op, Deadline: r.deadline, Epoch: epoch,
		Facts: r.ops[i].facts,
	}
	owner := s.Owner(id)
	r.ops[i].at = owner
	if owner == s.id {
		s.runCall(call)
		return
	}
	s.send(r.outbox(), owner, call)
}

// routeProduce sends a produce to the leader of its partition, once its records are read. A
// produce that another node forwarded was read there. It has no lane, and runs on this node or
// nowhere.
func (s *Shard) routeProduce(r *request, i int32, op api.Produce) {
	if r.forward != nil {
		if _, failure := validate(op.Batches); failure.Code != kafka.None {
			s.resolve(s.origin(r, i), failure)
			return
		}
		r.ops[i].facts = r.forward.facts
		s.callPartition(r, i, op.Partition, r.forward.epoch)
		return
	}
	if s.readRecords(r, i, op) {
		s.joinLane(r, i, op)
	}
}

// joinLane sends a client's produce on, behind those of its connection that went elsewhere.
func (s *Shard) joinLane(r *request, i int32, op api.Produce) {
	ln := r.conn.lanes[op.Partition]
	if ln == nil {
		ln = &lane{id: op.Partition}
		r.conn.lanes[op.Partition] = ln
	}
	r.ops[i].lane = ln
	reg := s.image.Partition(op.Partition)
	if len(ln.waiting) > 0 || ln.outstanding > 0 && reg != nil && reg.LeaderEpoch != ln.epoch {
		ln.waiting = append(ln.waiting, laneEntry{r, i})
		s.stats.LaneWaits++
		mark.Hit(mark.LaneWaits)
		return
	}
	s.enterLane(ln, r, i, op)
}

// enterLane sends a produce to the leader that the metadata names.
func (s *Shard) enterLane(ln *lane, r *request, i int32, op api.Produce) {
	reg := s.image.Partition(op.Partition)
	ln.outstanding++
	if reg != nil {
		ln.epoch = reg.LeaderEpoch
	}
	switch {
	case reg == nil:
		s.resolve(s.origin(r, i), notLeader(nil, kafka.UnknownTopicOrPartition))
	case reg.Leader == s.cfg.Node:
		s.callPartition(r, i, op.Partition, reg.LeaderEpoch)
	case reg.Leader == kafka.NoNode:
		s.resolve(s.origin(r, i), notLeader(reg, kafka.NotLeaderOrFollower))
	default:
		s.forward(r, i, op, reg)
	}
}

// leaveLane takes a resolved produce out of its lane. Once nothing is outstanding, the
// produces that wait for another leader epoch go on. An empty lane is deleted, because
// a connection may outlive any number of topics.
func (s *Shard) leaveLane(r *request, running *runningOp) {
	ln := running.lane
	if ln == nil {
		return
	}
	running.lane = nil
	queued := running.queuedIn(ln)
	if !queued {
		ln.outstanding--
	}
	switch {
	case ln.outstanding > 0:
	case len(ln.waiting) == 0:
		if r.conn != nil {
			delete(r.conn.lanes, ln.id)
		}
	case !queued:
		s.lanesToRun = append(s.lanesToRun, ln)
	}
}

// queuedIn reports whether the operation still waits in the lane, and takes it out of
// the queue if so.
func (running *runningOp) queuedIn(ln *lane) bool {
	for k := range ln.waiting {
		entry := ln.waiting[k]
		if &entry.request.ops[entry.op] == running {
			ln.waiting = append(ln.waiting[:k:k], ln.waiting[k+1:]...)
			return true
		}
	}
	return false
}

// returnToLane puts a forward that was never sent at the front of its lane's queue.
func (s *Shard) returnToLane(fwd *forwarding) {
	r := s.requests[fwd.origin.Request]
	i := fwd.origin.Op - r.firstOp
	running := &r.ops[i]
	running.onward = nil
	ln := running.lane
	ln.outstanding--
	ln.waiting = slices.Insert(ln.waiting, 0, laneEntry{r, i})
	if ln.outstanding == 0 {
		s.lanesToRun = append(s.lanesToRun, ln)
	}
	s.stats.ForwardsRecalled++
	mark.Hit(mark.ForwardRecalled)
}

// runLanes starts the produces that waited in lanes with nothing outstanding.
func (s *Shard) runLanes() {
	for len(s.lanesToRun) > 0 {
		ln := s.lanesToRun[0]
		s.lanesToRun = s.lanesToRun[1:]
		for len(ln.waiting) > 0 {
			entry := ln.waiting[0]
			reg := s.image.Partition(ln.id)
			if ln.outstanding > 0 && reg != nil && reg.LeaderEpoch != ln.epoch {
				break
			}
			ln.waiting = ln.waiting[1:]
			s.enterLane(ln, entry.request, entry.op, entry.request.ops[entry.op].op.(api.Produce))
		}
	}
}
