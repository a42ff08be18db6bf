package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARegressionIsAPlanOrSeeds(t *testing.T) {
	plan := &Plan{Scenario: "toy", Seed: 7}
	require.Equal(t, []Job{{Scenario: "toy", Seed: 7, Plan: plan}}, RegressionJobs(&Regression{Plan: plan}))
	require.Equal(t, []Job{{Scenario: "mix", Seed: 3}, {Scenario: "mix", Seed: 4}}, RegressionJobs(&Regression{Scenario: "mix", Seeds: []uint64{3, 4}}))
}
