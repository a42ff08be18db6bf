package netsimtest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/netsim"
)

// scene is one test: a world, and everything its sinks were told.
type scene struct {
	t       *testing.T
	world   World
	changed chan struct{}

	mu         sync.Mutex
	ends       []*end
	complaints []string
}

// end is one end of a connection, and the events that its owner was given.
type end struct {
	scene  *scene
	conn   netsim.Conn
	sink   int  // index of the listener's sink, or 0
	dialed bool // so Connected or Closed comes first
	greedy bool // until gives back everything that it receives
	busy   atomic.Bool
	closes bool // the test has called Close: nothing may come

	// Under scene.mu:
	kinds    []netsim.EventKind
	chunks   [][]byte // as received
	size     int
	given    int // of size, returned by Consumed
	closeErr error
}

// listen listens on host 1 with some sinks; the ends appear in accepted.
func (s *scene) listen(sinks int) netsim.Listener {
	all := make([]netsim.Sink, sinks)
	for i := range all {
		all[i] = func(ev netsim.Event) { s.hear(s.endOf(ev, i), ev) }
	}
	l, err := s.world.Host(1).Listen(s.world.AnyPort(1), all...)
	require.NoError(s.t, err)
	s.t.Cleanup(l.Close)
	return l
}

// serve is listen with one sink, for connections of strangers.
func (s *scene) serve(terms netsim.Terms) netsim.Listener {
	l, err := s.world.Host(1).Serve(s.world.AnyPort(1), terms, func(ev netsim.Event) {
		s.hear(s.endOf(ev, 0), ev)
	})
	require.NoError(s.t, err)
	s.t.Cleanup(l.Close)
	return l
}

func (s *scene) endOf(ev netsim.Event, sink int) *end {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.ends {
		if e.conn == ev.Conn {
			return e
		}
	}
	e := &end{scene: s, conn: ev.Conn, sink: sink, greedy: true}
	s.ends = append(s.ends, e)
	return e
}

// dial dials from host 0.
func (s *scene) dial(addr string) *end {
	e := &end{scene: s, dialed: true, greedy: true}
	ready := make(chan struct{}) // conn is set
	conn := s.world.Host(0).Dial(addr, func(ev netsim.Event) {
		<-ready
		if ev.Conn != e.conn {
			s.complain("an event names another connection")
		}
		s.hear(e, ev)
	})
	s.mu.Lock()
	e.conn = conn
	s.ends = append(s.ends, e)
	s.mu.Unlock()
	close(ready)
	return e
}

// pair returns both ends of an open connection.
func (s *scene) pair() (dialled, accepted *end) {
	return s.pairOn(s.listen(1))
}

// pairOn returns both ends of a new connection to l.
func (s *scene) pairOn(l netsim.Listener) (dialled, accepted *end) {
	n := len(s.accepted())
	dialled = s.dial(l.Addr())
	s.until("the connection is open", func() bool {
		return dialled.has(netsim.Connected) && len(s.accepted()) == n+1
	})
	return dialled, s.accepted()[n]
}

// accepted returns the ends that listeners have made, in order.
func (s *scene) accepted() []*end {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ends []*end
	for _, e := range s.ends {
		if !e.dialed {
			ends = append(ends, e)
		}
	}
	return ends
}

// hear is the sink of every end: it notes the event, checks the order, and
// returns.
func (s *scene) hear(e *end, ev netsim.Event) {
	if !e.busy.CompareAndSwap(false, true) {
		s.complain("two events of one connection at a time")
		return
	}
	runtime.Gosched() // a second caller, if there is one, gets its chance
	s.mu.Lock()
	n := len(e.kinds)
	first := n == 0
	switch {
	case e.closes:
		s.complainLocked(fmt.Sprintf("event %d after Close", ev.Kind))
	case !first && e.kinds[n-1] == netsim.Closed:
		s.complainLocked(fmt.Sprintf("event %d after Closed", ev.Kind))
	case first && e.dialed && ev.Kind != netsim.Connected && ev.Kind != netsim.Closed,
		first && !e.dialed && ev.Kind != netsim.Accepted,
		!first && (ev.Kind == netsim.Accepted || ev.Kind == netsim.Connected):
		s.complainLocked(fmt.Sprintf("event %d as number %d of a connection", ev.Kind, n))
	case ev.Kind == netsim.Received && slices.Contains(e.kinds, netsim.Ended):
		s.complainLocked("Received after Ended")
	case ev.Kind == netsim.Received && len(ev.Data) == 0:
		s.complainLocked("Received without bytes")
	case ev.Kind == netsim.Closed && ev.Err == nil:
		s.complainLocked("Closed without a reason")
	}
	e.kinds = append(e.kinds, ev.Kind)
	if ev.Kind == netsim.Received {
		e.chunks = append(e.chunks, ev.Data)
		e.size += len(ev.Data)
		if e.size-e.given > netsim.RecvWindow {
			s.complainLocked("more than RecvWindow without credit")
		}
	}
	if ev.Kind == netsim.Closed {
		e.closeErr = ev.Err
	}
	s.mu.Unlock()
	e.busy.Store(false)
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *scene) complain(text string) {
	s.mu.Lock()
	s.complainLocked(text)
	s.mu.Unlock()
}

func (s *scene) complainLocked(text string) { s.complaints = append(s.complaints, text) }

// until lets the world run until cond holds. Meanwhile greedy ends give back
// what they receive.
func (s *scene) until(what string, cond func() bool) {
	s.t.Helper()
	require.True(s.t, s.world.Until(s.changed, func() bool {
		s.giveBack()
		return cond()
	}), "this never became true: %s", what)
}

func (s *scene) giveBack() {
	s.mu.Lock()
	ends := append([]*end(nil), s.ends...)
	s.mu.Unlock()
	for _, e := range ends {
		if e.greedy {
			e.consume(e.received() - e.returned())
		}
	}
}

// consume gives back n bytes. They are counted first, before the network is
// told.
func (e *end) consume(n int) {
	if n == 0 {
		return
	}
	e.scene.mu.Lock()
	e.given += n
	e.scene.mu.Unlock()
	e.conn.Consumed(n)
}

func (e *end) received() int { return get(e, func() int { return e.size }) }
func (e *end) returned() int { return get(e, func() int { return e.given }) }
func (e *end) err() error    { return get(e, func() error { return e.closeErr }) }
func (e *end) closed() bool  { return e.has(netsim.Closed) }

func (e *end) count(kind netsim.EventKind) int {
	return get(e, func() int {
		n := 0
		for _, k := range e.kinds {
			if k == kind {
				n++
			}
		}
		return n
	})
}

func (e *end) has(kind netsim.EventKind) bool { return e.count(kind) > 0 }
func (e *end) heard() int                     { return get(e, func() int { return len(e.kinds) }) }

// bytes is everything received, joined.
func (e *end) bytes() []byte {
	return get(e, func() []byte {
		joined := make([]byte, 0, e.size)
		for _, chunk := range e.chunks {
			joined = append(joined, chunk...)
		}
		return joined
	})
}

// close closes the end as its owner does. From then on no event may come.
func (e *end) close() {
	e.conn.Close()
	e.scene.mu.Lock()
	e.closes = true
	e.scene.mu.Unlock()
}

func get[T any](e *end, read func() T) T {
	e.scene.mu.Lock()
	defer e.scene.mu.Unlock()
	return read()
}

// noise is n bytes that depend on the seed.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	env.NewRand(seed, 1).Fill(b)
	return b
}
