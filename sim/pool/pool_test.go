package pool

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/scenario"
)

func TestARegressionIsAPlanOrSeeds(t *testing.T) {
	plan := &plan.Plan{Scenario: "toy", Seed: 7}
	require.Equal(t, []Job{{Scenario: "toy", Seed: 7, Plan: plan}},
		RegressionJobs(&scenario.Regression{Plan: plan}))
	require.Equal(t, []Job{{Scenario: "mix", Seed: 3}, {Scenario: "mix", Seed: 4}},
		RegressionJobs(&scenario.Regression{Scenario: "mix", Seeds: []uint64{3, 4}}))
}
