package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// Each planted bug must break its property within a few seeds. A tester that never failed
// cannot be trusted.
func TestPlantedBugsAreCaught(t *testing.T) {
	for scenario, property := range map[string]string{
		"toy-early-ack":    property.ToyDurable,
		"toy-stamp-late":   property.MachinesHold,
		"toy-rewrite-disk": property.MachinesHold,
		"toy-lost-wakeup":  property.Converges,
		"toy-panic":        property.AssertionsHold,
		"toy-stop":         property.StopsHaveCauses,
	} {
		t.Run(scenario, func(t *testing.T) {
			for seed := range uint64(30) {
				r, err := sim.RunSeed(scenario, seed, world.Options{})
				require.NoError(t, err)
				if r.Verdict == world.Fail {
					require.Equal(t, property, r.Failures[0].Property, "%s", r.Report())
					require.Contains(t, r.Report(), "-seed=")
					require.NotEmpty(t, r.Recent)
					t.Logf("seed %d: %s", seed, r.Failures[0].Detail)
					return
				}
			}
			t.Fatal("not caught in 30 seeds")
		})
	}
}

func TestAFailureReplaysAsItWas(t *testing.T) {
	for seed := range uint64(30) {
		first, err := sim.RunSeed("toy-early-ack", seed, world.Options{})
		require.NoError(t, err)
		if first.Verdict == world.Fail {
			again, err := sim.RunSeed("toy-early-ack", seed, world.Options{})
			require.NoError(t, err)
			require.Equal(t, first.Line(), again.Line())
			require.Equal(t, first.Failures, again.Failures)
			return
		}
	}
}
