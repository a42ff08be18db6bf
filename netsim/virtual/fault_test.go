package virtual_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/netsim"
	"example.com/lockstep/netsim/virtual"
)

// side notes what the owner of one end is told.
type side struct {
	conn  netsim.Conn
	kinds []netsim.EventKind
	data  string
	err   error
	at    time.Duration // of the last event
}

func (w *world) sink(s *side) netsim.Sink {
	return func(ev netsim.Event) {
		s.conn = ev.Conn
		s.kinds = append(s.kinds, ev.Kind)
		s.data += string(ev.Data)
		s.err = ev.Err
		s.at = time.Duration(w.sched.Now())
		if ev.Kind == netsim.Received {
			ev.Conn.Consumed(len(ev.Data))
		}
	}
}

func (w *world) now() time.Duration { return time.Duration(w.sched.Now()) }

// serve listens on n1:9092; connections are noted one after the other.
func (w *world) serve(t *testing.T) *[]*side {
	var sides []*side
	var sinks []netsim.Sink
	for range 16 { // one sink for each connection, in turn
		s := &side{}
		note := w.sink(s)
		sinks = append(sinks, func(ev netsim.Event) {
			if ev.Kind == netsim.Accepted {
				sides = append(sides, s)
			}
			note(ev)
		})
	}
	_, err := w.fabric.Host("n1").Listen("n1:9092", sinks...)
	require.NoError(t, err)
	return &sides
}

func (w *world) dial() *side {
	s := &side{}
	s.conn = w.fabric.Host("n0").Dial("n1:9092", w.sink(s))
	return s
}

// connect makes a world with one open connection from n0 to n1.
func connect(t *testing.T, seed uint64) (*world, *side, *side) {
	w := newWorld(virtual.DefaultConfig(), seed)
	accepted := w.serve(t)
	a := w.dial()
	w.sched.RunFor(time.Second)
	require.Len(t, *accepted, 1)
	return w, a, (*accepted)[0]
}

// eachSeed runs a test with several seeds, because most of what happens is
// drawn.
func eachSeed(t *testing.T, test func(t *testing.T, seed uint64)) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { test(t, seed) })
	}
}

func TestBlockHoldsOneDirectionAndHealingDelivers(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		w, a, b := connect(t, seed)
		a.conn.Send([]byte("under way "))
		w.fabric.Block("n0", "n1")
		a.conn.Send([]byte("and later"))
		b.conn.Send([]byte("the other way"))
		w.sched.RunFor(10 * time.Second) // less than ResetAfter
		require.Empty(t, b.data)
		require.Equal(t, "the other way", a.data)
		w.fabric.Unblock("n0", "n1")
		w.sched.RunFor(2 * time.Second)
		require.Equal(t, "under way and later", b.data)
		w.sched.RunFor(time.Hour)
		require.NoError(t, a.err)
		require.NoError(t, b.err)
	})
}

func TestLongBlockResetsTheSenderAndLeavesThePeerHalfOpen(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		w, a, b := connect(t, seed)
		w.fabric.Block("n0", "n1")
		a.conn.Send([]byte("never"))
		w.sched.RunFor(10 * time.Minute)
		require.ErrorIs(t, a.err, netsim.ErrReset)
		require.NoError(t, b.err)
		w.fabric.Heal()
		w.sched.RunFor(time.Hour)
		require.NoError(t, b.err, "half-open: nothing tells the peer")
		require.Empty(t, b.data)
		b.conn.Send([]byte("anybody there?"))
		w.sched.RunFor(time.Second)
		require.ErrorIs(t, b.err, netsim.ErrReset)
		require.EqualValues(t, 1, w.fabric.Stats().GivenUp)
		require.NotZero(t, w.fabric.Stats().LostRSTs)
	})
}

func TestASenderGivesUpWhenAcknowledgementsAreBlocked(t *testing.T) {
	w, a, b := connect(t, 1)
	w.fabric.Block("n1", "n0")
	a.conn.Send([]byte("arrives"))
	w.sched.RunFor(time.Second)
	require.Equal(t, "arrives", b.data)
	w.sched.RunFor(10 * time.Minute)
	require.ErrorIs(t, a.err, netsim.ErrReset)
	require.ErrorIs(t, b.err, netsim.ErrReset, "the link of the RST is open")
}

func TestBlockedCreditStopsTheSenderUntilHealed(t *testing.T) {
	cfg := virtual.DefaultConfig()
	cfg.ResetAfter = virtual.Span{}
	w := newWorld(cfg, 1)
	accepted := w.serve(t)
	a := w.dial()
	w.sched.RunFor(time.Second)
	b := (*accepted)[0]
	w.fabric.Block("n1", "n0")
	a.conn.Send(make([]byte, 3*netsim.RecvWindow))
	w.sched.RunFor(time.Hour)
	require.Len(t, b.data, netsim.RecvWindow)
	w.fabric.Unblock("n1", "n0")
	w.sched.RunFor(time.Hour)
	require.Len(t, b.data, 3*netsim.RecvWindow)
	require.NoError(t, a.err)
}

func TestDialThroughABlockedLinkTimesOut(t *testing.T) {
	for _, direction := range [][2]string{{"n0", "n1"}, {"n1", "n0"}} {
		eachSeed(t, func(t *testing.T, seed uint64) {
			w := newWorld(virtual.DefaultConfig(), seed)
			accepted := w.serve(t)
			w.fabric.Block(direction[0], direction[1])
			a := w.dial()
			w.sched.RunFor(time.Second)
			require.Empty(t, a.kinds)
			w.sched.RunFor(time.Minute)
			require.Equal(t, []netsim.EventKind{netsim.Closed}, a.kinds)
			require.ErrorIs(t, a.err, netsim.ErrRefused)
			require.LessOrEqual(t, a.at, 20*time.Second)
			w.fabric.Heal()
			w.sched.RunFor(time.Hour)
			require.Empty(t, *accepted)
			require.Empty(t, w.fabric.Conns("n1"), "no embryo is left behind")
			require.EqualValues(t, 1, w.fabric.Stats().ConnectTimeouts)
		})
	}
}

func TestDialThatIsHealedInTimeConnects(t *testing.T) {
	w := newWorld(virtual.DefaultConfig(), 1)
	accepted := w.serve(t)
	w.fabric.Block("n0", "n1")
	a := w.dial()
	w.sched.RunFor(time.Second / 2)
	w.fabric.Unblock("n0", "n1")
	w.sched.RunFor(1400 * time.Millisecond) // ConnectTimeout is 2 s at least
	require.Equal(t, []netsim.EventKind{netsim.Connected}, a.kinds)
	require.Len(t, *accepted, 1)
}

func TestAStallEndsNoConnection(t *testing.T) {
	w, a, b := connect(t, 1)
	w.fabric.Stall("n0", "n1")
	a.conn.Send([]byte("late"))
	w.sched.RunFor(24 * time.Hour)
	require.Empty(t, b.data)
	w.fabric.Unstall("n0", "n1")
	w.sched.RunFor(time.Minute)
	require.Equal(t, "late", b.data)
	require.NoError(t, a.err)
}

func TestSlowMultipliesLatencyAndDividesBandwidth(t *testing.T) {
	w, a, b := connect(t, 1)
	w.fabric.SetShape("n0", "n1", virtual.Shape{Latency: time.Millisecond, Bandwidth: 1 << 20})
	start := w.now()
	a.conn.Send(make([]byte, 1<<18))
	w.sched.RunFor(time.Minute)
	plain := b.at - start
	require.InDelta(t, 251*time.Millisecond, plain, float64(time.Millisecond))
	w.fabric.Slow("n0", "n1", 10)
	start = w.now()
	a.conn.Send(make([]byte, 1<<18))
	w.sched.RunFor(time.Minute)
	require.InDelta(t, 10*plain, b.at-start, float64(time.Second))
	w.fabric.Heal()
	start = w.now()
	a.conn.Send([]byte("quick"))
	w.sched.RunFor(time.Minute)
	require.Less(t, b.at-start, 2*time.Millisecond)
}

func TestBandwidthIsSharedByTheLink(t *testing.T) {
	w := newWorld(virtual.DefaultConfig(), 1)
	accepted := w.serve(t)
	a, c := w.dial(), w.dial()
	w.sched.RunFor(time.Second)
	require.Len(t, *accepted, 2)
	b := (*accepted)[0]
	w.fabric.SetShape("n0", "n1", virtual.Shape{Bandwidth: 1 << 20})
	start := w.now()
	a.conn.Send(make([]byte, 1<<18))
	c.conn.Send(make([]byte, 1<<18))
	w.sched.RunFor(time.Minute)
	last := max(b.at, (*accepted)[1].at)
	require.InDelta(t, 500*time.Millisecond, last-start, float64(10*time.Millisecond))
}

func TestResetKillsBothEnds(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		w, a, b := connect(t, seed)
		a.conn.Send([]byte("perhaps"))
		w.fabric.Reset(a.conn)
		require.NoError(t, a.err, "a fault calls no sink by itself")
		w.sched.RunFor(time.Second)
		require.ErrorIs(t, a.err, netsim.ErrReset)
		require.ErrorIs(t, b.err, netsim.ErrReset)
		require.True(t, b.data == "" || len(b.data) <= 7 && b.data == "perhaps"[:len(b.data)])
		w.fabric.Reset(a.conn) // of a dead connection: nothing
		w.sched.RunFor(time.Second)
	})
}

func TestResetAllSparesOtherHosts(t *testing.T) {
	w, a, b := connect(t, 1)
	other := &side{}
	other.conn = w.fabric.Host("n2").Dial("n1:9092", w.sink(other))
	w.sched.RunFor(time.Second)
	w.fabric.ResetAll("n0")
	w.sched.RunFor(time.Second)
	require.ErrorIs(t, a.err, netsim.ErrReset)
	require.ErrorIs(t, b.err, netsim.ErrReset)
	require.NoError(t, other.err)
	require.Len(t, w.fabric.Conns("n1"), 1)
}

func TestRSTOnABlockedLinkIsLost(t *testing.T) {
	w, a, b := connect(t, 1)
	w.fabric.Block("n0", "n1")
	w.fabric.Reset(a.conn)
	w.sched.RunFor(time.Second)
	require.ErrorIs(t, a.err, netsim.ErrReset)
	w.fabric.Heal()
	w.sched.RunFor(time.Hour)
	require.NoError(t, b.err)
	require.EqualValues(t, 1, w.fabric.Stats().LostRSTs)

	w, a, b = connect(t, 1)
	w.fabric.Stall("n0", "n1") // a stalled link delays, and loses nothing
	w.fabric.Reset(a.conn)
	w.sched.RunFor(time.Hour)
	require.NoError(t, b.err)
	w.fabric.Heal()
	w.sched.RunFor(time.Minute)
	require.ErrorIs(t, b.err, netsim.ErrReset)
}

func TestListenerClosedDuringAHandshakeResetsTheDialler(t *testing.T) {
	w := newWorld(virtual.DefaultConfig(), 1)
	var heard int
	l, err := w.fabric.Host("n1").Listen(":9092", func(netsim.Event) { heard++ })
	require.NoError(t, err)
	require.Equal(t, "n1:9092", l.Addr())
	a := w.dial()
	require.True(t, w.sched.RunUntil(func() bool { return len(w.fabric.Conns("n1")) == 1 }))
	l.Close()
	w.sched.RunFor(time.Second)
	require.Equal(t, []netsim.EventKind{netsim.Connected, netsim.Closed}, a.kinds)
	require.ErrorIs(t, a.err, netsim.ErrReset)
	require.Zero(t, heard)
}

func TestRefuseRefusesDialsAndKeepsConnections(t *testing.T) {
	w, a, b := connect(t, 1)
	w.fabric.Refuse("n1", true)
	refused := w.dial()
	a.conn.Send([]byte("lives"))
	w.sched.RunFor(time.Second)
	require.ErrorIs(t, refused.err, netsim.ErrRefused)
	require.Equal(t, "lives", b.data)
	w.fabric.Refuse("n1", false)
	again := w.dial()
	w.sched.RunFor(time.Second)
	require.Equal(t, []netsim.EventKind{netsim.Connected}, again.kinds)
}

func TestKilledProcessIsNoticedAndItsAddressRefuses(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		w, a, b := connect(t, seed)
		heard := len(b.kinds)
		w.fabric.Crash("n1", false)
		late := w.dial()
		w.sched.RunFor(time.Second)
		require.Error(t, a.err)
		require.Len(t, b.kinds, heard, "a dead end is told nothing")
		require.ErrorIs(t, late.err, netsim.ErrRefused)
		require.False(t, b.conn.Send([]byte("from the grave")))
		b.conn.Close()
		w.serve(t) // the address is free for the next incarnation
		next := w.dial()
		w.sched.RunFor(time.Second)
		require.Equal(t, []netsim.EventKind{netsim.Connected}, next.kinds)
	})
}

func TestALossOfPowerIsSilentAndTheNextIncarnationAnswersRST(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		w, a, _ := connect(t, seed)
		w.fabric.Crash("n1", true)
		dialled := w.dial()
		w.sched.RunFor(24 * time.Hour)
		require.NoError(t, a.err, "half-open forever")
		require.ErrorIs(t, dialled.err, netsim.ErrRefused, "timed out")
		w.fabric.Restart("n1")
		w.sched.RunFor(time.Hour)
		require.NoError(t, a.err, "an end that sends nothing is told nothing")
		a.conn.Send([]byte("old friend"))
		w.sched.RunFor(time.Minute)
		require.ErrorIs(t, a.err, netsim.ErrReset)
	})
}

func TestBytesSentToADarkHostMeetItsNextIncarnation(t *testing.T) {
	w, a, _ := connect(t, 1)
	w.fabric.Crash("n1", true)
	a.conn.Send([]byte("held"))
	w.sched.RunFor(10 * time.Second)
	require.NoError(t, a.err)
	w.fabric.Restart("n1")
	accepted := w.serve(t)
	w.sched.RunFor(5 * time.Second)
	require.ErrorIs(t, a.err, netsim.ErrReset)
	require.Empty(t, *accepted)
}

func TestDeadIncarnationsNetworkIsDead(t *testing.T) {
	w, _, _ := connect(t, 1)
	old := w.fabric.Host("n1")
	w.fabric.Crash("n1", false)
	_, err := old.Listen("n1:9092", func(netsim.Event) {})
	require.Error(t, err)
	s := &side{}
	c := old.Dial("n0:1", w.sink(s))
	c.Send([]byte("x"))
	c.Close()
	w.sched.RunFor(time.Hour)
	require.Empty(t, s.kinds)
}

func TestChangingASentSliceIsCaught(t *testing.T) {
	w, a, _ := connect(t, 1)
	slice := []byte("immutable from then on")
	a.conn.Send(slice)
	slice[3]++
	require.PanicsWithValue(t, assert.Failure{
		Message: "virtual: n0 changed a slice of 22 bytes after Send (connection 1 to n1:9092)",
	}, func() { w.sched.RunFor(time.Second) })
}

func TestDialOfAnUnknownHostFails(t *testing.T) {
	w := newWorld(virtual.DefaultConfig(), 1)
	for _, addr := range []string{"nowhere:1", "n0", "n0:x"} {
		s := &side{}
		s.conn = w.fabric.Host("n0").Dial(addr, w.sink(s))
		s.conn.Send([]byte("x"))
		w.sched.RunFor(time.Second)
		require.ErrorIs(t, s.err, netsim.ErrRefused)
		s.conn.Close()
	}
}

func TestCutsComeInAllSizes(t *testing.T) {
	w, a, b := connect(t, 1)
	for range 200 {
		a.conn.Send(make([]byte, 20_000))
		w.sched.RunFor(10 * time.Millisecond)
	}
	require.Len(t, b.data, 200*20_000)
	stats := w.fabric.Stats()
	require.NotZero(t, stats.OneByte)
	require.Greater(t, stats.Messages, uint64(220))
	require.Less(t, stats.Messages, uint64(600))
}

func TestHalfOpenTellsThePeerOnlyWhenItSends(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		w, a, b := connect(t, seed)
		a.conn.Send([]byte("lost"))
		w.fabric.HalfOpen(a.conn)
		require.NoError(t, a.err, "a fault calls no sink by itself")
		w.sched.RunFor(time.Hour)
		require.ErrorIs(t, a.err, netsim.ErrReset)
		require.NoError(t, b.err)
		require.Empty(t, b.data)
		b.conn.Send([]byte("anybody there?"))
		w.sched.RunFor(time.Second)
		require.ErrorIs(t, b.err, netsim.ErrReset)
	})
}

func TestASeveredConnectionCarriesNothingAndOthersDo(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		w, a, b := connect(t, seed)
		w.fabric.Sever("n1", "n0")
		a.conn.Send([]byte("never"))
		w.sched.RunFor(10 * time.Second)
		fresh := w.dial()
		fresh.conn.Send([]byte("passes"))
		w.sched.RunFor(time.Second)
		require.Equal(t, []netsim.EventKind{netsim.Connected}, fresh.kinds)
		require.Empty(t, b.data)
		w.fabric.Heal()
		w.sched.RunFor(time.Hour)
		require.ErrorIs(t, a.err, netsim.ErrReset, "its sender gives up in the end")
		require.NoError(t, b.err, "an end that sends nothing is told nothing")
		require.Empty(t, b.data)
		b.conn.Close()
		w.sched.RunFor(time.Hour)
	})
}

func TestSpikesLetConnectionsOvertakeEachOther(t *testing.T) {
	w := newWorld(virtual.DefaultConfig(), 1)
	accepted := w.serve(t)
	a := w.dial()
	w.sched.RunFor(time.Second)
	c := w.dial()
	w.sched.RunFor(time.Second)
	require.Len(t, *accepted, 2)
	w.fabric.Spike("n0", "n1", time.Second)
	overtaken := 0
	for range 100 {
		a.conn.Send([]byte("first"))
		w.sched.RunFor(2 * time.Millisecond)
		c.conn.Send([]byte("second"))
		w.sched.RunFor(2 * time.Second)
		if (*accepted)[0].at > (*accepted)[1].at {
			overtaken++
		}
	}
	require.Greater(t, overtaken, 3)
	require.Less(t, overtaken, 50)
	require.Len(t, (*accepted)[0].data, 500, "each keeps its own order")
	w.fabric.Heal()
	start := w.now()
	a.conn.Send([]byte("prompt"))
	w.sched.RunFor(time.Minute)
	require.Less(t, (*accepted)[0].at-start, 2*time.Millisecond)
}

func TestLimitCapsTheBandwidth(t *testing.T) {
	w, a, b := connect(t, 1)
	w.fabric.SetShape("n0", "n1", virtual.Shape{Bandwidth: 1 << 30})
	w.fabric.Limit("n0", "n1", 1<<18)
	start := w.now()
	a.conn.Send(make([]byte, 1<<18))
	w.sched.RunFor(time.Minute)
	require.InDelta(t, time.Second, b.at-start, float64(10*time.Millisecond))
	w.fabric.Limit("n0", "n1", 0)
	start = w.now()
	a.conn.Send(make([]byte, 1<<18))
	w.sched.RunFor(time.Minute)
	require.Less(t, b.at-start, 2*time.Millisecond)
}

func TestChopCutsEverythingSmall(t *testing.T) {
	w, a, b := connect(t, 1)
	w.fabric.Chop("n0", "n1", true)
	heard := len(b.kinds)
	a.conn.Send(make([]byte, 100))
	w.sched.RunFor(time.Second)
	require.Len(t, b.data, 100)
	require.Greater(t, len(b.kinds)-heard, 2)
}
