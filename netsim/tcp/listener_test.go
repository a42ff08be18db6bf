package tcp

import (
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/netsim"
)

// exhausted is a socket on which the first accepts fail: no descriptors are
// free.
type exhausted struct {
	*net.TCPListener
	failures, calls atomic.Int32
}

func (e *exhausted) AcceptTCP() (*net.TCPConn, error) {
	if e.calls.Add(1) <= e.failures.Load() {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return e.TCPListener.AcceptTCP()
}

func TestFailedAcceptsArePausedNotFatal(t *testing.T) {
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket := &exhausted{TCPListener: nl.(*net.TCPListener)}
	socket.failures.Store(3)
	n := New()
	defer n.Close()
	events := make(chan netsim.Event, 1)
	l := newListener(n, socket, []netsim.Sink{func(ev netsim.Event) { events <- ev }})
	require.True(t, n.track(l, 1))
	go l.acceptLoop()
	nc, err := net.Dial("tcp", l.Addr())
	require.NoError(t, err)
	defer nc.Close()
	require.Equal(t, netsim.Accepted, (<-events).Kind)
}

func TestClosedListenerStopsTryingToAccept(t *testing.T) {
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket := &exhausted{TCPListener: nl.(*net.TCPListener)}
	socket.failures.Store(1 << 30)
	n := New()
	l := newListener(n, socket, []netsim.Sink{func(netsim.Event) {}})
	require.True(t, n.track(l, 1))
	go l.acceptLoop()
	n.Close() // returns only if the loop ends, however long its pause
	require.Less(t, socket.calls.Load(), int32(10), "it spins")
}
