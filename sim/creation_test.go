package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A bound that no creation can keep is reported.
func TestSlowCreationsAreReported(t *testing.T) {
	plan, err := NewPlan("topic-creation", 1)
	require.NoError(t, err)
	plan.Workload.Options.CreateMs = Set(1)
	r, err := RunPlan(plan, Options{})
	require.NoError(t, err)
	require.Equal(t, Fail, r.Verdict)
	require.Equal(t, PropertyTopicsMade, r.Failures[0].Property)
}
