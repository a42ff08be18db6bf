package looptest

import (
	"fmt"

	"example.com/lockstep/broker/wire"
	"example.com/lockstep/netsim"
)

// Network is a network on which only what the transcript says happens.
type Network struct {
	host   *Host
	conns  []*Conn
	dialed map[string]*Conn // the last connection by name
}

// Listen implements netsim.Network.
func (n *Network) Listen(addr string, _ ...netsim.Sink) (netsim.Listener, error) {
	n.host.Trace.Addf("network ← listen at %s", addr)
	return listener{addr}, nil
}

// Serve implements netsim.Network.
func (n *Network) Serve(
	addr string, _ netsim.Terms, sinks ...netsim.Sink,
) (netsim.Listener, error) {
	return n.Listen(addr, sinks...)
}

// Dial implements netsim.Network.
func (n *Network) Dial(addr string, sink netsim.Sink) netsim.Conn {
	name := n.host.cluster.nodeAt(addr)
	n.host.Trace.Addf("network ← dial %s", name)
	c := n.newConn(name, sink, n.host.cluster.Peer)
	if n.dialed == nil {
		n.dialed = map[string]*Conn{}
	}
	n.dialed[name] = c
	return c
}

// Dialed is the last connection that the loop has dialled to the name, or nil.
func (n *Network) Dialed(name string) *Conn { return n.dialed[name] }

// Accept gives the loop a connection from name. describe prints the frames that the loop sends on
// it.
func (n *Network) Accept(name string, sink netsim.Sink, describe func(frame []byte) string) *Conn {
	c := n.newConn(name, sink, describe)
	sink(netsim.Event{Kind: netsim.Accepted, Conn: c})
	return c
}

func (n *Network) newConn(name string, sink netsim.Sink, describe func([]byte) string) *Conn {
	const largest = 1 << 30
	c := &Conn{
		in:   wire.NewFramer(largest),
		host: n.host, id: netsim.ConnID(len(n.conns) + 1), name: name, sink: sink,
		framer: wire.NewFramer(largest), describe: describe,
	}
	n.conns = append(n.conns, c)
	return c
}

// notice prints which connections have been parked, and which are read again.
func (n *Network) notice() {
	for _, c := range n.conns {
		switch parked := c.owed > c.partial && !c.closed; {
		case parked && !c.parked:
			n.host.Trace.Addf("%s is parked: what it sent is not read on", c.name)
			c.parked = true
		case !parked && c.parked:
			if !c.closed {
				n.host.Trace.Addf("%s is read again", c.name)
			}
			c.parked = false
		}
	}
}

type listener struct{ addr string }

func (l listener) Addr() string { return l.addr }
func (l listener) Close()       {}

// Conn is the loop's end of a connection. The transcript is the other end.
type Conn struct {
	host     *Host
	id       netsim.ConnID
	name     string
	sink     netsim.Sink
	framer   *wire.Framer
	describe func(frame []byte) string
	// Full makes each Send report that more than netsim.SendWindow bytes wait to be sent.
	Full    bool
	unsent  int // bytes sent while Full
	in      *wire.Framer
	partial int // bytes of a frame that the other end has not finished
	owed    int // received bytes for which the loop has given no credit back
	parked  bool
	closed  bool
}

// ID implements netsim.Conn.
func (c *Conn) ID() netsim.ConnID { return c.id }

// RemoteAddr implements netsim.Conn.
func (c *Conn) RemoteAddr() string { return c.name }

// Send implements netsim.Conn.
func (c *Conn) Send(data ...[]byte) (full bool) {
	for _, part := range data {
		c.framer.Feed(part)
		if c.Full {
			c.unsent += len(part)
		}
	}
	for {
		frame, ok, err := c.framer.Next()
		if err != nil {
			c.host.Trace.Addf("%s ← a broken frame: %v", c.name, err)
		}
		if !ok {
			return c.Full
		}
		if text := c.describe(frame); text != "" {
			c.host.Trace.Addf("%s ← %s", c.name, text)
		}
	}
}

// Unsent implements netsim.Conn: a connection that is Full holds all that was sent since.
func (c *Conn) Unsent() int { return c.unsent }

// CloseSend implements netsim.Conn.
func (c *Conn) CloseSend() { c.host.Trace.Addf("%s: sending ended", c.name) }

// Consumed implements netsim.Conn.
func (c *Conn) Consumed(n int) { c.owed -= n }

// Close implements netsim.Conn.
func (c *Conn) Close() { c.close("") }

// CloseAfterSend implements netsim.Conn.
func (c *Conn) CloseAfterSend() { c.close(" once all is sent") }

func (c *Conn) close(how string) {
	switch {
	case !c.closed:
		c.host.Trace.Addf("%s: connection closed%s", c.name, how)
	case c.Full:
		c.host.Trace.Addf("%s: connection given up", c.name)
	}
	c.closed = true
}

// Closed reports whether the connection is closed, or was never opened.
func (c *Conn) Closed() bool { return c == nil || c.closed }

// Open tells the loop that the connection that it dialled is open.
func (c *Conn) Open() { c.sink(netsim.Event{Kind: netsim.Connected, Conn: c}) }

// Deliver gives the loop bytes that the other end sends.
func (c *Conn) Deliver(data []byte) {
	if !c.closed {
		c.owed += len(data)
		c.in.Feed(append([]byte(nil), data...))
		for more := true; more; {
			_, more, _ = c.in.Next()
		}
		c.partial = c.in.Buffered()
		c.sink(netsim.Event{Kind: netsim.Received, Conn: c, Data: data})
	}
}

// Drained tells the loop that it may send again.
func (c *Conn) Drained() {
	c.unsent = 0
	c.sink(netsim.Event{Kind: netsim.Writable, Conn: c})
}

// End tells the loop that the other end sends nothing more.
func (c *Conn) End() { c.sink(netsim.Event{Kind: netsim.Ended, Conn: c}) }

// Break ends the connection from the other side.
func (c *Conn) Break() {
	if !c.closed {
		c.closed = true
		err := fmt.Errorf("%s: %w", c.name, netsim.ErrReset)
		c.sink(netsim.Event{Kind: netsim.Closed, Conn: c, Err: err})
	}
}
