package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/world"
)

func TestAForkedRunEqualsTheWholeRunUpToTheForkOnly(t *testing.T) {
	for scenario, events := range map[string][]uint64{"toy": {0, 1, 777, 1 << 14},
		"steady": {0, 5000}} {
		plan, err := sim.NewPlan(scenario, 7)
		require.NoError(t, err)
		whole, err := sim.RunPlan(plan, world.Options{})
		require.NoError(t, err)
		for _, event := range events {
			require.Less(t, event, whole.Events)
			looked, err := sim.RunPlan(plan, world.Options{Fork: &world.Fork{Event: event}})
			require.NoError(t, err)
			require.Equal(t, whole.Line(), looked.Line(), "a fork without a key changes nothing")
			require.NotNil(t, looked.Forked)

			a, err := sim.RunPlan(plan, world.Options{Fork: &world.Fork{Event: event, Key: 1}})
			require.NoError(t, err)
			again, err := sim.RunPlan(plan, world.Options{Fork: &world.Fork{Event: event, Key: 1}})
			require.NoError(t, err)
			b, err := sim.RunPlan(plan, world.Options{Fork: &world.Fork{Event: event, Key: 2}})
			require.NoError(t, err)
			require.Equal(t, looked.Forked, a.Forked)
			require.Equal(t, looked.Forked, b.Forked)
			require.Equal(t, a.Line(), again.Line(), "the same key gives the same run")
			require.NotEqual(t, whole.Trace, a.Trace, "event %d of %s", event, scenario)
			require.NotEqual(t, a.Trace, b.Trace)
		}
	}
}

func TestARunThatEndsBeforeItsForkDoesNotFork(t *testing.T) {
	r, err := sim.RunSeed("toy", 1, world.Options{Fork: &world.Fork{Event: 1 << 40, Key: 1}})
	require.NoError(t, err)
	require.Nil(t, r.Forked)
	whole, err := sim.RunSeed("toy", 1, world.Options{})
	require.NoError(t, err)
	require.Equal(t, whole.Line(), r.Line())
}
