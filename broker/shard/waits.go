package shard

import (
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/netsim"
)

// What is pending in a shard, and what it waits for (package wait). A new place in the shard
// where something waits must be listed here: a wait that is not listed looks like a lost wake-up.

// Waits implements wait.Waiter.
func (s *Shard) Waits(yield func(wait.Wait)) {
	s.ops.Waits(yield)
	s.fileWaits(yield)
	if !s.recovered {
		s.recoveryWaits(yield)
	}
	s.wal.Waits(ownerWAL, yield)
	s.roomWaits(yield)
	for _, c := range s.clientsInOrder() {
		s.connectionWaits(c, yield)
	}
	for _, r := range s.requestsInOrder() {
		s.requestWaits(r, yield)
	}
	for i := range s.toRead {
		s.readWaits(&s.toRead[i], yield)
	}
	for _, p := range s.order {
		s.partitionWaits(p, yield)
	}
	for _, l := range s.links {
		s.linkWaits(l, yield)
	}
	for _, in := range s.inboundList {
		s.inboundWaits(in, yield)
	}
}

// Waits yields the disk operations that have not ended.
func (c *OpClock) Waits(yield func(wait.Wait)) {
	if len(c.ops) > 0 {
		yield(wait.Wait{
			Who: OldestOp, Since: c.ops[0].began, Until: env.Never, For: "the disk",
			On: c.OldestTarget(),
		})
	}
	for _, op := range c.ops {
		yield(wait.Wait{
			Who: fmt.Sprintf("disk operation %d.%d", op.owner, op.token), Since: op.began,
			Until: env.Never, For: "the disk", On: wait.OfDisk(op.owner, op.token),
		})
	}
}

// OldestOp names the disk operation that a shard has waited for longest.
const OldestOp = "oldest disk operation"

// OldestTarget names the oldest unfinished operation. There must be one.
func (c *OpClock) OldestTarget() wait.Target { return wait.OfDisk(c.ops[0].owner, c.ops[0].token) }

// recoveryWaits lists what a recovery waits for.
func (s *Shard) recoveryWaits(yield func(wait.Wait)) {
	w := wait.Wait{Who: wait.Recovery, Since: wait.Unknown, Until: env.Never}
	switch {
	case s.wal.Phase() != wal.Idle:
		w.For, w.On = "its log", wait.Of(wait.Log)
	case s.recovery.loading > 0:
		w.About = fmt.Sprintf("%d partitions to load", s.recovery.loading+len(s.recovery.toLoad))
		for _, p := range s.order {
			if p.log.Busy() {
				what, on := s.diskWait(p)
				w.For, w.On = what+", for the checkpoint of "+s.partitionName(p.id), on
				yield(w)
			}
		}
		return
	case s.recovery.life == 0:
		w.For, w.On = "the control loop to begin it",
			wait.OfLoop(int32(loop.Control), wait.Recovery)
	default:
		w.For, w.On = "the list of partitions", wait.OfDisk(ownerShard, wait.AnyToken)
	}
	yield(w)
}

// clientsInOrder returns the client connections in the order of ids.
func (s *Shard) clientsInOrder() []*clientConn {
	var ids []netsim.ConnID
	for id := range s.clients { //corelint:ordered sorted below
		ids = append(ids, id)
	}
	slices.Sort(ids)
	clients := make([]*clientConn, len(ids))
	for i, id := range ids {
		clients[i] = s.clients[id]
	}
	return clients
}

// requestsInOrder returns the requests in the order in which they began.
func (s *Shard) requestsInOrder() []*request {
	var ids []uint64
	for id := range s.requests { //corelint:ordered sorted below
		ids = append(ids, id)
	}
	slices.Sort(ids)
	requests := make([]*request, len(ids))
	for i, id := range ids {
		requests[i] = s.requests[id]
	}
	return requests
}

// connectionWaits lists a connection that has unanswered requests, or is not read. Responses
// leave in order, so all of them wait for the oldest request.
func (s *Shard) connectionWaits(c *clientConn, yield func(wait.Wait)) {
	w := wait.Wait{Who: wait.Connection(c.conn.RemoteAddr()), Since: wait.Unknown, Until: env.Never}
	if n := len(c.requests); n > 0 {
		w.About = fmt.Sprintf("%d requests", n)
		w.For, w.On = "its oldest request", wait.Of(s.requestName(c.requests[0]))
		if c.requests[0].done {
			w.For, w.On = "its oldest answer to be sent", wait.Of(wait.WakeUp)
		}
		yield(w)
	}
	if c.next == nil {
		return
	}
	switch {
	case c.full:
		w.For, w.On = "its client to read", wait.OfClient()
	case len(c.unsent) > 0:
		w.For, w.On = roomIn(c.unsent[0].to), wait.OfMailbox(int32(c.unsent[0].to))
	case c.hungry:
		w.For, w.On = "the budget of unanswered produces", wait.Of(s.oldestProduce())
	case len(c.requests) >= s.limits.ConnRequests:
		return
	case c.next.Key != wire.KeyProduce && s.holding.answers >= s.limits.AnswerBytes:
		w.For, w.On = "clients to read their answers", wait.OfClient()
	default:
		w.For, w.On = "its turn to be read", wait.Of(wait.WakeUp)
	}
	yield(w)
}

func roomIn(id loop.ID) string { return fmt.Sprintf("room in the mailbox of loop %d", id) }

// oldestProduce names the request that has held a part of the budget longest.
func (s *Shard) oldestProduce() string {
	for _, r := range s.requestsInOrder() {
		if r.bytes > 0 && r.forward == nil {
			return s.requestName(r)
		}
	}
	return wait.WakeUp
}

// readWaits lists a call that waits for others to have read.
func (s *Shard) readWaits(call *PartitionCall, yield func(wait.Wait)) {
	w := wait.Wait{
		Who: operation("read", call.Origin), Since: wait.Unknown,
		Until: call.Deadline.Add(s.limits.LoopSlack),
		For:   "the reads before it", On: wait.Of(wait.WakeUp),
	}
	for _, p := range s.order {
		if len(p.reads) > 0 {
			w.On = wait.OfDisk(p.owner, wait.AnyToken)
			break
		}
	}
	yield(w)
}

// requestName names a request: "produce 812".
func (s *Shard) requestName(r *request) string {
	if f := r.forward; f != nil {
		return wait.Forward(f.via.dialler.node, f.via.dialler.shard, f.id)
	}
	_, kind, _ := strings.Cut(fmt.Sprintf("%T", r.handler), ".")
	return fmt.Sprintf("%s %d", kind, r.id)
}

// operation names an operation on the loop that runs it. The name says to which request it
// belongs, and on which loop that runs.
func operation(kind string, o Origin) string {
	return fmt.Sprintf("%s %d of request %d of loop %d", kind, o.Op, o.Request, o.Loop)
}

// CallName names an operation that a shard has asked the control loop for.
func CallName(o Origin) string { return operation("call", o) }

// requestWaits lists what a request waits for: a line for each operation without a result.
func (s *Shard) requestWaits(r *request, yield func(wait.Wait)) {
	w := wait.Wait{Who: s.requestName(r), Since: r.began, Until: env.Never}
	if r.timer.Live() {
		w.Until = r.timer.At()
	}
	if r.held {
		w.For, w.On = "the registration of this node",
			wait.OfLoop(int32(loop.Control), wait.Registration)
		yield(w)
		return
	}
	if box := r.outbox(); len(box.unsent) > 0 {
		w.For, w.On = roomIn(box.unsent[0].to), wait.OfMailbox(int32(box.unsent[0].to))
		yield(w)
		return
	}
	if r.pending == 0 {
		w.For, w.On = "its handler to go on", wait.Of(wait.WakeUp)
		yield(w)
	}
	for i := range r.ops {
		if op := &r.ops[i]; !op.resolved {
			if w.About = about(s, op.op); w.Until == env.Never {
				w.About += " without a deadline"
			}
			w.For, w.On = s.operationTarget(r, int32(i), op)
			yield(w)
		}
	}
}

// about says which partition an operation is for.
func about(s *Shard, op api.Op) string {
	switch op := op.(type) {
	case api.Produce:
		return s.partitionName(op.Partition)
	case api.Fetch:
		return s.partitionName(op.Partition)
	case api.Wait:
		return s.partitionName(op.Partition)
	case api.Offsets:
		return s.partitionName(op.Partition)
	case api.EpochEnd:
		return s.partitionName(op.Partition)
	case api.Coordinate:
		return s.partitionName(op.Partition)
	case api.DeleteRecords:
		return s.partitionName(op.Partition)
	}
	return ""
}

// operationTarget says what has to resolve an operation, in words and as a target.
func (s *Shard) operationTarget(r *request, i int32, op *runningOp) (string, wait.Target) {
	origin := s.origin(r, i)
	kind := "read"
	switch op.op.(type) {
	case api.Produce:
		if s.isUnread(origin) {
			return "the next turn, to read its records", wait.Of(wait.WakeUp)
		}
		kind = "append"
		if op.lane != nil && op.waitsIn(op.lane) {
			return "produces before it on its connection that went to another leader epoch",
				wait.Of(s.laneHead(r, op.lane))
		}
		if fwd := op.onward; fwd != nil {
			if fwd.link.holds(fwd.id) {
				return fmt.Sprintf("a connection to node %d", fwd.link.node),
					wait.Of(linkName(fwd.link.node))
			}
			return fmt.Sprintf("the answer of node %d to forward %d", fwd.link.node, fwd.id),
				wait.OfPeer(fwd.link.node, wait.Forward(s.cfg.Node, int32(s.id), fwd.id))
		}
	case api.Wait:
		kind = "long poll"
	case api.Coordinate:
		kind = coordinated
	case api.DeleteRecords:
		kind = "deletion"
	case api.Propose, api.Applied, api.Barrier, api.NextProducerID:
		return "the control loop", wait.OfLoop(int32(loop.Control), CallName(origin))
	}
	if op.at == s.id {
		return "its partition", wait.Of(operation(kind, origin))
	}
	return fmt.Sprintf("its partition on loop %d", op.at),
		wait.OfLoop(int32(op.at), operation(kind, origin))
}

// isUnread reports whether the records of a produce are not read yet.
func (s *Shard) isUnread(origin Origin) bool {
	return slices.ContainsFunc(s.unread, func(u unreadBatch) bool { return u.origin == origin })
}

// waitsIn reports whether the operation waits in the lane's queue.
func (running *runningOp) waitsIn(ln *lane) bool {
	return slices.ContainsFunc(ln.waiting, func(e laneEntry) bool {
		return &e.request.ops[e.op] == running
	})
}

// laneHead names the first request of the connection with an outstanding produce in the lane.
func (s *Shard) laneHead(r *request, ln *lane) string {
	for _, other := range r.conn.requests {
		for i := range other.ops {
			if op := &other.ops[i]; op.lane == ln && !op.resolved && !op.waitsIn(ln) {
				return s.requestName(other)
			}
		}
	}
	return wait.WakeUp
}

// holds reports whether a forward has not been sent yet.
func (l *link) holds(id uint64) bool {
	for _, f := range l.held {
		if f.ID == id {
			return true
		}
	}
	return false
}

func linkName(node kafka.NodeID) string { return fmt.Sprintf("data link to node %d", node) }

// linkWaits lists a link that is not open.
func (s *Shard) linkWaits(l *link, yield func(wait.Wait)) {
	if l.open {
		return
	}
	w := wait.Wait{
		Who: linkName(l.node), About: fmt.Sprintf("attempt %d", l.backoff+1), Since: wait.Unknown,
		Until: env.Never,
	}
	switch {
	case l.conn != nil:
		w.Until = l.timer.At()
		w.For, w.On = "an answer", wait.OfPeer(l.node, "")
	case l.timer.Live():
		w.For, w.On = "the next attempt", wait.OfTimer(l.timer.At())
		if l.backoff > 1 {
			yield(w)
			w.For, w.On = fmt.Sprintf("node %d to answer", l.node), wait.OfPeerIfAny(l.node, "")
		}
	default:
		w.For, w.On = "the next attempt", wait.Of("timer of the "+linkName(l.node))
	}
	yield(w)
}

// inboundWaits lists a connection of another node that is not read.
func (s *Shard) inboundWaits(in *inbound, yield func(wait.Wait)) {
	if !in.parked || in.hello == nil {
		return
	}
	w := wait.Wait{
		Who: fmt.Sprintf("data connection of node %d shard %d",
			in.dialler.node, in.dialler.shard),
		Since: wait.Unknown, Until: env.Never,
	}
	switch {
	case len(in.unsent) > 0:
		w.For, w.On = roomIn(in.unsent[0].to), wait.OfMailbox(int32(in.unsent[0].to))
	case in.full:
		w.For, w.On = "the other side to read", wait.OfPeer(in.dialler.node, "")
	default:
		return
	}
	yield(w)
}
