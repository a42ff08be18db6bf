package netsimtest

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/netsim"
)

func sinksInTurn(t *testing.T, s *scene) {
	l := s.listen(3)
	for i := range 7 {
		s.dial(l.Addr())
		s.until("it is accepted", func() bool { return len(s.accepted()) == i+1 })
	}
	for i, e := range s.accepted() {
		require.Equal(t, i%3, e.sink)
	}
}

func listenInUse(t *testing.T, s *scene) {
	l := s.listen(1)
	_, err := s.world.Host(1).Listen(l.Addr(), func(netsim.Event) {})
	require.Error(t, err)
	_, err = s.world.Host(1).Listen("no port", func(netsim.Event) {})
	require.Error(t, err)
}

func listenerCloses(t *testing.T, s *scene) {
	l := s.listen(1)
	a, b := s.pairOn(l)
	l.Close()
	l.Close()
	late := s.dial(l.Addr())
	s.until("the late dial has failed", late.closed)
	require.ErrorIs(t, late.err(), netsim.ErrRefused)
	require.Len(t, s.accepted(), 1)
	a.conn.Send([]byte("still here"))
	s.until("it arrives", func() bool { return b.received() == 10 })
	again, err := s.world.Host(1).Listen(l.Addr(), func(netsim.Event) {})
	require.NoError(t, err, "the address is free again")
	again.Close()
}

func names(t *testing.T, s *scene) {
	l := s.listen(1)
	seen := map[netsim.ConnID]bool{}
	remotes := map[string]bool{}
	for range 5 {
		a, b := s.pairOn(l)
		for _, e := range []*end{a, b} {
			require.False(t, seen[e.conn.ID()])
			seen[e.conn.ID()] = true
		}
		require.Equal(t, l.Addr(), a.conn.RemoteAddr())
		_, _, err := net.SplitHostPort(b.conn.RemoteAddr())
		require.NoError(t, err)
		require.False(t, remotes[b.conn.RemoteAddr()], "two live peers with one address")
		remotes[b.conn.RemoteAddr()] = true
	}
}
