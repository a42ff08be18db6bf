package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Each planted bug must be caught, by the property that it breaks, within a few
// seeds. A tester that has never failed is not trusted.
func TestPlantedBugsAreCaught(t *testing.T) {
	for scenario, property := range map[string]string{
		"toy-early-ack":    PropertyToyDurable,
		"toy-stamp-late":   PropertyMachinesHold,
		"toy-rewrite-disk": PropertyMachinesHold,
		"toy-lost-wakeup":  PropertyConverges,
		"toy-panic":        PropertyAssertionsHold,
		"toy-stop":         PropertyStopsHaveCauses,
	} {
		t.Run(scenario, func(t *testing.T) {
			for seed := range uint64(30) {
				r, err := RunSeed(scenario, seed, Options{})
				require.NoError(t, err)
				if r.Verdict == Fail {
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
		first, err := RunSeed("toy-early-ack", seed, Options{})
		require.NoError(t, err)
		if first.Verdict == Fail {
			again, err := RunSeed("toy-early-ack", seed, Options{})
			require.NoError(t, err)
			require.Equal(t, first.Line(), again.Line())
			require.Equal(t, first.Failures, again.Failures)
			return
		}
	}
}
