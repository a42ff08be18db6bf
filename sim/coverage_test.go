package sim

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/mark"
)

func TestARunTellsWhatItReached(t *testing.T) {
	r, err := RunSeed("crash", 3, Options{})
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

	again, err := RunSeed("crash", 3, Options{})
	require.NoError(t, err)
	require.Equal(t, c, again.Coverage, "each run counts from zero")
}

func TestFeaturesNameTheFaultAndWhereItIs(t *testing.T) {
	kind := int8(FaultNumber("freeze"))
	require.Positive(t, kind)
	require.Equal(t, "leader, ISR of 2, controller, freeze elsewhere",
		feature{look{'l', 2, true}.String(), kind, true}.String())
	require.Equal(t, "follower, ISR of 3", feature{look: look{role: 'f', isr: 3}.String()}.String())
	for i, k := range FaultKinds() {
		require.Equal(t, i+1, FaultNumber(k.Name))
		require.NotNil(t, begins[k.Name], k.Name)
	}
}
