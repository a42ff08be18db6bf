package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegressionsMayBePlans(t *testing.T) {
	plan, err := NewPlan("toy", 1)
	require.NoError(t, err)
	r, err := loadRegression([]byte((&Reproduction{Why: "it broke", Plan: plan}).String()))
	require.NoError(t, err)
	require.Equal(t, "it broke", r.Why)
	require.Equal(t, plan.String(), r.Plan.String())

	r, err = loadRegression([]byte("why: it broke\nscenario: mix\nseeds: [3, 4]\n"))
	require.NoError(t, err)
	require.Equal(t, "mix", r.Scenario)
	require.Equal(t, []uint64{3, 4}, r.Seeds)
	_, err = loadRegression([]byte("why: it broke\nscenraio: mix\n"))
	require.Error(t, err)
}
