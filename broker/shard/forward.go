package shard

import (
	"slices"
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire/peer"
)

// lane keeps the produces of one (client connection, partition) in order while
// the leader changes: all that are outstanding went to one leader epoch; while
// they are, those for another epoch wait (PROTOCOL 33). Otherwise a batch sent to
// the new leader could overtake one still on its way to the old one.
type lane struct {
	id          kafka.PartitionID
	epoch       kafka.LeaderEpoch // of the outstanding ones
	outstanding int
	waiting     []laneEntry
}

type laneEntry struct {
	request *request
	op      int32
}

// forwarding is a produce on its way to another node.
type forwarding struct {
	id     uint64
	origin Origin
	link   *link
}

// runProduce sends a produce to the leader of its partition, through its lane.
func (s *Shard) runProduce(r *request, i int32, op api.Produce) {
	if r.forward != nil {
		s.callPartition(r, i, PartitionCall{
			Origin: s.origin(r, i), Op: op, Deadline: r.deadline, Epoch: r.forward.epoch,
		}, op.Partition)
		return
	}
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

// enterLane sends a produce where the metadata says that the leader is.
func (s *Shard) enterLane(ln *lane, r *request, i int32, op api.Produce) {
	origin := s.origin(r, i)
	reg := s.image.Partition(op.Partition)
	ln.outstanding++
	switch {
	case reg == nil:
		s.resolve(origin, notLeader(nil, kafka.UnknownTopicOrPartition))
	case reg.Leader == s.cfg.Node:
		ln.epoch = reg.LeaderEpoch
		s.callPartition(r, i, PartitionCall{Origin: origin, Op: op, Deadline: r.deadline, Epoch: reg.LeaderEpoch}, op.Partition)
	case reg.Leader == kafka.NoNode:
		ln.epoch = reg.LeaderEpoch
		s.resolve(origin, notLeader(reg, kafka.NotLeaderOrFollower))
	default:
		ln.epoch = reg.LeaderEpoch
		s.forwardTo(reg.Leader, r, i, peer.Forward{
			Partition:   op.Partition,
			LeaderEpoch: reg.LeaderEpoch,
			Acks:        op.Acks,
			TimeoutMs:   int32(r.deadline.Sub(s.now.Mono).Milliseconds()),
			Batches:     op.Batches,
		})
	}
}

// leaveLane takes a resolved produce out of its lane and lets those that wait
// for another leader epoch go on once nothing is outstanding. An empty lane goes:
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

// queuedIn removes the operation from the lane's queue if it still waits there.
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

// runLanes starts what waited in lanes that have drained.
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

// forwardTo sends a produce to another node, or holds it while the connection
// is being made; the request's deadline bounds both.
func (s *Shard) forwardTo(node kafka.NodeID, r *request, i int32, f peer.Forward) {
	link := s.link(node)
	s.nextForward++
	f.ID = s.nextForward
	fwd := &forwarding{id: f.ID, origin: s.origin(r, i), link: link}
	r.ops[i].at = loop.Outside
	r.ops[i].onward = fwd
	s.stats.Forwarded++
	link.forward(s, fwd, &f)
}

// recallHeld takes back the forwards that were never sent and whose partition has
// another leader epoch by now, and sends them where the metadata says: a link to a
// node that froze or died may not open for hours, and clients that stay on this
// node would wait for their deadline. What was sent is not recalled: its fate is
// unknown until the connection is given up.
func (s *Shard) recallHeld() {
	for _, l := range s.links {
		kept := l.held[:0]
		var recalled []*peer.Forward
		for _, f := range l.held {
			if reg := s.image.Partition(f.Partition); reg != nil && reg.Leader == l.node && reg.LeaderEpoch == f.LeaderEpoch {
				kept = append(kept, f)
			} else {
				recalled = append(recalled, f)
			}
		}
		clear(l.held[len(kept):])
		l.held = kept
		// The last first: each goes to the front of its lane, before what came later.
		for _, f := range slices.Backward(recalled) {
			s.returnToLane(l.takeForward(f.ID))
		}
	}
}

// returnToLane makes a forward that was never sent the first to wait in its lane.
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

// forwarded is a produce that another node sent here.
type forwarded struct {
	via   *inbound
	id    uint64
	epoch kafka.LeaderEpoch // as the sender knows it
}

// onForward starts a produce that another node forwarded. It is never
// forwarded again (BUGS F3): unless this node leads the partition in the epoch
// the sender knows, it is refused.
func (s *Shard) onForward(in *inbound, f *peer.Forward) {
	r := &request{
		forward: &forwarded{via: in, id: f.ID, epoch: f.LeaderEpoch},
		handler: &forwardHandler{op: api.Produce{Partition: f.Partition, Acks: f.Acks, Batches: f.Batches}, timeoutMs: f.TimeoutMs},
		bytes:   len(f.Batches),
	}
	s.forwardedBytes += r.bytes
	s.startRequest(r)
}

// answerForward sends the fate of a forwarded produce back.
func (s *Shard) answerForward(r *request) {
	result := r.handler.(*forwardHandler).result
	s.sendInbound(r.forward.via, &peer.ForwardReply{
		ID:              r.forward.id,
		Code:            result.Code,
		Message:         result.Message,
		BaseOffset:      result.Base,
		LogAppendTimeMs: result.AppendTimeMs,
		LogStart:        result.LogStart,
	})
}

// onForwardReply resolves a forwarded produce.
func (s *Shard) onForwardReply(link *link, reply *peer.ForwardReply) {
	fwd := link.takeForward(reply.ID)
	if fwd == nil {
		return // its request has ended
	}
	result := api.ProduceResult{
		Code: reply.Code, Message: reply.Message, Base: reply.BaseOffset,
		AppendTimeMs: reply.LogAppendTimeMs, LogStart: reply.LogStart,
		CurrentLeader: api.Leader{Node: kafka.NoNode, Epoch: -1},
	}
	s.resolve(fwd.origin, result)
}

// notLeader is the refusal of a produce that was certainly not appended.
func notLeader(reg *registration, code kafka.ErrorCode) api.ProduceResult {
	result := api.ProduceResult{Code: code, Base: -1, AppendTimeMs: -1, LogStart: -1, CurrentLeader: api.Leader{Node: kafka.NoNode, Epoch: -1}}
	if reg != nil {
		result.CurrentLeader = api.Leader{Node: reg.Leader, Epoch: reg.LeaderEpoch}
	}
	return result
}

// forwardHandler is the handler of a produce that another node forwarded: one
// operation, whose result is the answer.
type forwardHandler struct {
	op        api.Produce
	timeoutMs int32
	started   bool
	result    api.ProduceResult
}

func (h *forwardHandler) Timeout() time.Duration {
	return time.Duration(max(1, h.timeoutMs)) * time.Millisecond
}

func (h *forwardHandler) Next(_ api.Context, _ bool) []api.Op {
	if h.started {
		return nil
	}
	h.started, h.result = true, timedOut() // until it resolves, its fate is unknown
	return []api.Op{h.op}
}

func (h *forwardHandler) Resolve(_ int, result any) { h.result = result.(api.ProduceResult) }

func (h *forwardHandler) Answer(api.Context) [][]byte { return nil }
