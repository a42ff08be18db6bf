package netsimtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/netsim"
)

func receivedIsOurs(t *testing.T, s *scene) {
	a, b := s.pair()
	sent := noise(1<<20, 7)
	keep := append([]byte(nil), sent...)
	a.conn.Send(sent[:1<<19])
	s.until("half is there", func() bool { return b.received() == 1<<19 })
	// The receiver overwrites its chunks, and appends to them: no other chunk
	// may change, and neither may the sender's bytes.
	half := b.bytes()
	s.mu.Lock()
	for i, chunk := range b.chunks {
		before := append([]byte(nil), chunk...)
		clear(chunk)
		_ = append(chunk, "overwritten"...)
		b.chunks[i] = before
	}
	s.mu.Unlock()
	a.conn.Send(sent[1<<19:])
	s.until("all is there", func() bool { return b.received() == 1<<20 })
	require.True(t, string(half) == string(keep[:1<<19]))
	require.True(t, string(b.bytes()) == string(keep), "a chunk changed after delivery")
	require.True(t, string(sent) == string(keep), "the sender's bytes changed")
}

func bordersMeanNothing(t *testing.T, s *scene) {
	a, b := s.pair()
	rand := env.NewRand(3, 4)
	var sent []byte
	for range 400 {
		part := noise(int(rand.Between(1, 5000)), rand.Uint64())
		sent = append(sent, part...)
		a.conn.Send(part)
		if rand.Chance(1, 4) {
			s.until("something arrives", func() bool { return b.received() > 0 })
		}
	}
	s.until("all is there", func() bool { return b.received() == len(sent) })
	require.True(t, string(b.bytes()) == string(sent))
}

func windowHolds(t *testing.T, s *scene) {
	a, b := s.pair()
	b.greedy = false
	a.conn.Send(make([]byte, 3*netsim.RecvWindow))
	s.until("the window is full", func() bool { return b.received() == netsim.RecvWindow })
	s.world.Settle()
	require.Equal(t, netsim.RecvWindow, b.received())
}

func anyCreditHelps(t *testing.T, s *scene) {
	a, b := s.pair()
	b.greedy = false
	a.conn.Send(make([]byte, netsim.RecvWindow+1001))
	s.until("the window is full", func() bool { return b.received() == netsim.RecvWindow })
	b.consume(1)
	s.until("one more byte comes", func() bool { return b.received() == netsim.RecvWindow+1 })
	b.consume(900)
	s.until("900 more come", func() bool { return b.received() == netsim.RecvWindow+901 })
	s.world.Settle()
	require.Equal(t, netsim.RecvWindow+901, b.received())
}

func earlyCreditKept(t *testing.T, s *scene) {
	a, b := s.pair()
	b.greedy = false
	a.conn.Send(make([]byte, netsim.RecvWindow))
	s.until("the window is full", func() bool { return b.received() == netsim.RecvWindow })
	b.consume(1000) // before the sender needs it
	s.world.Settle()
	a.conn.Send(make([]byte, 5000))
	s.until("1000 more come", func() bool { return b.received() == netsim.RecvWindow+1000 })
}

func parkedLosesNothing(t *testing.T, s *scene) {
	a, b := s.pair()
	b.greedy = false
	sent := noise(6<<20, 9)
	for rest := sent; len(rest) > 0; rest = rest[1<<18:] {
		a.conn.Send(rest[:1<<18])
	}
	s.until("the window is full", func() bool { return b.received() == netsim.RecvWindow })
	s.world.Settle()
	b.greedy = true
	s.until("all is there", func() bool { return b.received() == len(sent) })
	require.True(t, string(b.bytes()) == string(sent))
}

func creditIsChecked(t *testing.T, s *scene) {
	a, b := s.pair()
	b.greedy = false
	a.conn.Send([]byte("abc"))
	s.until("it arrives", func() bool { return b.received() == 3 })
	defer func() {
		_, failed := recover().(assert.Failure)
		require.True(t, failed, "no assertion")
	}()
	b.conn.Consumed(4)
}

func slicesInOrder(t *testing.T, s *scene) {
	a, b := s.pair()
	var want []byte
	for i := range 3000 { // more than one gathering write takes
		p, q := noise(i%7, uint64(i)), noise(i%300, uint64(i))
		want = append(append(want, p...), q...)
		a.conn.Send(p, nil, q)
	}
	a.conn.Send()
	s.until("all is there", func() bool { return b.received() == len(want) })
	require.True(t, string(b.bytes()) == string(want))
}

func sendsBeforeConnected(t *testing.T, s *scene) {
	l := s.listen(1)
	a := s.dial(l.Addr())
	a.conn.Send([]byte("one "), []byte("two "))
	a.conn.Send([]byte("three"))
	s.until("it arrives", func() bool {
		return len(s.accepted()) == 1 && s.accepted()[0].received() == 13
	})
	require.Equal(t, "one two three", string(s.accepted()[0].bytes()))
}

func fullBeyondWindow(t *testing.T, s *scene) {
	a, b := s.pair()
	b.greedy = false
	for range netsim.SendWindow / (64 << 10) {
		require.False(t, a.conn.Send(make([]byte, 64<<10)), "full below the window")
	}
	fillUp(t, a)
	b.greedy = true
	s.until("there is room again", func() bool { return a.has(netsim.Writable) })
}

func writableOnce(t *testing.T, s *scene) {
	a, b := s.pair()
	b.greedy = false
	total := fillUp(t, a)
	s.world.Settle()
	require.False(t, a.has(netsim.Writable), "a parked peer made room")
	b.greedy = true
	s.until("all is there", func() bool { return b.received() == total })
	s.until("the sender is told", func() bool { return a.has(netsim.Writable) })
	a.conn.Send(make([]byte, 1000))
	s.until("that is there too", func() bool { return b.received() == total+1000 })
	s.world.Settle()
	require.Equal(t, 1, a.count(netsim.Writable))

	// Again: a connection can become full more than once.
	b.greedy = false
	fillUp(t, a)
	b.greedy = true
	s.until("the sender is told again", func() bool { return a.count(netsim.Writable) == 2 })
}

// fillUp sends so much that the connection stays full while the peer takes
// nothing, and returns how many bytes that is. Kernels take megabytes beyond
// the window, and some time after they seemed full they take more.
func fillUp(t *testing.T, a *end) int {
	t.Helper()
	const pieces = 256
	piece := make([]byte, 256<<10)
	for range pieces - 1 {
		a.conn.Send(piece)
	}
	require.True(t, a.conn.Send(piece), "not full after %d bytes", pieces*len(piece))
	return pieces * len(piece)
}
