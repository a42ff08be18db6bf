package netsimtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/netsim"
)

func answersAfterEnded(t *testing.T, s *scene) {
	for _, size := range []int{0, 6, 3 << 20} {
		a, b := s.pairOn(s.serve(netsim.Terms{}))
		question, answer := noise(300_000, 1), noise(size, 2)
		a.conn.Send(question)
		a.conn.CloseSend()
		require.False(t, a.conn.Send([]byte("too late")))
		s.until("the end is told", func() bool { return b.has(netsim.Ended) })
		require.Equal(t, question, b.bytes(), "all comes before the end")
		s.world.Settle()
		require.False(t, a.closed() || b.closed())
		b.conn.Send(answer)
		b.conn.CloseAfterSend()
		s.until("both are closed", func() bool { return a.closed() && b.closed() })
		require.Equal(t, len(answer), a.received())
		require.Equal(t, string(answer), string(a.bytes()))
		require.ErrorIs(t, a.err(), netsim.ErrEOF)
		require.Equal(t, 1, b.count(netsim.Closed))
	}
}

func closeAfterEnded(t *testing.T, s *scene) {
	a, b := s.pairOn(s.serve(netsim.Terms{}))
	a.conn.CloseSend()
	s.until("the end is told", func() bool { return b.has(netsim.Ended) })
	b.close()
	s.until("the other is closed", a.closed)
	requireEnd(t, a.err())
}

func drainSurvivesEnd(t *testing.T, s *scene) {
	a, b := s.pairOn(s.serve(netsim.Terms{}))
	a.greedy = false
	answer := noise(3<<20, 3)
	b.conn.Send(answer)
	b.conn.CloseAfterSend()
	a.conn.CloseSend()
	s.world.Settle()
	a.greedy = true
	s.until("both are closed", func() bool { return a.closed() && b.closed() })
	require.Equal(t, string(answer), string(a.bytes()))
}

func endClosesOthers(t *testing.T, s *scene) {
	a, b := s.pair()
	a.conn.Send([]byte("question"))
	a.conn.CloseSend()
	s.until("both are closed", func() bool { return a.closed() && b.closed() })
	require.Equal(t, "question", string(b.bytes()))
	require.False(t, b.has(netsim.Ended))
	require.ErrorIs(t, b.err(), netsim.ErrEOF)
}

func termsBoundConnections(t *testing.T, s *scene) {
	l := s.serve(netsim.Terms{Connections: 2})
	_, first := s.pairOn(l)
	s.pairOn(l)
	s.dial(l.Addr()) // waits, or is refused
	s.world.Settle()
	require.Len(t, s.accepted(), 2)
	first.close()
	s.world.Settle()
	s.dial(l.Addr())
	s.until("one more is accepted", func() bool { return len(s.accepted()) == 3 })
	s.world.Settle()
	require.Len(t, s.accepted(), 3)
}

func termsBoundAddresses(t *testing.T, s *scene) {
	l := s.serve(netsim.Terms{PerAddress: 1})
	a, _ := s.pairOn(l)
	more := s.dial(l.Addr())
	s.until("the second one is closed", more.closed)
	require.Len(t, s.accepted(), 1)
	a.close()
	first := s.accepted()[0]
	s.until("the first one is gone", func() bool {
		return first.has(netsim.Ended) || first.closed()
	})
	first.conn.Close()
	s.world.Settle()
	s.pairOn(l)
}
