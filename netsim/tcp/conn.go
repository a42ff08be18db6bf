package tcp

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/netsim"
)

// phase is the stage of a connection. It only grows.
type phase uint8

const (
	running  phase = iota // dialling or open
	draining              // CloseAfterSend: the queue still leaves
	dead                  // nothing is sent or received any more
)

// hearing is what the sink may still be told. It only grows.
type hearing uint8

const (
	hearsAll    hearing = iota
	hearsClosed         // after CloseAfterSend
	hearsNothing
)

type conn struct {
	network *Network
	id      netsim.ConnID
	remote  string
	sink    netsim.Sink

	// sinkMu serialises the calls of the sink. It is never taken with mu held.
	sinkMu sync.Mutex
	hears  hearing

	// unconsumed counts delivered bytes that the owner has not given back. Only
	// the reader adds to it, and it never reads more than is left of
	// RecvWindow.
	unconsumed atomic.Int64
	// parked says that the reader waits for credit. It is set before the reader
	// looks at unconsumed again and read after Consumed has lowered it, so one
	// of the two always sees the other.
	parked atomic.Bool

	mu     sync.Mutex
	door   *door // counts this connection; nil: nothing does
	served bool  // accepted by a listener of Serve
	ending bool  // CloseSend was called
	ended  bool  // the peer sends nothing more; the reader of a served connection has ended
	phase  phase
	socket *net.TCPConn       // nil until connected
	cancel context.CancelFunc // of the dial under way, else nil
	work   sync.Cond          // the writer's: something queued, or a new phase
	credit sync.Cond          // the reader's: credit, or a new phase
	idle   bool               // the writer sleeps on work
	queue  [][]byte           // not yet taken by the writer
	queued int                // bytes in queue and in the writer's hands
	full   bool               // Send reported full and no Writable followed yet
}

func newConn(n *Network, remote string, sink netsim.Sink) *conn {
	c := &conn{network: n, id: nextID(), remote: remote, sink: sink}
	c.work.L, c.credit.L = &c.mu, &c.mu
	return c
}

func (c *conn) ID() netsim.ConnID  { return c.id }
func (c *conn) RemoteAddr() string { return c.remote }

// Send implements netsim.Conn. It wakes the writer only if the writer sleeps: a
// busy writer finds the new bytes when it looks at the queue again.
func (c *conn) Send(data ...[]byte) (full bool) {
	c.mu.Lock()
	if c.phase != running || c.ending {
		c.mu.Unlock()
		return false
	}
	for _, part := range data {
		if len(part) > 0 {
			c.queue = append(c.queue, part)
			c.queued += len(part)
		}
	}
	full = c.queued > netsim.SendWindow
	c.full = c.full || full
	wake := c.idle && len(c.queue) > 0
	if wake {
		c.idle = false
	}
	c.mu.Unlock()
	if wake {
		c.work.Signal()
	}
	return full
}

// Consumed implements netsim.Conn.
func (c *conn) Consumed(n int) {
	left := c.unconsumed.Add(-int64(n))
	if n < 0 || left < 0 { // not in That: it would allocate its arguments each time
		assert.That(false, "tcp: %d bytes consumed, %d more than delivered", n, -left)
	}
	if c.parked.Load() {
		c.mu.Lock()
		c.credit.Signal()
		c.mu.Unlock()
	}
}

// Unsent implements netsim.Conn. What the kernel has taken has left.
func (c *conn) Unsent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == dead {
		return 0
	}
	return c.queued
}

// CloseSend implements netsim.Conn.
func (c *conn) CloseSend() {
	c.mu.Lock()
	c.ending = true
	c.idle = false
	c.mu.Unlock()
	c.work.Signal()
}

// Close implements netsim.Conn.
func (c *conn) Close() {
	c.hush(hearsNothing)
	c.kill()
}

// CloseAfterSend implements netsim.Conn.
func (c *conn) CloseAfterSend() {
	c.hush(hearsClosed)
	c.mu.Lock()
	if c.phase == running {
		c.phase = draining
	}
	c.idle = false
	c.mu.Unlock()
	c.work.Signal()
	c.credit.Signal()
}

// emit gives the sink an event, if the sink may still be told, and reports
// whether it did.
func (c *conn) emit(ev netsim.Event) bool {
	c.sinkMu.Lock()
	defer c.sinkMu.Unlock()
	if c.hears != hearsAll {
		return false
	}
	c.sink(ev)
	return true
}

// hush restricts what the sink may be told; it waits for a call that is under
// way.
func (c *conn) hush(h hearing) {
	c.sinkMu.Lock()
	c.hears = max(c.hears, h)
	c.sinkMu.Unlock()
}

// fail ends the connection and tells the owner why. The reader and the writer
// may both fail: the first error is told, before the socket is closed, so that
// the owner never gets the other's "use of closed connection".
func (c *conn) fail(err error) {
	c.sinkMu.Lock()
	if c.hears != hearsNothing {
		c.hears = hearsNothing
		c.sink(netsim.Event{Kind: netsim.Closed, Conn: c, Err: err})
	}
	c.sinkMu.Unlock()
	c.kill()
}

// kill makes the connection dead. It does not close the socket, because that
// may wait for calls under way on it, and Close, which calls kill, must not
// wait. It wakes the writer, which closes the socket and so ends the reader.
func (c *conn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == dead {
		return
	}
	c.phase = dead
	c.queue = nil
	c.idle = false
	c.work.Signal()
	c.credit.Signal()
	if c.cancel != nil {
		c.cancel()
	}
	if c.socket != nil {
		c.socket.SetWriteDeadline(longAgo)
	}
}

var longAgo = time.Unix(1, 0)

// dialLoop connects and then becomes the writer.
func (c *conn) dialLoop() {
	ctx, cancel := context.WithTimeout(context.Background(), c.network.dialTimeout)
	defer cancel()
	c.mu.Lock()
	c.cancel = cancel
	if c.phase == dead {
		cancel()
	}
	c.mu.Unlock()

	var dialer net.Dialer
	nc, err := dialer.DialContext(ctx, "tcp", c.remote)
	if err == nil {
		err = tune(nc.(*net.TCPConn))
	}
	if err != nil {
		if nc != nil {
			nc.Close()
		}
		c.fail(fmt.Errorf("tcp: %w: %w", netsim.ErrRefused, err))
		c.network.forget(c)
		c.network.running.Done()
		return
	}
	c.mu.Lock()
	c.socket, c.cancel = nc.(*net.TCPConn), nil
	c.mu.Unlock()
	c.emit(netsim.Event{Kind: netsim.Connected, Conn: c})
	c.network.running.Add(1) // this goroutine still counts, so Wait cannot have returned
	go c.readLoop()
	c.writeLoop()
}
