package tcp

import (
	"fmt"
	"net"
	"time"

	"example.com/lockstep/netsim"
)

// writeMax is how many bytes one write sends; after each, settle looks at the
// queue's length. It is well below half of SendWindow, so that Writable comes
// while the kernel still has bytes to send.
const writeMax = 256 << 10

// spareMax is the capacity up to which a queue is kept for reuse; a longer one
// was a burst, and is left to the garbage collector.
const spareMax = 4096

// writer is the state of writeLoop. batch and the connection's queue change
// places, so that a steady flow allocates nothing.
type writer struct {
	batch  [][]byte    // taken from the queue, not yet written
	spare  [][]byte    // the emptied batch, next queue
	vector net.Buffers // the bytes of one call; a field, since WriteTo makes it escape
	room   [][]byte    // the memory of vector
}

// writeLoop writes what is queued until the connection ends, and then closes the socket.
func (c *conn) writeLoop() {
	defer c.network.running.Done()
	defer c.network.forget(c)
	defer c.door.leave(c.remote)
	defer c.socket.Close()
	var w writer
	sent := 0
	for c.settle(sent) {
		if len(w.batch) == 0 && !c.refill(&w) {
			c.finish()
			return
		}
		var err error
		if sent, err = w.write(c.socket); err != nil {
			c.fail(c.reason("write", err))
			return
		}
	}
}

// settle subtracts the written bytes, tells the owner if that made room, and
// reports whether the connection is alive.
func (c *conn) settle(sent int) bool {
	c.mu.Lock()
	c.queued -= sent
	alive := c.phase != dead
	tell := c.full && c.queued <= netsim.SendWindow/2
	if tell {
		c.full = false
	}
	c.mu.Unlock()
	if tell {
		c.emit(netsim.Event{Kind: netsim.Writable, Conn: c})
	}
	return alive
}

// refill takes the whole queue, sleeping while it is empty. It reports false
// when no more will come.
func (c *conn) refill(w *writer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 && c.phase == running && !c.ending {
		c.idle = true
		c.work.Wait()
	}
	if len(c.queue) == 0 {
		return false
	}
	if cap(w.spare) > spareMax {
		w.spare = nil
	}
	w.batch, c.queue = c.queue, w.spare[:0]
	w.spare = w.batch
	return true
}

// write sends up to writeMax bytes of the batch with one gathering write.
func (w *writer) write(socket *net.TCPConn) (int, error) {
	w.room = w.room[:0]
	size := 0
	for len(w.batch) > 0 && size < writeMax {
		part := w.batch[0]
		if len(part) > writeMax-size {
			part = part[:writeMax-size]
			w.batch[0] = w.batch[0][len(part):]
		} else {
			w.batch[0] = nil
			w.batch = w.batch[1:]
		}
		w.room = append(w.room, part)
		size += len(part)
	}
	if len(w.room) == 1 {
		_, err := socket.Write(w.room[0])
		w.room[0] = nil
		return size, err
	}
	w.vector = w.room
	_, err := w.vector.WriteTo(socket) // leaves nils in room
	return size, err
}

// finish ends the sending side of a connection with an empty queue. It sends a FIN, and keeps the
// socket until the reader sees that the peer has ended too. After CloseAfterSend that may take a
// bounded time. On a dead connection it does nothing.
func (c *conn) finish() {
	if c.awaitPeer() {
		c.fail(fmt.Errorf("tcp: %s: %w", c.remote, netsim.ErrEOF))
	}
}

// awaitPeer reports whether the peer of a live connection has ended its side.
func (c *conn) awaitPeer() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == dead {
		return false
	}
	c.socket.CloseWrite()
	for bounded := false; c.phase != dead && !c.ended; c.work.Wait() {
		if c.phase == draining && !bounded {
			bounded = true
			c.socket.SetReadDeadline(time.Now().Add(c.network.lingerTimeout))
		}
	}
	return c.phase != dead
}
