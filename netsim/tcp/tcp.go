package tcp

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"example.com/lockstep/netsim"
)

// Network dials and listens with the sockets of this machine. Make one per node.
type Network struct {
	dialTimeout   time.Duration
	lingerTimeout time.Duration
	acceptFailing func(error)
	acceptWorks   func(failed int)

	mu      sync.Mutex
	open    map[closer]struct{}
	closed  bool
	running sync.WaitGroup // every goroutine of this network
}

// closer is a connection or a listener.
type closer interface{ Close() }

var _ netsim.Network = (*Network)(nil)

// Option changes a setting of a new Network.
type Option func(*Network)

// WithDialTimeout bounds how long Dial tries to connect; the default is 10 s.
func WithDialTimeout(d time.Duration) Option {
	return func(n *Network) { n.dialTimeout = d }
}

// WithLingerTimeout bounds how long a connection waits for the peer to close as
// well, after CloseAfterSend has drained its queue; the default is 5 s.
func WithLingerTimeout(d time.Duration) Option {
	return func(n *Network) { n.lingerTimeout = d }
}

// WithAcceptReport tells the functions when accepts begin to fail, for example because no
// descriptors are left, and when one succeeds again, after how many failures.
func WithAcceptReport(failing func(error), works func(failed int)) Option {
	return func(n *Network) { n.acceptFailing, n.acceptWorks = failing, works }
}

// New returns a network without connections.
func New(options ...Option) *Network {
	n := &Network{
		dialTimeout:   10 * time.Second,
		lingerTimeout: 5 * time.Second,
		acceptFailing: func(error) {},
		acceptWorks:   func(int) {},
		open:          map[closer]struct{}{},
	}
	for _, option := range options {
		option(n)
	}
	return n
}

// Listen implements netsim.Network.
func (n *Network) Listen(addr string, sinks ...netsim.Sink) (netsim.Listener, error) {
	return n.listen(addr, nil, sinks)
}

// Serve implements netsim.Network. At the bound of connections it accepts no more until one is
// gone; the kernel's queue holds those that come meanwhile.
func (n *Network) Serve(
	addr string, terms netsim.Terms, sinks ...netsim.Sink,
) (netsim.Listener, error) {
	return n.listen(addr, newDoor(terms), sinks)
}

func (n *Network) listen(addr string, d *door, sinks []netsim.Sink) (netsim.Listener, error) {
	if len(sinks) == 0 {
		return nil, fmt.Errorf("tcp: listen %s: no sinks", addr)
	}
	nl, err := net.Listen("tcp", addr)
	if err != nil {
		var op *net.OpError // its text has the address, too
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, fmt.Errorf("tcp: listen %s: %w", addr, err)
	}
	l := newListener(n, nl.(*net.TCPListener), sinks)
	l.door = d
	if !n.track(l, 1) {
		nl.Close()
		return nil, fmt.Errorf("tcp: listen %s: %w", addr, net.ErrClosed)
	}
	go l.acceptLoop()
	return l, nil
}

// Dial implements netsim.Network. A host name is resolved on the way.
func (n *Network) Dial(addr string, sink netsim.Sink) netsim.Conn {
	c := newConn(n, addr, sink)
	if n.track(c, 1) {
		go c.dialLoop()
	} else {
		go c.fail(fmt.Errorf("tcp: dial %s: %w: %w", addr, netsim.ErrRefused, net.ErrClosed))
	}
	return c
}

// Close ends every listener and connection as their own Close does and returns
// when the last goroutine is gone. It is for the end of a node, is not part of
// the contract, may take a moment, and must not be called from a sink.
func (n *Network) Close() {
	n.mu.Lock()
	n.closed = true
	open := make([]closer, 0, len(n.open))
	for c := range n.open {
		open = append(open, c)
	}
	n.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
	n.running.Wait()
}

// track registers a listener or connection, and counts the goroutines that it
// is about to start. It reports false once the network is closed.
func (n *Network) track(c closer, goroutines int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.open[c] = struct{}{}
	n.running.Add(goroutines)
	return true
}

func (n *Network) forget(c closer) {
	n.mu.Lock()
	delete(n.open, c)
	n.mu.Unlock()
}

// lastID is shared by all networks of the process: netsim promises that a
// ConnID is unique in it.
var lastID atomic.Uint64

func nextID() netsim.ConnID { return netsim.ConnID(lastID.Add(1)) }

// tune sets what every connection has: no delay for small segments, because the
// writer coalesces already, and keepalive, so that a vanished peer does not
// hold its socket forever.
func tune(nc *net.TCPConn) error {
	return errors.Join(
		nc.SetNoDelay(true),
		nc.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 6,
		}),
	)
}
