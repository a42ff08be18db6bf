package shard

import (
	"slices"
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire/peer"
)

// A produce that comes to a node that does not lead its partition is forwarded to the
// node that does. This file holds both ends of that.

// forwarding is a produce on its way to another node.
type forwarding struct {
	id     uint64
	origin Origin
	link   *link
}

// forward sends a produce to the node that leads its partition, or holds it until there
// is a connection. The request's deadline bounds both.
func (s *Shard) forward(r *request, i int32, op api.Produce, reg *registration) {
	link := s.link(reg.Leader)
	s.nextForward++
	f := &peer.Forward{
		ID: s.nextForward, Partition: op.Partition, LeaderEpoch: reg.LeaderEpoch, Acks: op.Acks,
		TimeoutMs: int32(r.deadline.Sub(s.now.Mono).Milliseconds()), Batches: op.Batches,
		Records: peer.RecordFacts(r.ops[i].facts),
	}
	fwd := &forwarding{id: f.ID, origin: s.origin(r, i), link: link}
	r.ops[i].at = loop.Outside
	r.ops[i].onward = fwd
	s.stats.Forwarded++
	link.forward(s, fwd, f)
}

// forward sends a produce, or holds it until the link is open.
func (l *link) forward(s *Shard, fwd *forwarding, f *peer.Forward) {
	if len(l.forwards) >= s.limits.Forwards {
		// It was not sent, so it was certainly not appended.
		s.stats.ForwardsRefused++
		mark.Hit(mark.ForwardRefused)
		s.resolve(fwd.origin, notLeader(nil, kafka.NotLeaderOrFollower))
		return
	}
	l.forwards = append(l.forwards, fwd)
	if !l.open {
		mark.Hit(mark.ForwardHeld)
		l.held = append(l.held, f)
		return
	}
	l.send(s, f)
	l.awaits(s)
}

// takeForward removes and returns the forward with the id; nil if there is none.
func (l *link) takeForward(id uint64) *forwarding {
	for i, f := range l.forwards {
		if f.id == id {
			l.forwards = append(l.forwards[:i], l.forwards[i+1:]...)
			return f
		}
	}
	return nil
}

// dropForward forgets a forward when its request has ended. It reports whether the
// forward was never sent: then it was certainly not appended.
func (l *link) dropForward(id uint64) (neverSent bool) {
	for i, f := range l.held {
		if f.ID == id {
			l.held = append(l.held[:i], l.held[i+1:]...)
			neverSent = true
			break
		}
	}
	l.takeForward(id)
	return neverSent
}

// recallHeld takes back the forwards that were never sent, if their partition has another
// leader or leader epoch by now, and sends them where the metadata says. A link to a node
// that froze or died may not open for hours, and clients that stay on this node would wait
// until their deadline. A forward that was sent is not recalled: its fate is unknown until
// the connection is given up.
func (s *Shard) recallHeld() {
	for _, l := range s.links {
		kept := l.held[:0]
		var recalled []*peer.Forward
		for _, f := range l.held {
			if reg := s.image.Partition(f.Partition); reg != nil && reg.Leader == l.node &&
				reg.LeaderEpoch == f.LeaderEpoch {
				kept = append(kept, f)
			} else {
				recalled = append(recalled, f)
			}
		}
		clear(l.held[len(kept):])
		l.held = kept
		// The last one first: each goes to the front of its lane, and so the oldest ends
		// there.
		for _, f := range slices.Backward(recalled) {
			s.returnToLane(l.takeForward(f.ID))
		}
	}
}

// forwarded says where a produce came from that another node has sent here.
type forwarded struct {
	via   *inbound
	id    uint64
	epoch kafka.LeaderEpoch // as the sender knows it
	facts batch.Facts       // what the sender has read in the batch
}

// onForward starts a produce that another node forwarded. It is never forwarded again
// (BUGS F3): unless this node leads the partition in the epoch that the sender knows, the
// produce is refused.
func (s *Shard) onForward(in *inbound, f *peer.Forward) {
	r := &request{
		forward: &forwarded{
			via: in, id: f.ID, epoch: f.LeaderEpoch, facts: batch.Facts(f.Records),
		},
		handler: &forwardHandler{
			op:        api.Produce{Partition: f.Partition, Acks: f.Acks, Batches: f.Batches},
			timeoutMs: f.TimeoutMs,
		},
		bytes: len(f.Batches),
	}
	s.forwardedBytes += r.bytes
	s.startRequest(r)
}

// answerForward sends the result of a forwarded produce back to the node that sent it.
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

// onForwardReply resolves a produce that was forwarded from here.
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

// forwardHandler is the handler of a produce that another node forwarded. It has one
// operation, and the result of that is the answer.
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
