package sim_test

import (
	"slices"
	"testing"

	"example.com/lockstep/checker"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/sim"
	"example.com/lockstep/sim/world"
)

func TestARunSaysWhatItReached(t *testing.T) {
	r, err := sim.RunSeed("crash", 3, world.Options{})
	require.NoError(t, err)
	c := r.Coverage
	require.NotEmpty(t, c.Marks)
	for name, n := range c.Marks {
		require.Contains(t, mark.All(), name)
		require.Positive(t, n)
	}
	require.True(t, slices.IsSorted(c.Features))
	require.Contains(t, c.Features, "leader, ISR of 1")
	require.Positive(t, c.Faults["power-off"]+c.Faults["kill"])
	require.Positive(t, c.Judged["P1"])

	again, err := sim.RunSeed("crash", 3, world.Options{})
	require.NoError(t, err)
	require.Equal(t, c, again.Coverage, "each run counts from zero")
}

func TestASecondRunInTheSameProcessIsEqual(t *testing.T) {
	first, err := sim.RunSeed("toy", 3, world.Options{})
	require.NoError(t, err)
	second, err := sim.RunSeed("toy", 3, world.Options{})
	require.NoError(t, err)
	require.Equal(t, first, second)
}

func TestBarrierReadsAreRecorded(t *testing.T) {
	plan, err := sim.NewPlan("stale-barriers", 1)
	require.NoError(t, err)
	_, h, err := sim.RunHistory(plan, world.Options{})
	require.NoError(t, err)
	reads := 0
	for i := range h.Admins {
		if h.Admins[i].Kind == checker.DescribeTopic {
			reads++
		}
	}
	require.Greater(t, reads, 100)
}
