package virtual

import (
	"cmp"
	"slices"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/netsim"
)

// phase is the stage of one end of a connection.
type phase uint8

const (
	dialling phase = iota // the dialler's, until the SYN is answered
	embryo                // the listener's, until the answer is acknowledged
	open
	gone // the end is closed; packets that arrive are answered with RST
)

// conn is one end of a connection, together with the stream that it sends.
// An end that is gone may still have packets under way.
type conn struct {
	fabric *Fabric
	id     netsim.ConnID
	host   *host
	remote string
	sink   netsim.Sink
	phase  phase
	peer   *conn     // nil until a dialler's SYN has arrived
	out    *link     // to the peer; nil if the dialled address is no host's
	in     *link     // from the peer
	door   *listener // an embryo's

	dialPort  int    // the dialler's: where to
	localAddr string // the dialler's: what the peer sees

	served      bool // accepted by a listener of Serve
	draining    bool // CloseAfterSend was called
	ending      bool // CloseSend was called
	finSent     bool
	finReceived bool // and the owner was told Ended

	stream stream // what this end sends

	unconsumed int  // delivered here and not given back; at most RecvWindow
	owed       int  // given back here, not yet on its way to the peer
	returning  bool // a return of credit is under way
	returnHeld bool // and has met a closed link

	rstPending bool // a RST from this end is under way
	severed    bool // see Fabric.Sever; of both ends
	ackWatched bool // a timer runs over unacknowledged packets
}

// newConn makes an end in the given phase. The caller adds it to its host.
func (f *Fabric) newConn(h *host, peer *conn, remote string, sink netsim.Sink, p phase) *conn {
	f.lastConn++
	c := &conn{
		fabric: f, id: f.lastConn, host: h, peer: peer, remote: remote, sink: sink, phase: p,
		stream: stream{credit: netsim.RecvWindow},
	}
	c.stream.deliver = c.deliverNext
	return c
}

func (c *conn) ID() netsim.ConnID  { return c.id }
func (c *conn) RemoteAddr() string { return c.remote }

// PeerID is the id of the other end, for observers; 0 while there is none.
func (c *conn) PeerID() netsim.ConnID {
	if c.peer == nil {
		return 0
	}
	return c.peer.id
}

// LocalAddr is what the other end has as its RemoteAddr; only a dialler knows it.
func (c *conn) LocalAddr() string { return c.localAddr }

// Send implements netsim.Conn.
func (c *conn) Send(data ...[]byte) (full bool) {
	if c.phase == gone || c.draining || c.ending {
		return false
	}
	for _, part := range data {
		c.stream.queue(part)
	}
	c.pump()
	if c.out != nil {
		c.out.unsent = max(c.out.unsent, c.stream.waiting)
	}
	if c.stream.waiting > netsim.SendWindow {
		c.stream.full = true
		c.fabric.stats.Full++
		return true
	}
	return false
}

// Unsent implements netsim.Conn.
func (c *conn) Unsent() int { return c.stream.waiting }

// CloseSend implements netsim.Conn.
func (c *conn) CloseSend() {
	c.ending = true
	c.pump()
}

// Consumed implements netsim.Conn.
func (c *conn) Consumed(n int) {
	if c.draining {
		return // CloseAfterSend has given everything back
	}
	assert.That(n >= 0 && n <= c.unconsumed,
		"virtual: %s consumed %d bytes of %d delivered (connection %d to %s)",
		c.host.name, n, c.unconsumed, c.id, c.remote)
	c.unconsumed -= n
	c.owed += n
	c.returnCredit()
}

// Close implements netsim.Conn.
func (c *conn) Close() {
	if c.phase == gone {
		return
	}
	greeted := c.phase == open
	c.vanish()
	if greeted {
		c.hangUp()
	}
}

// CloseAfterSend implements netsim.Conn.
func (c *conn) CloseAfterSend() {
	if c.phase == gone || c.draining {
		return
	}
	c.draining = true
	c.owed += c.unconsumed // what was delivered is discarded with the rest
	c.unconsumed = 0
	c.returnCredit()
	if c.finSent {
		c.linger()
	}
	c.pump()
}

// tell gives an event to the owner. After CloseAfterSend only Closed passes.
func (c *conn) tell(ev netsim.Event) {
	if c.draining && ev.Kind != netsim.Closed {
		return
	}
	ev.Conn = c
	c.sink(ev)
}

// end ends this end and tells its owner, if it has one already. Only scheduled
// functions call it.
func (c *conn) end(err error) {
	if c.phase == gone {
		return
	}
	owned := c.phase != embryo
	c.vanish()
	if owned {
		c.tell(netsim.Event{Kind: netsim.Closed, Err: err})
	}
}

// vanish removes an end and tells neither its owner nor its peer. Its packets
// that are under way still arrive.
func (c *conn) vanish() {
	c.phase = gone
	c.fabric.stats.BytesDestroyed += uint64(c.stream.waiting)
	c.stream.waiting = 0
	i, live := slices.BinarySearchFunc(c.host.conns, c.id, func(other *conn, id netsim.ConnID) int {
		return cmp.Compare(other.id, id)
	})
	if live {
		c.host.conns = slices.Delete(c.host.conns, i, i+1)
	}
}

// hangUp tells the peer's machine that this end is gone: with a FIN after all
// that is under way, or with a RST that destroys some of it.
func (c *conn) hangUp() {
	if !c.finReceived && c.out.rand.IntN(100) < c.fabric.cfg.AbortPercent {
		c.abort()
	} else if !c.finSent {
		c.finSent = true
		c.launch(packet{kind: fin})
	}
}

// abort sends a RST and destroys a drawn tail of what is under way.
func (c *conn) abort() {
	c.truncate(c.out.rand.IntN(len(c.stream.flight) + 1))
	c.reset()
}

// reset sends a RST, unless one is under way. If the link holds packets and
// would lose the RST, what is held is lost too: no socket is left that would
// repeat it.
func (c *conn) reset() {
	switch {
	case c.rstPending:
	case c.stream.held && c.cutOff():
		c.truncate(0)
		c.fabric.stats.LostRSTs++
	default:
		c.rstPending = true
		c.launch(packet{kind: rst})
	}
}
