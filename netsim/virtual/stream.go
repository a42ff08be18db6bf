package virtual

import (
	"hash/crc32"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/netsim"
)

type packetKind uint8

const (
	syn packetKind = iota
	synAck
	ack // of the handshake only
	data
	fin
	rst
)

type packet struct {
	kind   packetKind
	size   int // data: bytes
	arrive env.Instant
}

// stream is what one end sends: bytes under way, then bytes that wait.
//
//	segments:  |--- under way, as cut by flight ---|--- waiting ---|
//	           ^ next to arrive
type stream struct {
	segments []segment
	waiting  int      // bytes that have not left
	flight   []packet // arrives in this order, each no earlier than its instant
	credit   int      // bytes that may still leave; RecvWindow less those under way and unconsumed
	starved  bool     // stopped: it has bytes and no credit
	full     bool     // Send reported full and no Writable followed yet

	armed   bool // the arrival of the first packet is scheduled
	held    bool // the first packet has met a closed link
	holds   uint64
	deliver func() // conn.deliverNext, made once
}

// segment is one slice given to Send. It is referenced, not copied, until its
// last byte has arrived, and must not change meanwhile (rule 6).
type segment struct {
	bytes []byte
	taken int // bytes that have arrived
	sum   uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *stream) queue(b []byte) {
	if len(b) > 0 {
		s.segments = append(s.segments, segment{bytes: b, sum: crc32.Checksum(b, castagnoli)})
		s.waiting += len(b)
	}
}

// take copies the next len(into) bytes out and checks slices that are used up.
func (s *stream) take(into []byte, sender *conn) {
	for len(into) > 0 {
		first := &s.segments[0]
		n := copy(into, first.bytes[first.taken:])
		into = into[n:]
		first.taken += n
		if first.taken == len(first.bytes) {
			assert.That(crc32.Checksum(first.bytes, castagnoli) == first.sum,
				"virtual: %s changed a slice of %d bytes after Send (connection %d to %s)",
				sender.host.name, len(first.bytes), sender.id, sender.remote)
			sender.fabric.stats.SlicesChecked++
			s.segments[0] = segment{}
			s.segments = s.segments[1:]
		}
	}
}

// pump sends what may leave. It also asks for credit, reports Writable, and
// sends the FIN of a drained connection when they are due.
func (c *conn) pump() {
	if c.phase != open {
		return
	}
	s := &c.stream
	for s.waiting > 0 && s.credit > 0 {
		n := c.out.cut(min(s.waiting, s.credit))
		s.waiting -= n
		s.credit -= n
		c.launch(packet{kind: data, size: n})
	}
	if s.waiting > 0 && !s.starved {
		s.starved = true
		c.fabric.stats.Starved++
		if c.peer != nil {
			c.peer.returnCredit()
		}
	}
	if s.full && s.waiting <= netsim.SendWindow/2 {
		s.full = false
		c.fabric.after(0, c.out.labelCredit, c.writable)
	}
	if (c.draining || c.ending) && s.waiting == 0 && !c.finSent {
		c.finSent = true
		c.launch(packet{kind: fin})
		switch {
		case c.finReceived:
			c.fabric.after(0, c.out.labelTimer, c.endInOrder)
		case c.draining:
			c.linger()
		}
	}
}

// linger bounds how long a drained connection waits for its peer to close.
func (c *conn) linger() {
	c.fabric.after(c.fabric.cfg.Linger.draw(c.out.rand), c.out.labelTimer, c.lingerTimeout)
}

func (c *conn) writable() {
	if c.phase == open {
		c.fabric.stats.Writable++
		c.tell(netsim.Event{Kind: netsim.Writable})
	}
}

// launch puts a packet on the wire.
func (c *conn) launch(p packet) {
	p.arrive = c.out.arrival(p.size)
	c.stream.flight = append(c.stream.flight, p)
	c.arm()
}

// arm schedules the first packet's arrival, if it is not scheduled yet.
func (c *conn) arm() {
	s := &c.stream
	if s.armed || s.held || len(s.flight) == 0 {
		return
	}
	s.armed = true
	c.fabric.sched.At(max(s.flight[0].arrive, c.fabric.sched.Now()), c.out.labelPacket, s.deliver)
}

// deliverNext is the arrival of the first packet, or of several data packets that
// have caught up with each other.
func (c *conn) deliverNext() {
	s := &c.stream
	s.armed = false
	if len(s.flight) == 0 {
		return // truncated meanwhile
	}
	now := c.fabric.sched.Now()
	if s.flight[0].arrive > now { // the scheduled packet was truncated, and this one is later
		c.arm()
		return
	}
	if c.severed || !c.out.passable() {
		c.hold()
		return
	}
	p := s.pop()
	for p.kind == data && len(s.flight) > 0 {
		next := s.flight[0]
		if next.kind != data || next.arrive > now || p.size+next.size > packetMax ||
			c.out.rand.Chance(1, 2) {
			break
		}
		p.size += s.pop().size
	}
	c.arm()
	c.arrived(p)
}

func (s *stream) pop() packet {
	p := s.flight[0]
	s.flight = s.flight[1:]
	return p
}

// truncate destroys all but the first keep packets under way.
func (c *conn) truncate(keep int) {
	for _, p := range c.stream.flight[keep:] {
		c.fabric.stats.BytesDestroyed += uint64(p.size)
		if p.kind == rst {
			c.rstPending = false
		}
	}
	c.stream.flight = c.stream.flight[:keep]
}

// hold keeps the stream where it is until its link is open. On a blocked link a
// RST is lost instead: TCP does not retransmit it.
func (c *conn) hold() {
	s := &c.stream
	if s.flight[0].kind == rst && c.cutOff() {
		s.pop()
		c.rstPending = false
		c.fabric.stats.LostRSTs++
		c.arm()
		return
	}
	s.held = true
	s.holds++
	c.fabric.stats.Held++
	if !c.severed {
		c.out.held = append(c.out.held, c)
	}
	if c.phase == dialling || c.fabric.cfg.ResetAfter.Max == 0 {
		return
	}
	hold := s.holds
	c.fabric.after(c.fabric.cfg.ResetAfter.draw(c.out.rand), c.out.labelTimer, func() {
		if s.held && s.holds == hold && c.cutOff() {
			c.giveUp()
		}
	})
}

// cutOff reports whether the peer is, for this end's TCP, out of reach.
func (c *conn) cutOff() bool { return c.severed || c.out.cutOff() }

// released ends a hold: the packets arrive with the next retransmission. A
// return of credit that the link held travels on too.
func (c *conn) released() {
	s := &c.stream
	if s.held {
		s.held = false
		if len(s.flight) > 0 {
			s.flight[0].arrive = c.fabric.sched.Now().Add(c.fabric.cfg.Retransmit.draw(c.out.rand))
			c.arm()
		}
	}
	if c.returnHeld {
		c.returnHeld = false
		c.fabric.after(c.out.delay(), c.out.labelCredit, c.creditArrived)
	}
}
