package tcp

import (
	"net"
	"sync"
	"time"

	"example.com/lockstep/netsim"
)

const (
	// acceptBackoffMin is the first pause after a failed accept (no file
	// descriptors, for instance); it doubles up to acceptBackoffMax. Such an
	// accept fails at once, so a loop without a pause would spin.
	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = time.Second
)

// acceptor is the part of *net.TCPListener that a listener uses.
type acceptor interface {
	AcceptTCP() (*net.TCPConn, error)
	Addr() net.Addr
	Close() error
}

type listener struct {
	network *Network
	socket  acceptor
	sinks   []netsim.Sink
	door    *door // of Serve, else nil
	addr    string

	accepted int           // by acceptLoop only
	stop     chan struct{} // closed by Close

	mu     sync.Mutex // held while an Accepted is delivered
	closed bool
}

func newListener(n *Network, socket acceptor, sinks []netsim.Sink) *listener {
	return &listener{
		network: n,
		socket:  socket,
		sinks:   append([]netsim.Sink(nil), sinks...),
		addr:    socket.Addr().String(),
		stop:    make(chan struct{}),
	}
}

func (l *listener) Addr() string { return l.addr }

// Close implements netsim.Listener: after it no Accepted is delivered.
func (l *listener) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	close(l.stop)
	l.mu.Unlock()
	l.network.forget(l)
	l.socket.Close()
}

func (l *listener) acceptLoop() {
	defer l.network.running.Done()
	backoff, failed := acceptBackoffMin, 0
	for l.door.awaitRoom(l.stop) {
		nc, err := l.socket.AcceptTCP()
		if err == nil {
			if failed > 0 {
				l.network.acceptWorks(failed)
			}
			backoff, failed = acceptBackoffMin, 0
			l.admit(nc)
			continue
		}
		if failed++; failed == 1 && !l.isClosed() {
			l.network.acceptFailing(err)
		}
		if !l.pause(backoff) {
			return
		}
		backoff = min(2*backoff, acceptBackoffMax)
	}
}

// admit hands a new socket to the next sink, unless the listener was closed.
func (l *listener) admit(nc *net.TCPConn) {
	c := newConn(l.network, nc.RemoteAddr().String(), nil)
	if !l.door.enter(c.remote) {
		nc.Close()
		return
	}
	c.socket, c.door, c.served = nc, l.door, l.door != nil
	l.mu.Lock()
	defer l.mu.Unlock()
	// If tune fails, the peer has already reset the socket.
	if l.closed || tune(nc) != nil || !l.network.track(c, 2) {
		l.door.leave(c.remote)
		nc.Close()
		return
	}
	c.sink = l.sinks[l.accepted%len(l.sinks)]
	l.accepted++
	c.emit(netsim.Event{Kind: netsim.Accepted, Conn: c})
	go c.readLoop()
	go c.writeLoop()
}

func (l *listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// pause waits for d and reports false if the listener was closed.
func (l *listener) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.stop:
		return false
	}
}
