package virtual

import (
	"fmt"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/netsim"
)

// arrived handles a packet of c at the other end.
func (c *conn) arrived(p packet) {
	r := c.peer
	switch p.kind {
	case syn:
		c.knock()
	case synAck:
		r.answered()
	case ack:
		r.admitted()
	case data:
		r.receive(c, p.size)
	case fin:
		r.peerClosed()
	case rst:
		c.rstPending = false
		if r != nil {
			r.peerReset()
		}
	}
}

// knock is the arrival of a dialler's SYN: it makes the other end, which is
// gone from the start if nothing listens.
func (c *conn) knock() {
	h := c.out.to
	e := c.fabric.newConn(h, c, c.localAddr, nil, embryo)
	e.out, e.in = c.in, c.out
	c.peer = e
	e.door = h.listeners[c.dialPort]
	if e.door == nil || h.refusing || !e.door.admits(c.localAddr) {
		e.phase = gone
		e.reset()
		return
	}
	h.conns = append(h.conns, e)
	e.launch(packet{kind: synAck})
}

// answered is the arrival of the SYN's answer at the dialler.
func (c *conn) answered() {
	if c.phase == gone {
		c.reset()
		return
	}
	c.phase = open
	c.fabric.stats.Connected++
	c.launch(packet{kind: ack})
	c.pump()
	c.tell(netsim.Event{Kind: netsim.Connected})
}

// admitted ends the handshake at the listener.
func (c *conn) admitted() {
	if c.phase != gone && !c.door.open() {
		c.vanish()
	}
	if c.phase == gone {
		c.reset()
		return
	}
	c.phase = open
	c.served = c.door.serves
	c.sink = c.door.next()
	c.fabric.stats.Accepted++
	c.tell(netsim.Event{Kind: netsim.Accepted})
}

// receive takes n bytes of the sender's stream.
func (c *conn) receive(sender *conn, n int) {
	if c.phase == gone {
		c.fabric.stats.BytesDestroyed += uint64(n)
		if sender.phase != gone {
			c.reset()
		}
		return
	}
	bytes := make([]byte, n)
	sender.stream.take(bytes, sender)
	c.watchAck(sender)
	if c.draining {
		c.owed += n
		c.returnCredit()
		return
	}
	c.unconsumed += n
	assert.That(c.unconsumed <= netsim.RecvWindow, "virtual: %d bytes delivered beyond the window",
		c.unconsumed-netsim.RecvWindow)
	stats := &c.fabric.stats
	stats.Messages++
	stats.Bytes += uint64(n)
	if n == 1 {
		stats.OneByte++
	}
	c.tell(netsim.Event{Kind: netsim.Received, Data: bytes})
}

// peerClosed is the arrival of a FIN. Only a served connection may stay half closed: other ends
// close too.
func (c *conn) peerClosed() {
	if c.phase == gone {
		return
	}
	if c.served && !c.finSent {
		c.finReceived = true
		c.fabric.stats.HalfClosed++
		c.tell(netsim.Event{Kind: netsim.Ended})
		return
	}
	if !c.finSent {
		c.finSent = true
		c.launch(packet{kind: fin})
	}
	c.endInOrder()
}

func (c *conn) endInOrder() {
	if c.phase == gone {
		return
	}
	c.fabric.stats.EOFs++
	c.end(fmt.Errorf("virtual: %s: %w", c.remote, netsim.ErrEOF))
}

// peerReset is the arrival of a RST.
func (c *conn) peerReset() {
	switch c.phase {
	case gone:
	case dialling:
		c.fabric.stats.Refused++
		c.end(fmt.Errorf("virtual: dial %s: %w", c.remote, netsim.ErrRefused))
	default:
		c.endReset("reset by peer")
	}
}

func (c *conn) endReset(why string) {
	if c.phase == open {
		c.fabric.stats.Resets++
	}
	c.end(fmt.Errorf("virtual: %s: %w: %s", c.remote, netsim.ErrReset, why))
}

// connectTimeout ends a dial that was not answered. Its SYN is not repeated.
func (c *conn) connectTimeout() {
	if c.phase == dialling {
		c.fabric.stats.ConnectTimeouts++
		c.truncate(0)
		c.end(fmt.Errorf("virtual: dial %s: %w: timed out", c.remote, netsim.ErrRefused))
	}
}

// lingerTimeout ends a drained connection if the peer has not closed.
func (c *conn) lingerTimeout() {
	if c.phase == open {
		c.endReset("the peer did not close in time")
	}
}

// watchAck starts the sender's timer for packets that have arrived while their
// acknowledgement cannot travel back: the other half of a one-way partition.
func (c *conn) watchAck(sender *conn) {
	if !c.out.blocked || sender.ackWatched || c.fabric.cfg.ResetAfter.Max == 0 {
		return
	}
	sender.ackWatched = true
	blockade := c.out.blocks
	c.fabric.after(c.fabric.cfg.ResetAfter.draw(sender.out.rand), sender.out.labelTimer, func() {
		sender.ackWatched = false
		if c.out.blocked && c.out.blocks == blockade && sender.phase != gone {
			sender.giveUp()
		}
	})
}

// giveUp is the time-out of the sender's kernel: the packets are dropped, and a
// RST is sent, which may be lost too.
func (c *conn) giveUp() {
	c.truncate(0)
	if c.phase == gone {
		return
	}
	if c.phase == open {
		c.fabric.stats.GivenUp++
	}
	c.reset()
	c.endReset("unacknowledged for too long")
}

// returnCredit gives the peer back what was consumed here. To save events it
// waits for a quarter of the window, unless the peer has no credit left. Then
// it could wait forever, because the owner here may need the peer's next bytes
// before it consumes more.
func (c *conn) returnCredit() {
	if c.phase != open || c.returning || c.owed == 0 {
		return
	}
	if c.owed < netsim.RecvWindow/4 && !c.peer.stream.starved {
		return
	}
	c.returning = true
	c.fabric.after(c.out.delay(), c.out.labelCredit, c.creditArrived)
}

// creditArrived is the arrival of a window update at the peer.
func (c *conn) creditArrived() {
	if c.peer.phase == gone || c.severed {
		return
	}
	if !c.out.passable() {
		c.returnHeld = true
		c.out.held = append(c.out.held, c)
		return
	}
	c.returning = false
	p := &c.peer.stream
	p.credit += c.owed
	c.owed = 0
	p.starved = false
	c.peer.pump()
}
