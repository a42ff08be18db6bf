package pool

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/world"
)

func TestTheFirstDifferentStateIsFound(t *testing.T) {
	a := []world.TurnState{
		{Record: 10, Where: "b1 loop 1", First: true, Lines: []string{".x = 1", ".y = 1"}},
		{Record: 14, Where: "b1 loop 2", Lines: []string{".z = 1"}},
		{Record: 19, Where: "b1 loop 1", Lines: []string{".x = 2"}},
	}
	require.False(t, firstStateDifference(a, a).found)
	b := append([]world.TurnState(nil), a...)
	b[1].Lines = []string{".z = 2"}
	d := firstStateDifference(a, b)
	require.Equal(t, stateDifference{found: true, Where: "b1 loop 2", Record: 14,
		A: []string{".z = 1"}, B: []string{".z = 2"}}, d)
	b[1].Where = "b2 loop 2"
	require.Equal(t, []string{"it is the turn of b2 loop 2"}, firstStateDifference(a, b).B)
}

// Watching states must not change a run, and must give the same states in another
// process under other settings of the garbage collector.
func TestWatchingStatesIsDeterministicAndChangesNoRun(t *testing.T) {
	for _, job := range []Job{{Scenario: "steady", Seed: 5}, {Scenario: "churn", Seed: 2}} {
		plain, err := sim.RunSeed(job.Scenario, job.Seed, world.Options{})
		require.NoError(t, err)
		job.TextFrom, job.TextUpTo, job.States = 6000, 8000, true
		a := (&Pool{}).Run([]Job{job}, nil)[0]
		b := (&Pool{Env: []string{"GOGC=10", "GOMAXPROCS=2"}}).Run([]Job{job}, nil)[0]
		require.Equal(t, plain.Line(), a.Result.Line(), "watching changes nothing")
		require.Equal(t, plain.Line(), b.Result.Line())
		require.NotEmpty(t, a.States)
		if d := firstStateDifference(a.States, b.States); d.found {
			t.Errorf("%s", &d)
		}
		require.Len(t, b.States, len(a.States))
		seen := map[string]bool{}
		for _, s := range a.States {
			seen[s.Where] = true
		}
		require.Greater(t, len(seen), 5, "all loops are watched")
	}
}
