package virtual_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/netsim"
	"example.com/lockstep/netsim/virtual"
)

// ramp is a part of an endless stream, from an offset on.
func ramp(offset, size int) []byte { return rampBytes[offset%251:][:size:size] }

var rampBytes = func() []byte {
	b := make([]byte, 2<<20)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}()

// chaos is a small world of hosts that send to each other under drawn faults.
// It returns what every sink was told, and when, and checks that what arrived
// is a prefix of what was sent.
func chaos(t *testing.T, seed uint64) (string, virtual.Stats) {
	w := newWorld(virtual.DefaultConfig(), seed)
	rand := env.NewRand(seed, 99)
	hosts := []string{"n0", "n1", "n2"}
	var trace strings.Builder
	received := map[netsim.ConnID]int{}
	var live []netsim.Conn
	sink := func(ev netsim.Event) {
		fmt.Fprintln(&trace, w.sched.Now(), ev.Conn.ID(), ev.Kind, len(ev.Data), ev.Err)
		switch ev.Kind {
		case netsim.Connected, netsim.Accepted:
			live = append(live, ev.Conn)
		case netsim.Received:
			want := ramp(received[ev.Conn.ID()], len(ev.Data))
			require.True(t, bytes.Equal(want, ev.Data), "not a prefix of what was sent")
			received[ev.Conn.ID()] += len(ev.Data)
			if !rand.Chance(1, 200) { // some owners forget to give back
				ev.Conn.Consumed(len(ev.Data))
			}
		}
	}
	listen := func(host string) {
		_, err := w.fabric.Host(host).Serve(host+":1", netsim.Terms{Connections: 4}, sink)
		require.NoError(t, err)
	}
	for _, host := range hosts {
		listen(host)
	}
	sent := map[netsim.ConnID]int{}
	for range 600 {
		from, to := hosts[rand.IntN(3)], hosts[rand.IntN(3)]
		switch draw := rand.IntN(60); {
		case draw < 8:
			w.fabric.Host(from).Dial(to+":1", sink)
		case draw < 28 && len(live) > 0:
			c := live[len(live)-1-rand.IntN(min(len(live), 12))]
			for range 1 + rand.IntN(3) {
				part := ramp(sent[c.ID()], int(rand.Between(0, 1<<rand.IntN(21))))
				sent[c.ID()] += len(part)
				c.Send(part)
			}
		case draw == 28:
			w.fabric.Block(from, to)
		case draw == 29:
			w.fabric.Stall(from, to)
		case draw == 30:
			w.fabric.Slow(from, to, 20)
		case draw == 31:
			w.fabric.ResetAll(from)
		case draw == 32:
			w.fabric.Crash(from, rand.Chance(1, 2))
			w.sched.RunFor(time.Duration(rand.Between(0, int64(time.Minute))))
			w.fabric.Restart(from)
			listen(from)
		case draw < 36 || draw > 56:
			w.fabric.Heal()
		case draw == 36 && len(live) > 0:
			live[len(live)-1-rand.IntN(min(len(live), 12))].CloseAfterSend()
		case draw == 37 && len(live) > 0:
			live[len(live)-1-rand.IntN(min(len(live), 12))].Close()
		case draw == 38:
			w.fabric.Refuse(from, true)
		case draw == 39:
			w.fabric.Limit(from, to, 1<<20)
		case draw == 40:
			w.fabric.Spike(from, to, time.Second)
		case draw == 41:
			w.fabric.Chop(from, to, true)
		case draw == 42:
			w.fabric.Sever(from, to)
		case draw == 43 && len(w.fabric.Conns(from)) > 0:
			w.fabric.HalfOpen(w.fabric.Conns(from)[0])
		case draw == 44 && len(live) > 0:
			live[len(live)-1-rand.IntN(min(len(live), 12))].CloseSend()
		}
		w.sched.RunFor(time.Duration(rand.Between(0, 1<<rand.Between(10, 35))))
	}
	w.fabric.Heal()
	w.sched.RunFor(time.Hour)
	return trace.String(), w.fabric.Stats()
}

func TestSameSeedSameTrace(t *testing.T) {
	first, stats := chaos(t, 1)
	again, statsAgain := chaos(t, 1)
	require.True(t, first == again, "two runs of one seed differ")
	require.Equal(t, stats, statsAgain)
	other, _ := chaos(t, 2)
	require.False(t, first == other, "the seed changes nothing")
}

func TestChaosReachesEveryCounter(t *testing.T) {
	sums := map[string]uint64{}
	for seed := range uint64(30) {
		_, stats := chaos(t, seed)
		counts := reflect.ValueOf(stats)
		for i := range counts.NumField() {
			sums[counts.Type().Field(i).Name] += counts.Field(i).Uint()
		}
	}
	t.Log(sums)
	for name, sum := range sums {
		require.NotZero(t, sum, name)
	}
}

// A fault on one link must not shift what is drawn for another.
func TestLinksDrawFromTheirOwnStreams(t *testing.T) {
	arrivals := func(disturbed bool) string {
		w := newWorld(virtual.DefaultConfig(), 5)
		w.serve(t)
		a := w.dial()
		w.sched.RunFor(time.Second)
		if disturbed {
			other := &side{}
			other.conn = w.fabric.Host("n2").Dial("n3:1", w.sink(other))
			w.fabric.Host("n3")
			w.fabric.Block("n2", "n3")
		}
		w.sched.RunFor(time.Second)
		a.conn.Send(make([]byte, 500_000))
		var trace strings.Builder
		for range 100 {
			what, ok := w.sched.Step()
			if !ok {
				break
			}
			if strings.Contains(what, "n0") {
				fmt.Fprintln(&trace, w.sched.Now(), what)
			}
		}
		return trace.String()
	}
	require.Equal(t, arrivals(false), arrivals(true))
}
