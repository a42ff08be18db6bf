package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// No cluster creates a topic within 1 ms, so this bound must be reported as broken.
func TestSlowCreationsAreReported(t *testing.T) {
	p, err := sim.NewPlan("topic-creation", 1)
	require.NoError(t, err)
	p.Workload.Options.CreateMs = plan.Set(1)
	r, err := sim.RunPlan(p, world.Options{})
	require.NoError(t, err)
	require.Equal(t, world.Fail, r.Verdict)
	require.Equal(t, property.TopicsMade, r.Failures[0].Property)
}
