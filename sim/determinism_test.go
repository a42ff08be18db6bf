package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The canary: the same seeds in two fresh processes each.
func TestSeedsReplayInFreshProcesses(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		if d := CheckDeterminism(Job{Scenario: "toy", Seed: 1000 + seed}, Campaign{}, Campaign{}); d != nil {
			t.Error(d)
		}
	}
}

func TestSeedsReplayUnderOtherRuntimes(t *testing.T) {
	plain := Campaign{}
	for i, env := range [][]string{{"GOMAXPROCS=1"}, {"GOMAXPROCS=2", "GOGC=10"}, {"GOGC=off"}} {
		if d := CheckDeterminism(Job{Scenario: "toy", Seed: 2000 + uint64(i)}, plain, Campaign{Env: env}); d != nil {
			t.Error(env, d)
		}
	}
}

// The same for the real broker, over every kind of trouble.
func TestBrokerSeedsReplayInFreshProcesses(t *testing.T) {
	for i, scenario := range []string{"mix", "crash", "partition", "disk", "freeze", "churn"} {
		job := Job{Scenario: scenario, Seed: 1000 + uint64(i)}
		if d := CheckDeterminism(job, Campaign{}, Campaign{Env: [][]string{{"GOMAXPROCS=1"}, {"GOGC=10"}, {"GOGC=off", "GOMAXPROCS=2"}}[i%3]}); d != nil {
			t.Error(scenario, d)
		}
	}
}

func TestReplayInOneProcessIsEqualToo(t *testing.T) {
	first, err := RunSeed("toy", 3, Options{})
	require.NoError(t, err)
	second, err := RunSeed("toy", 3, Options{})
	require.NoError(t, err)
	require.Equal(t, first, second)
}

func TestAPlantedMapRangeIsCaughtAndLocated(t *testing.T) {
	for seed := range uint64(20) {
		d := CheckDeterminism(Job{Scenario: "toy-map-range", Seed: seed}, Campaign{}, Campaign{})
		if d == nil {
			continue // two nodes only: one peer, one order
		}
		require.True(t, d.Located, "%s", d)
		require.NotEqual(t, d.LineA, d.LineB)
		require.Contains(t, d.String(), "A:  #")
		t.Log(d)
		return
	}
	t.Fatal("no seed showed the order of a map")
}
