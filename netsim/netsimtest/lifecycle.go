package netsimtest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/netsim"
)

func methodsReturn(t *testing.T, s *scene) {
	a, b := s.pair()
	b.greedy = false
	for range 64 {
		a.conn.Send(make([]byte, 1<<20)) // far beyond what any kernel takes
	}
	s.until("the peer's window is full", func() bool { return b.received() == netsim.RecvWindow })
	a.conn.CloseAfterSend()
	a.close()
	b.close()
	b.close()
	require.False(t, b.conn.Send([]byte("after the end")))
	s.world.Settle()
}

func eventsInOrder(t *testing.T, s *scene) {
	a, b := s.pair()
	const total = 3 << 20
	for i := range total / 4096 {
		a.conn.Send(noise(4096, uint64(i)))
		b.conn.Send(noise(4096, uint64(i)))
		if i%64 == 0 {
			s.giveBack()
		}
	}
	s.until("all has arrived at both", func() bool {
		return a.received() == total && b.received() == total
	})
	require.Equal(t, a.bytes(), b.bytes())
	a.close()
	s.until("the other is closed", b.closed)
	s.world.Settle() // hear reports anything after that, and two events at a time
}

func dialConnects(t *testing.T, s *scene) {
	a, b := s.pair()
	s.world.Settle()
	require.Equal(t, 1, a.heard())
	require.Equal(t, 1, b.heard())
	require.True(t, a.has(netsim.Connected))
}

func dialRefused(t *testing.T, s *scene) {
	a := s.dial(s.world.NoListener(1))
	a.conn.Send([]byte("lost"))
	s.until("the dial has failed", a.closed)
	s.world.Settle()
	require.ErrorIs(t, a.err(), netsim.ErrRefused)
	require.Equal(t, 1, a.heard())
}

func dialAbandoned(t *testing.T, s *scene) {
	l := s.listen(1)
	for range 10 {
		// Connected may come before Close: only what comes after is forbidden.
		s.dial(l.Addr()).close()
		s.dial(s.world.NoListener(1)).close()
	}
	s.world.Settle()
}

func peerCloseTold(t *testing.T, s *scene) {
	a, b := s.pair()
	a.close()
	s.until("the peer is told", b.closed)
	s.world.Settle()
	require.Equal(t, 1, b.count(netsim.Closed))
	requireEnd(t, b.err())
	b.close() // harmless
}

func silenceAfterClose(t *testing.T, s *scene) {
	a, b := s.pair()
	for i := range 50 {
		b.conn.Send(noise(64<<10, uint64(i)))
	}
	s.until("bytes arrive", func() bool { return a.received() > 0 })
	a.close() // while the network is delivering; hear reports what comes later
	s.until("the peer is told", b.closed)
	s.world.Settle()
}

func onlyClosedAfterDrain(t *testing.T, s *scene) {
	a, b := s.pair()
	b.conn.Send([]byte("before"))
	s.until("the first bytes are there", func() bool { return a.received() == 6 })
	a.conn.CloseAfterSend()
	heard := a.heard()
	b.conn.Send([]byte("after"))
	a.conn.Consumed(0)
	s.until("both are closed", func() bool { return a.closed() && b.closed() })
	s.world.Settle()
	require.Equal(t, heard+1, a.heard())
	require.Equal(t, 6, a.received())
	require.ErrorIs(t, b.err(), netsim.ErrEOF)
}

func drainBeforeConnected(t *testing.T, s *scene) {
	l := s.listen(1)
	a := s.dial(l.Addr())
	a.conn.Send(make([]byte, 2<<20)) // full, yet no Writable may follow
	a.conn.CloseAfterSend()
	before := a.heard() // Connected at most
	s.until("the dialler is closed", a.closed)
	s.world.Settle()
	require.Equal(t, before+1, a.heard())
	require.Equal(t, 2<<20, s.accepted()[0].received())
}

func closeLeavesPrefix(t *testing.T, s *scene) {
	for round := range 10 {
		a, b := s.pairOn(s.listen(1))
		sent := noise(2<<20, uint64(round))
		for rest := sent; len(rest) > 0; rest = rest[1<<16:] {
			a.conn.Send(rest[:1<<16])
		}
		s.until("some has arrived", func() bool { return b.received() > round*50_000 })
		a.close()
		s.until("the peer is told", b.closed)
		requireEnd(t, b.err())
		got := b.bytes()
		require.LessOrEqual(t, len(got), len(sent))
		require.True(t, string(got) == string(sent[:len(got)]), "not a prefix")
	}
}

func drainSendsAll(t *testing.T, s *scene) {
	a, b := s.pair()
	sent := noise(5<<20, 1)
	a.conn.Send(sent)
	a.conn.CloseAfterSend()
	require.False(t, a.conn.Send([]byte("too late")))
	s.until("both are closed", func() bool { return a.closed() && b.closed() })
	require.ErrorIs(t, b.err(), netsim.ErrEOF)
	require.True(t, string(sent) == string(b.bytes()), "some bytes did not arrive")
}

func drainAgainstTalk(t *testing.T, s *scene) {
	a, b := s.pair()
	a.greedy = false
	for range 20 {
		b.conn.Send(make([]byte, 100_000))
	}
	s.until("the window is full", func() bool { return a.received() == netsim.RecvWindow })
	a.conn.Send([]byte("last answer"))
	a.conn.CloseAfterSend()
	a.consume(100) // credit for what came before is still welcome
	s.until("both are closed", func() bool { return a.closed() && b.closed() })
	require.Equal(t, "last answer", string(b.bytes()))
}

func silenceUnreported(t *testing.T, s *scene) {
	a, b := s.pair()
	a.greedy, b.greedy = false, false
	a.conn.Send(make([]byte, 4<<20))
	s.until("the window is full", func() bool { return b.received() == netsim.RecvWindow })
	s.world.Settle()
	require.False(t, a.closed())
	require.False(t, b.closed())
}

// requireEnd accepts the errors that a peer may be told of a close.
func requireEnd(t *testing.T, err error) {
	t.Helper()
	for _, lawful := range []error{netsim.ErrEOF, netsim.ErrReset} {
		if errors.Is(err, lawful) {
			return
		}
	}
	t.Fatalf("closed with %v, which is neither ErrEOF nor ErrReset", err)
}
