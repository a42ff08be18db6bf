package tcp_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/netsim"
	"example.com/lockstep/netsim/netsimtest"
	"example.com/lockstep/netsim/tcp"
)

// patience is how long a test waits before it fails. It measures nothing.
const patience = 20 * time.Second

// world is the suite's two hosts: two networks on the loopback interface.
type world struct {
	t     *testing.T
	hosts [2]*tcp.Network
	echo  net.Conn // for Settle
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, hosts: [2]*tcp.Network{tcp.New(), tcp.New()}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		defer l.Close()
		if nc, err := l.Accept(); err == nil {
			io.Copy(nc, nc)
			nc.Close()
		}
	}()
	w.echo, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() {
		w.echo.Close()
		w.hosts[0].Close()
		w.hosts[1].Close()
	})
	return w
}

func (w *world) Host(i int) netsim.Network { return w.hosts[i] }
func (w *world) AnyPort(int) string        { return "127.0.0.1:0" }

// NoListener returns a port that was free a moment ago.
func (w *world) NoListener(int) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w.t, err)
	defer l.Close()
	return l.Addr().String()
}

func (w *world) Until(changed <-chan struct{}, cond func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !cond() {
		select {
		case <-changed:
		case <-deadline.C:
			return cond()
		}
	}
	return true
}

// Settle sends bytes back and forth for a while, so that what was under way on
// other connections has had time to arrive.
func (w *world) Settle() {
	b := make([]byte, 1)
	for range 300 {
		_, err := w.echo.Write(b)
		require.NoError(w.t, err)
		_, err = io.ReadFull(w.echo, b)
		require.NoError(w.t, err)
	}
}

func TestConformance(t *testing.T) {
	netsimtest.Run(t, func(t *testing.T) netsimtest.World { return newWorld(t) })
}
