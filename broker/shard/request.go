package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/rare"
)

// request is one request while it runs on the shard that owns its connection: a
// handler, the operations that it waits for, and its deadline.
type request struct {
	id           uint64
	conn         *clientConn // nil for forwarded produces
	forward      *forwarded  // a produce that another node sent
	handler      api.Handler
	ops          []runningOp
	unregistered bool  // may be served by a node that is not registered (ApiVersions)
	firstOp      int32 // the number of ops[0] in Origin.Op; no number is used twice
	pending      int   // operations that have not resolved
	began        env.Instant
	deadline     env.Instant
	timer        *loop.Timer[due]
	waitEnd      *loop.Timer[due] // ends the present Waits
	bytes        int              // of a produce: see Shard.inflightBytes
	done         bool
	fetch        bool     // see clientConn.fetching
	room         int      // of a Fetch: the bound of its answer
	taken        int      // of a Fetch: bytes that its reads have brought
	held         bool     // not begun: this incarnation is not registered yet
	frame        [][]byte // the response, once done
	closes       bool     // its connection is closed in place of a response
}

// answerBytes is the size of the answer, once there is one.
func (r *request) answerBytes() (n int) {
	for _, part := range r.frame {
		n += len(part)
	}
	return n
}

// runningOp is an operation of a request, and where it is.
type runningOp struct {
	op       api.Op
	resolved bool
	at       loop.ID     // the loop that runs it
	lane     *lane       // Produce: the order it must keep
	facts    batch.Facts // Produce: what its records say; once they are read
	onward   *forwarding // Produce: forwarded to another node
}

// startRequest runs a handler until it waits or is done.
func (s *Shard) startRequest(r *request) {
	s.nextRequest++
	r.id = s.nextRequest
	timeout := r.handler.Timeout()
	if timeout <= 0 {
		timeout = s.limits.RequestTimeout
	}
	timeout = min(timeout, s.limits.RequestTimeoutMax)
	r.held = r.conn != nil && s.epoch == 0 && !r.unregistered
	if r.held { // the handler's timeout is for its own work, which does not begin yet
		timeout = min(timeout, s.limits.RequestTimeout)
	}
	r.began, r.deadline = s.now.Mono, s.now.Mono.Add(timeout)
	s.requests[r.id] = r
	r.timer = s.timers.Set(r.deadline.Add(s.limits.LoopSlack), due{kind: dueRequest, request: r})
	if r.held {
		mark.Hit(mark.RequestHeld)
		s.held = append(s.held, r)
		return
	}
	s.advance(r, false)
}

// startHeld starts the requests that came before this incarnation was registered.
// Until then the image may be older than the one that the node's last incarnation
// answered from, and clients must not see metadata go back.
func (s *Shard) startHeld() {
	held := s.held
	s.held = nil
	for _, r := range held {
		if r.done {
			continue
		}
		r.held = false
		s.advance(r, false)
	}
}

// advance asks the handler what to do next, as long as nothing is pending.
func (s *Shard) advance(r *request, expired bool) {
	for r.pending == 0 || expired {
		ops := r.handler.Next(s.context(), expired)
		if len(ops) == 0 {
			s.finish(r)
			return
		}
		assert.That(!expired, "shard: %T asked for operations after its deadline", r.handler)
		r.firstOp += int32(len(r.ops))
		r.ops = r.ops[:0]
		for _, op := range ops {
			r.ops = append(r.ops, runningOp{op: op})
		}
		r.pending = len(r.ops)
		for i := range r.ops {
			if r.ops[i].resolved {
				continue // a Wait before this one resolved at once and cancelled it
			}
			s.route(r, int32(i))
			if r.done {
				return // an operation resolved the whole request
			}
		}
		if r.pending > 0 {
			s.reserve(r)
			s.cutPoll(r)
			return
		}
	}
}

// resolve gives a result to the request that waits for it. Results for requests that
// have ended are dropped.
func (s *Shard) resolve(origin Origin, result any) {
	r := s.requests[origin.Request]
	if r == nil || r.done {
		return
	}
	i := int(origin.Op - r.firstOp)
	if i < 0 || i >= len(r.ops) || r.ops[i].resolved {
		return // of an earlier round: for example a Wait that woke while it was cancelled
	}
	running := &r.ops[i]
	if _, isWait := running.op.(api.Wait); isWait {
		s.endWait(r) // the first one cancels the others
		return
	}
	running.resolved = true
	s.leaveLane(r, running)
	if produced, ok := result.(api.ProduceResult); ok && r.conn != nil {
		result = s.withRecordErrors(running, produced)
	}
	if read, ok := result.(api.FetchResult); ok {
		r.taken += read.Bytes
	}
	r.handler.Resolve(i, result)
	r.pending--
	if r.pending == 0 {
		s.advanceLater(r)
	}
}

// boundWait sets the timer that ends a request's Waits. They all end at the same time.
func (s *Shard) boundWait(r *request, op api.Wait) {
	if r.waitEnd.Live() {
		return
	}
	until := op.Until
	if s.rare.Choose(rare.WaitShort) {
		until = min(until, s.now.Mono.Add(rarePause))
	}
	r.waitEnd = s.timers.Set(until, due{kind: dueWaitEnd, request: r})
}

// endWait cancels the Waits of a request: one of them has resolved, or their time is up.
func (s *Shard) endWait(r *request) {
	s.cancelOps(r)
	r.pending = 0
	s.advanceLater(r)
}

// advanceLater queues the request for the end of the present event: a result may come
// while the operations of the same request are still being started, or in the middle
// of a partition's work.
func (s *Shard) advanceLater(r *request) { s.runnable = append(s.runnable, r) }

// runRunnable advances the requests that wait for no operation any more.
func (s *Shard) runRunnable() {
	for len(s.runnable) > 0 {
		r := s.runnable[0]
		s.runnable[0] = nil
		s.runnable = s.runnable[1:]
		if !r.done && r.pending == 0 {
			s.advance(r, false)
		}
	}
}

// expire ends a request at its deadline. A request that could not even begin has no
// true answer: its connection is closed.
func (s *Shard) expire(r *request) {
	if r.held {
		s.refuseClient(r.conn)
		return
	}
	mark.Hit(mark.RequestExpired)
	s.stats.RequestsExpired++
	s.cancelOps(r)
	r.pending = 0
	s.advance(r, true)
}

// cancelOps stops waiting for the operations of a request. Its long polls are cancelled, and
// coordinators forget that it waits. A produce that has left for its partition goes on, since it
// may be appended.
func (s *Shard) cancelOps(r *request) {
	s.timers.Cancel(r.waitEnd)
	for i := range r.ops {
		running := &r.ops[i]
		if running.resolved {
			continue
		}
		running.resolved = true
		s.leaveLane(r, running)
		if fwd := running.onward; fwd != nil && fwd.link.dropForward(fwd.id) {
			// It was never sent, so it was certainly not appended.
			r.handler.Resolve(i, notLeader(nil, kafka.NotLeaderOrFollower))
		}
		cancel := Cancel{Origin: s.origin(r, int32(i))}
		switch op := running.op.(type) {
		case api.Wait:
			cancel.Partition = op.Partition
		case api.Coordinate:
			cancel.Partition = op.Partition
		default:
			continue
		}
		if running.at == s.id {
			s.cancelCall(cancel)
		} else {
			s.host.Reply(running.at, cancel)
		}
	}
}

// finish encodes the answer, and sends it once all earlier ones have been sent.
func (s *Shard) finish(r *request) {
	r.done = true
	s.timers.Cancel(r.timer)
	delete(s.requests, r.id)
	s.release(r)
	if r.forward != nil {
		s.answerForward(r)
		return
	}
	if r.conn.closed {
		return
	}
	r.frame = r.handler.Answer(s.context())
	if h, ok := r.handler.(api.Closer); ok {
		r.closes = h.Closes()
	}
	if r.room > 0 {
		r.conn.reading = 0
	}
	r.conn.finished += r.answerBytes()
	s.flushResponses(r.conn)
}

// abandon drops the requests of a connection that is gone. What they have appended
// stays in the log.
func (s *Shard) abandon(requests []*request) {
	for _, r := range requests {
		if r.done {
			continue
		}
		s.cancelOps(r)
		r.done = true
		s.timers.Cancel(r.timer)
		delete(s.requests, r.id)
		s.release(r)
	}
}

// release gives a request's bytes back to the budget of unanswered produces.
func (s *Shard) release(r *request) {
	if r.forward != nil {
		s.forwardedBytes -= r.bytes
	} else {
		s.inflightBytes -= r.bytes
	}
	assert.That(s.inflightBytes >= 0 && s.forwardedBytes >= 0,
		"shard: in-flight bytes below zero (%d of clients, %d forwarded)",
		s.inflightBytes, s.forwardedBytes)
}

// context returns what handlers of package api see of the shard.
func (s *Shard) context() api.Context { return &s.ctx }

// handlerContext implements api.Context.
type handlerContext struct {
	shard   *Shard
	entropy *env.Rand
}

func (c *handlerContext) Now() env.Time { return c.shard.now }

func (c *handlerContext) Node() kafka.NodeID { return c.shard.cfg.Node }

func (c *handlerContext) Image() *meta.Image { return c.shard.image }

func (c *handlerContext) Entropy() *env.Rand { return c.entropy }

func (c *handlerContext) Rare() *rare.Chooser { return c.shard.rare }

func (c *handlerContext) Settings() *api.Settings { return &c.shard.cfg.Settings }
