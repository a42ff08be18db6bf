package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
)

// sleepy is a world in which a slow reader has asked for something and sleeps.
func sleepy(t *testing.T, faults ...Fault) (*World, *SleepingReader) {
	plan, err := DrawPlan("steady", 2)
	require.NoError(t, err)
	plan.Workload.Options.Tight = Set(0)
	plan.Nodes = append(plan.Nodes, NodeSpec{Name: "sloth1", Role: "sloth", StartAt: sec})
	plan.Faults = faults
	w, err := NewWorld(plan, newCluster(plan), Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	for range 100 {
		require.True(t, w.Advance(w.Now().Add(50*time.Millisecond)))
		if s := AsleepIn(w.Node("sloth1").Loop(loop.Control)); s != nil {
			return w, s
		}
	}
	t.Fatal("no slow reader sleeps")
	return nil, nil
}

// during runs a step of the slow reader and returns the property that it breaks,
// "" for none.
func during(w *World, step func(now env.Time)) string {
	w.Node("sloth1").Enter(loop.Control, step)
	if len(w.Failures()) == 0 {
		return ""
	}
	return w.Failures()[0].Property
}

func TestASlowReaderThatIsNotServedAgainAccuses(t *testing.T) {
	w, s := sleepy(t)
	s.Wake()
	require.Equal(t, PropertySlowReaderServed, during(w, s.Lose))
}

func TestASlowReaderAccusesNoBrokerThatCannotServe(t *testing.T) {
	w, s := sleepy(t)
	at, broker := Duration(w.Now()), s.Broker()
	w.Close()
	for _, kind := range []string{"freeze", "disk-stall"} {
		w, s := sleepy(t, Fault{At: at - msec, Kind: kind, Target: broker})
		require.Equal(t, broker, s.Broker())
		s.Wake()
		require.Empty(t, during(w, s.Lose), kind)
		w.Close()
	}
}

func TestASlowReaderTakesAnswersInOrderOnly(t *testing.T) {
	w, s := sleepy(t)
	second := []byte{0, 0, 0, 4, 0, 0, 0, 2} // an answer to the second request
	require.Equal(t, PropertyResponsesInOrder, during(w, func(now env.Time) { s.Read(now, second) }))
}
