package world

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim/plan"
)

func TestFeaturesNameTheFaultAndWhereItIs(t *testing.T) {
	kind := int8(plan.FaultNumber("freeze"))
	require.Positive(t, kind)
	require.Equal(t, "leader, ISR of 2, freeze elsewhere",
		feature{"leader, ISR of 2", kind, true}.String())
	require.Equal(t, "follower", feature{look: "follower"}.String())
}

func TestEveryKindOfFaultBegins(t *testing.T) {
	for i, k := range plan.FaultKinds() {
		require.Equal(t, i+1, plan.FaultNumber(k.Name))
		require.NotNil(t, begins[k.Name], k.Name)
	}
	require.Len(t, begins, len(plan.FaultKinds()))
}
