package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
)

// sleepy is a world in which a slow reader has asked for something and sleeps.
func sleepy(t *testing.T) (*World, *sloth) {
	plan, err := NewPlan("steady", 2)
	require.NoError(t, err)
	plan.Workload.Options.Tight = Set(0)
	plan.Nodes = append(plan.Nodes, NodeSpec{Name: "sloth1", Role: "sloth", StartAt: sec})
	c := newCluster(plan).(*cluster)
	w, err := NewWorld(plan, c, Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	for range 100 {
		require.True(t, w.Advance(w.Now().Add(50*time.Millisecond)))
		for _, k := range c.clients {
			if s, ok := k.script.(*sloth); ok && s.asleep {
				return w, s
			}
		}
	}
	t.Fatal("no sloth sleeps")
	return nil, nil
}

// during runs a step of the slow reader and returns the property that it breaks,
// "" for none.
func during(w *World, step func(now env.Time)) string {
	n := w.Node("sloth1")
	n.guard(n.loops[0], func() { step(n.clock.time(w.Now())) })
	if len(w.failures) == 0 {
		return ""
	}
	return w.failures[0].Property
}

func TestASlowReaderThatIsNotServedAgainAccuses(t *testing.T) {
	w, s := sleepy(t)
	s.asleep, s.wokeAt = false, w.Now()
	require.Equal(t, "P11: who reads again is served again", during(w, s.lost))
}

func TestASlowReaderAccusesNoBrokerThatCannotServe(t *testing.T) {
	for _, kind := range []string{"freeze", "disk-stall"} {
		w, s := sleepy(t)
		s.asleep, s.wokeAt = false, w.Now()
		w.past = append(w.past, FaultSpan{Kind: kind, Node: "b" + s.addr[1:2], Loop: -1, From: w.Now(), To: env.Never})
		require.Empty(t, during(w, s.lost), kind)
		w.Close()
	}
}

func TestASlowReaderTakesAnswersInOrderOnly(t *testing.T) {
	w, s := sleepy(t)
	s.framer.Feed([]byte{0, 0, 0, 4, 0, 0, 0, 2}) // the second request's
	require.Equal(t, "P11: responses keep the order of requests", during(w, s.read))
}
