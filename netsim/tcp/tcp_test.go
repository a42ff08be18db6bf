package tcp_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/netsim"
	"example.com/lockstep/netsim/tcp"
)

// wait takes the next event of a kind from a channel fed by a sink.
func wait(t *testing.T, events <-chan netsim.Event, kind netsim.EventKind) netsim.Event {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case ev := <-events:
			if ev.Kind == kind {
				return ev
			}
		case <-deadline:
			t.Fatalf("no event %d", kind)
		}
	}
}

// feed is a sink into a channel with room for all that a test causes.
func feed() (chan netsim.Event, netsim.Sink) {
	events := make(chan netsim.Event, 10_000)
	return events, func(ev netsim.Event) { events <- ev }
}

// rawPeer connects a plain socket to a network of ours.
func rawPeer(t *testing.T, n *tcp.Network) (*net.TCPConn, chan netsim.Event) {
	events, sink := feed()
	l, err := n.Listen("127.0.0.1:0", sink)
	require.NoError(t, err)
	nc, err := net.Dial("tcp", l.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close(); n.Close() })
	return nc.(*net.TCPConn), events
}

func TestResetByPeerIsReported(t *testing.T) {
	nc, events := rawPeer(t, tcp.New())
	wait(t, events, netsim.Accepted)
	require.NoError(t, nc.SetLinger(0))
	nc.Close()
	require.ErrorIs(t, wait(t, events, netsim.Closed).Err, netsim.ErrReset)
}

func TestDialTimeout(t *testing.T) {
	n := tcp.New(tcp.WithDialTimeout(time.Nanosecond))
	defer n.Close()
	events, sink := feed()
	n.Dial("127.0.0.1:1", sink)
	err := wait(t, events, netsim.Closed).Err
	require.ErrorIs(t, err, netsim.ErrRefused)
	require.ErrorContains(t, err, "127.0.0.1:1")
}

func TestCloseAfterSendWaitsForItsPeerForABoundedTime(t *testing.T) {
	nc, events := rawPeer(t, tcp.New(tcp.WithLingerTimeout(time.Millisecond)))
	c := wait(t, events, netsim.Accepted).Conn
	c.Send([]byte("bye"))
	c.CloseAfterSend()
	require.ErrorIs(t, wait(t, events, netsim.Closed).Err, netsim.ErrReset)
	b := make([]byte, 10)
	n, err := nc.Read(b)
	require.NoError(t, err)
	require.Equal(t, "bye", string(b[:n]))
}

func TestNetworkCloseEndsEveryGoroutine(t *testing.T) {
	n, events := tcp.New(), make(chan netsim.Event, 1000)
	sink := func(ev netsim.Event) { events <- ev }
	l, err := n.Listen("127.0.0.1:0", sink)
	require.NoError(t, err)
	for range 20 {
		n.Dial(l.Addr(), sink).Send(make([]byte, 1<<20)) // parked: no credit is given back
	}
	for range 20 {
		wait(t, events, netsim.Received)
	}
	n.Dial(l.Addr(), sink) // may be under way
	n.Close()              // hangs if any reader, writer, dialler or acceptor goes on

	late, lateSink := feed()
	n.Dial(l.Addr(), lateSink)
	require.ErrorIs(t, wait(t, late, netsim.Closed).Err, netsim.ErrRefused)
	_, err = n.Listen("127.0.0.1:0", sink)
	require.Error(t, err)
}
