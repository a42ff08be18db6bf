package client_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/kafka/client"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// worldWithSleepingReader is a world in which a slow reader has sent fetches and does not
// read.
func worldWithSleepingReader(
	t *testing.T, faults ...plan.Fault,
) (*world.World, *client.SleepingReader) {
	p, err := scenario.NewPlan("steady", 2)
	require.NoError(t, err)
	p.Workload.Options.Tight = plan.Set(0)
	p.Nodes = append(p.Nodes,
		plan.NodeSpec{Name: "slowreader1", Role: "slowreader", StartAt: plan.Second})
	p.Faults = faults
	w, err := world.New(p, kafka.New(p), world.Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	for range 100 {
		require.True(t, w.Advance(w.Now().Add(50*time.Millisecond)))
		if s := client.AsleepIn(w.Node("slowreader1").Loop(loop.Control)); s != nil {
			return w, s
		}
	}
	t.Fatal("no slow reader sleeps")
	return nil, nil
}

// violationOf runs a step of the slow reader and returns the property that it breaks; ""
// for none.
func violationOf(w *world.World, step func(now env.Time)) string {
	w.Node("slowreader1").Enter(loop.Control, step)
	if len(w.Failures()) == 0 {
		return ""
	}
	return w.Failures()[0].Property
}

func TestABrokerThatDoesNotServeASlowReaderAgainIsReported(t *testing.T) {
	w, s := worldWithSleepingReader(t)
	s.Wake()
	require.Equal(t, property.SlowReaderServed, violationOf(w, s.Lose))
}

func TestABrokerThatAFaultKeepsFromServingASlowReaderIsNotReported(t *testing.T) {
	w, s := worldWithSleepingReader(t)
	at, broker := plan.Duration(w.Now()), s.Broker()
	w.Close()
	for _, kind := range []string{"freeze", "disk-stall"} {
		w, s := worldWithSleepingReader(t,
			plan.Fault{At: at - plan.Millisecond, Kind: kind, Target: broker})
		require.Equal(t, broker, s.Broker())
		s.Wake()
		require.Empty(t, violationOf(w, s.Lose), kind)
		w.Close()
	}
}

func TestAnAnswerToASlowReaderOutOfOrderIsReported(t *testing.T) {
	w, s := worldWithSleepingReader(t)
	second := []byte{0, 0, 0, 4, 0, 0, 0, 2} // an answer to the second request
	require.Equal(t, property.ResponsesInOrder,
		violationOf(w, func(now env.Time) { s.Read(now, second) }))
}
