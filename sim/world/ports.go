package world

import (
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/property"
)

// The ports stand between a loop and the virtual disk and network. They trace what passes, drop
// what a dead process does, and know which disk operations are under way. They do not check that a
// loop leaves a buffer alone after it has handed it over (PROTOCOL 32): the virtual disk and
// network do, when the bytes take effect or arrive.

// diskPort connects one loop to its disk.
type diskPort struct {
	loop  *loopHost
	raw   diskfs.Disk
	ops   []diskOp // by the token that raw gets, so that every completion finds its operation
	free  []uint64 // unused indexes of ops
	held  int      // number of faults that hold completions back
	queue []heldCompletion
	reads countedReads
}

type diskOp struct {
	token  uint64 // the loop's
	owner  uint32
	since  env.Instant
	kind   diskfs.Kind
	active bool
	flow   Flow
	read   int64 // counted bytes, see countedReads
}

// heldCompletion is a completion that a fault holds back.
type heldCompletion struct {
	inboxEntry
	since env.Instant // when the operation was submitted
}

func newDiskPort(l *loopHost) *diskPort {
	d := &diskPort{loop: l, reads: l.node.world.newCountedReads()}
	d.raw = l.node.world.hardware.disk(l.node, d.completed)
	return d
}

// Submit implements diskfs.Disk.
func (d *diskPort) Submit(op diskfs.Op) {
	if d.loop.dead {
		return
	}
	entry := diskOp{token: op.Token, owner: op.Owner, since: d.loop.node.world.sched.Now(),
		kind: op.Kind, active: true}
	d.loop.trace(submitRecord(&op))
	if r := d.loop.node.world.recorder; r != nil {
		entry.flow = r.Submitted(d.loop.ref(), &op)
	}
	entry.read = d.reads.began(&op)
	slot := uint64(len(d.ops))
	if n := len(d.free); n > 0 {
		slot = d.free[n-1]
		d.free = d.free[:n-1]
		d.ops[slot] = entry
	} else {
		d.ops = append(d.ops, entry)
	}
	op.Token = slot
	d.raw.Submit(op)
}

// Executing implements diskfs.Disk. An operation executes until the loop is given its completion.
func (d *diskPort) Executing(yield func(diskfs.Execution)) {
	clock := &d.loop.node.clock
	d.raw.Executing(func(e diskfs.Execution) {
		op := &d.ops[e.Token]
		e.Owner, e.Token, e.Since = op.owner, op.token, clock.mono(e.Since)
		yield(e)
	})
	for i := range d.queue {
		c := &d.queue[i].event.Disk
		yield(diskfs.Execution{
			Kind: c.Kind, Owner: c.Owner, Token: c.Token, Since: clock.mono(d.queue[i].since),
		})
	}
}

func submitRecord(op *diskfs.Op) record {
	var h Hasher
	h.Word(uint64(op.Kind)<<32 | uint64(op.Flags))
	h.Word(uint64(op.Owner))
	h.Word(op.Token)
	h.String(op.Path)
	h.String(op.To)
	h.Word(uint64(op.Offset))
	h.Word(uint64(op.Size))
	if op.Kind == diskfs.Write || op.Kind == diskfs.WriteSync {
		h.Bytes(op.Data)
	}
	return record{what: DiskSubmitted, id: uint64(op.Handle), size: int64(len(op.Data)),
		content: h.Sum(), detail: op.Path}
}

// completed takes the completions of the disk.
func (d *diskPort) completed(c diskfs.Completion) {
	if d.loop.dead {
		return
	}
	world := d.loop.node.world
	slot := c.Token
	if slot >= uint64(len(d.ops)) || !d.ops[slot].active || d.ops[slot].kind != c.Kind {
		world.Fail(Failure{Property: property.DiskOnce, Where: d.loop.where(),
			Detail: fmt.Sprintf("a completion of kind %d without an operation", c.Kind)})
		return
	}
	op := d.ops[slot]
	d.reads.underWay -= op.read
	d.ops[slot] = diskOp{}
	d.free = append(d.free, slot)
	c.Token, c.Owner = op.token, op.owner
	e := inboxEntry{event: loop.Event{Kind: loop.Disk, Disk: c}, flow: op.flow}
	if d.held > 0 {
		d.queue = append(d.queue, heldCompletion{e, op.since})
		return
	}
	d.deliver(e)
}

func (d *diskPort) deliver(e inboxEntry) {
	if r := d.loop.node.world.recorder; r != nil {
		r.Arrived(e.flow)
	}
	d.loop.deliver(e)
}

func (d *diskPort) release() {
	if d.held > 0 {
		d.held--
	}
	if d.held == 0 {
		for _, e := range d.queue {
			d.deliver(e.inboxEntry)
		}
		d.queue = nil
	}
}

// netPort connects one loop to the network of its node.
type netPort struct{ loop *loopHost }

// Listen implements netsim.Network.
func (p *netPort) Listen(addr string, sinks ...netsim.Sink) (netsim.Listener, error) {
	return p.listen(addr, sinks, p.loop.node.net.Listen)
}

// Serve implements netsim.Network.
func (p *netPort) Serve(
	addr string, terms netsim.Terms, sinks ...netsim.Sink,
) (netsim.Listener, error) {
	return p.listen(addr, sinks, func(addr string, sinks ...netsim.Sink) (netsim.Listener, error) {
		return p.loop.node.net.Serve(addr, terms, sinks...)
	})
}

func (p *netPort) listen(addr string, sinks []netsim.Sink,
	listen func(string, ...netsim.Sink) (netsim.Listener, error)) (netsim.Listener, error) {
	l := p.loop
	if l.dead {
		return nil, netsim.ErrRefused
	}
	n := l.node
	l.trace(record{what: NetListened, size: int64(len(sinks)), detail: addr})
	wrapped := make([]netsim.Sink, len(sinks))
	for i, sink := range sinks {
		wrapped[i] = func(ev netsim.Event) {
			c := n.conns[ev.Conn.ID()]
			if ev.Kind == netsim.Accepted {
				c = &conn{raw: ev.Conn, loop: l}
				n.conns[ev.Conn.ID()] = c
			}
			if c == nil || l.dead {
				return
			}
			ev.Conn = c
			if ev.Kind == netsim.Closed {
				n.world.closed(n, c.raw.RemoteAddr())
				delete(n.conns, c.raw.ID())
			}
			sink(ev)
		}
	}
	return listen(addr, wrapped...)
}

// Dial implements netsim.Network.
func (p *netPort) Dial(addr string, sink netsim.Sink) netsim.Conn {
	l := p.loop
	c := &conn{loop: l}
	if l.dead {
		return c
	}
	c.raw = l.node.net.Dial(addr, func(ev netsim.Event) {
		if !l.dead {
			if ev.Kind == netsim.Closed {
				l.node.world.closed(l.node, addr)
			}
			ev.Conn = c
			sink(ev)
		}
	})
	var h Hasher
	h.String(addr)
	l.trace(record{what: NetDialled, id: uint64(c.raw.ID()), content: h.Sum(), detail: addr})
	if r := l.node.world.recorder; r != nil {
		r.Dialled(c.raw.ID(), addr)
	}
	return c
}

// conn wraps one end of a connection.
type conn struct {
	raw  netsim.Conn // nil: a dead process dialled it
	loop *loopHost
}

// ID implements netsim.Conn.
func (c *conn) ID() netsim.ConnID {
	if c.raw == nil {
		return 0
	}
	return c.raw.ID()
}

// RemoteAddr implements netsim.Conn.
func (c *conn) RemoteAddr() string {
	if c.raw == nil {
		return ""
	}
	return c.raw.RemoteAddr()
}

// LocalAddr is how the other end sees this one; "" if that is unknown.
func (c *conn) LocalAddr() string {
	if end, ok := c.raw.(interface{ LocalAddr() string }); ok {
		return end.LocalAddr()
	}
	return ""
}

// peerID is the id of the other end; 0 if that is unknown.
func (c *conn) peerID() netsim.ConnID {
	if end, ok := c.raw.(interface{ PeerID() netsim.ConnID }); ok {
		return end.PeerID()
	}
	return 0
}

// Send implements netsim.Conn.
func (c *conn) Send(data ...[]byte) (full bool) {
	if c.loop.dead || c.raw == nil {
		return false
	}
	var h Hasher
	size := 0
	for _, p := range data {
		h.Bytes(p)
		size += len(p)
	}
	c.loop.trace(record{what: NetSent, id: uint64(c.raw.ID()), size: int64(size), content: h.Sum()})
	if r := c.loop.node.world.recorder; r != nil {
		r.Sent(c.raw.ID(), data)
	}
	return c.raw.Send(data...)
}

// Consumed implements netsim.Conn.
func (c *conn) Consumed(n int) {
	if !c.loop.dead && c.raw != nil {
		c.raw.Consumed(n)
	}
}

// Unsent implements netsim.Conn.
func (c *conn) Unsent() int {
	if c.raw == nil {
		return 0
	}
	return c.raw.Unsent()
}

// CloseSend implements netsim.Conn.
func (c *conn) CloseSend() {
	if !c.loop.dead && c.raw != nil {
		c.loop.trace(record{what: NetConnClosed, id: uint64(c.raw.ID()), size: 2})
		c.raw.CloseSend()
	}
}

// Close implements netsim.Conn.
func (c *conn) Close() {
	if c.loop.dead || c.raw == nil {
		return
	}
	c.loop.trace(record{what: NetConnClosed, id: uint64(c.raw.ID())})
	if r := c.loop.node.world.recorder; r != nil {
		r.Closed(c.raw.ID())
	}
	delete(c.loop.node.conns, c.raw.ID())
	c.raw.Close()
}

// CloseAfterSend implements netsim.Conn. Events still arrive until the network reports Closed or
// the owner calls Close, so the wrapper is kept.
func (c *conn) CloseAfterSend() {
	if c.loop.dead || c.raw == nil {
		return
	}
	c.loop.trace(record{what: NetConnClosed, id: uint64(c.raw.ID()), size: 1})
	if r := c.loop.node.world.recorder; r != nil {
		r.Closed(c.raw.ID())
	}
	c.raw.CloseAfterSend()
}
