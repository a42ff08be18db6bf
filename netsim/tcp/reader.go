package tcp

import (
	"errors"
	"fmt"
	"io"

	"example.com/lockstep/netsim"
)

const (
	// slabMax is the size of the buffers that a busy reader fills. A connection
	// starts with slabMin and grows when reads fill what they were offered, so
	// that ten thousand idle connections do not hold 64 KiB each.
	slabMin = 4 << 10
	slabMax = 64 << 10
	// slabRest: when less than size/slabRest is left of a slab, the rest is not
	// used, because many tiny reads cost more than the rest of a slab.
	slabRest = 16
)

// readLoop delivers what arrives until the connection ends.
func (c *conn) readLoop() {
	defer c.network.running.Done()
	var slab []byte
	size := slabMin
	for {
		room := c.awaitCredit()
		if room == 0 {
			return
		}
		if len(slab) < size/slabRest {
			slab = make([]byte, size)
		}
		offer := slab[:min(len(slab), room)]
		n, err := c.socket.Read(offer)
		if n > 0 && c.deliver(slab[:n:n]) {
			slab = slab[n:]
		}
		if err != nil {
			if !c.endOfStream(err) {
				c.fail(c.reason("read", err))
			}
			return
		}
		if n == len(offer) && n < room { // the slab was the limit, not credit
			size = min(4*size, slabMax)
		}
	}
}

// endOfStream ends the reader of a served connection after the peer's FIN, and nothing else of it.
func (c *conn) endOfStream(err error) bool {
	if !c.served || !errors.Is(err, io.EOF) {
		return false
	}
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.work.Signal()
	c.emit(netsim.Event{Kind: netsim.Ended, Conn: c})
	return true
}

// awaitCredit waits until the owner can take more and returns how much, or 0
// when the connection is dead. It returns as soon as there is any credit. With
// a threshold, an owner that keeps most of the window, because it waits for the
// rest of a frame, would wait forever.
func (c *conn) awaitCredit() int {
	if room := netsim.RecvWindow - c.unconsumed.Load(); room > 0 {
		return int(room)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parked.Store(true)
	defer c.parked.Store(false)
	for {
		if c.phase == dead {
			return 0
		}
		if c.phase == draining {
			return slabMax // discarded, so it needs no credit
		}
		if room := netsim.RecvWindow - c.unconsumed.Load(); room > 0 {
			return int(room)
		}
		c.credit.Wait()
	}
}

// deliver gives data to the sink and reports whether the sink took it.
func (c *conn) deliver(data []byte) bool {
	// Counted first: the owner may give the bytes back before emit returns.
	c.unconsumed.Add(int64(len(data)))
	if c.emit(netsim.Event{Kind: netsim.Received, Conn: c, Data: data}) {
		return true
	}
	c.unconsumed.Add(-int64(len(data)))
	return false
}

// reason wraps the error of a socket operation in the sentinel of the contract.
func (c *conn) reason(operation string, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("tcp: %s: %w", c.remote, netsim.ErrEOF)
	}
	return fmt.Errorf("tcp: %s %s: %w: %w", operation, c.remote, netsim.ErrReset, err)
}
