package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
)

// The graph may be taken at any moment of a run: nothing of it shows in the trace.
func TestExplainingDoesNotChangeTheRun(t *testing.T) {
	run := func(explain bool) (line string, vertices int) {
		plan, err := NewPlan("mix", 3)
		require.NoError(t, err)
		subject := newCluster(plan)
		w, err := NewWorld(plan, subject, Options{})
		require.NoError(t, err)
		defer w.Close()
		for at := env.Instant(0); at < env.Instant(plan.Duration); at = at.Add(100 * time.Millisecond) {
			require.True(t, w.Advance(at))
			if explain && at >= env.Instant(time.Second) { // all nodes have been started
				s := w.StallOf("anything", "", subject.(Explainer).Overdue(w))
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
	require.Greater(t, vertices, 50, "there was something to explain")
}
