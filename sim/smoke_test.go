package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every story is a plan that can be run, says what it is about, and demands
// something.
func TestStoriesArePlans(t *testing.T) {
	stories, err := Stories()
	require.NoError(t, err)
	require.NotEmpty(t, stories)
	for _, s := range stories {
		plan, err := NewPlan(s.Name, 1)
		require.NoError(t, err)
		require.NoError(t, plan.Validate())
		require.NotEmpty(t, s.Description, s.Name)
		require.NotEmpty(t, s.Faults, s.Name)
		require.Positive(t, s.Expect.ConvergesWithin, s.Name)
	}
}

func TestATypingMistakeInAStoryIsRefused(t *testing.T) {
	var s Story
	require.Error(t, decodeStrictly([]byte("name: x\nduratoin: 3s\n"), &s))
}

func TestRegressionsNameScenariosAndReasons(t *testing.T) {
	regressions, err := Regressions()
	require.NoError(t, err)
	for _, r := range regressions {
		_, err := FindScenario(r.Scenario)
		require.NoError(t, err, r.Name)
		require.NotEmpty(t, r.Why, r.Name)
		require.NotEmpty(t, r.Seeds, r.Name)
	}
}
