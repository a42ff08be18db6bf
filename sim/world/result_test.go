package world

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim/plan"
)

func TestTheLineOfARunShowsDurationsForPeople(t *testing.T) {
	var d plan.Duration
	require.NoError(t, d.UnmarshalText([]byte("3h40m0s")))
	require.Equal(t, 3*time.Hour+40*time.Minute, d.Std())
	r := Result{Seed: 5, Scenario: "toy", Events: 10, Virtual: d, Trace: "00000000deadbeef",
		Verdict: Pass}
	require.Equal(t, "seed=5 scenario=toy events=10 virtual=3h40m0s trace=00000000deadbeef "+
		"verdict=pass", r.Line())
}
