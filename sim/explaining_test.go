package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/world"
)

// A wait-for graph may be taken at any moment of a run. It leaves nothing in the trace.
func TestExplainingDoesNotChangeTheRun(t *testing.T) {
	run := func(explain bool) (line string, vertices int) {
		plan, err := sim.NewPlan("mix", 3)
		require.NoError(t, err)
		subject := kafka.New(plan)
		w, err := world.New(plan, subject, world.Options{})
		require.NoError(t, err)
		defer w.Close()
		for at := env.Instant(0); at < env.Instant(plan.Duration); at =
			at.Add(100 * time.Millisecond) {
			require.True(t, w.Advance(at))
			if explain && at >= env.Instant(time.Second) { // all nodes have started
				s := w.StallOf("anything", "", subject.(world.Explainer).Overdue(w))
				vertices = max(vertices, s.Vertices)
				_ = s.String()
			}
		}
		r := w.Run()
		return r.Line(), vertices
	}
	line, _ := run(false)
	explained, vertices := run(true)
	require.Equal(t, line, explained)
	require.Greater(t, vertices, 50, "the graph is empty: nothing was explained")
}
