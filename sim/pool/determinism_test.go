package pool

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// A small determinism check: each seed runs in two fresh processes.
func TestSeedsReplayInFreshProcesses(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		if d := CheckDeterminism(Job{Scenario: "toy", Seed: 1000 + seed}, Pool{},
			Pool{}); d != nil {
			t.Error(d)
		}
	}
}

// This does for a few seeds what `make determinism` does for hundreds.
func TestADeterminismCheckFindsNothing(t *testing.T) {
	jobs := []Job{{Scenario: "toy", Seed: 2000}, {Scenario: "toy", Seed: 2001}}
	for i, scenario := range []string{"mix", "crash", "disk", "churn"} {
		jobs = append(jobs, Job{Scenario: scenario, Seed: 1000 + uint64(i)})
	}
	if testing.Short() {
		jobs = jobs[:3]
	}
	check, compared := DeterminismCheck{Settings: DefaultSettings(), Workers: runtime.NumCPU()}, 0
	for _, d := range check.Run(context.Background(), jobs,
		func(Job, *Divergence) { compared++ }) {
		t.Error(d)
	}
	require.Equal(t, len(jobs), compared)
}

func TestADeterminismCheckNamesTheSettingsThatDiffer(t *testing.T) {
	var jobs []Job
	for seed := range uint64(20) {
		jobs = append(jobs, Job{Scenario: "toy-map-range", Seed: seed})
	}
	check := DeterminismCheck{Settings: DefaultSettings()[:2], Workers: 1}
	ctx, cancel := context.WithCancel(context.Background())
	var first *Divergence
	check.Run(ctx, jobs, func(_ Job, d *Divergence) {
		if d != nil && first == nil {
			first = d
			cancel()
		}
	})
	require.NotNil(t, first, "no seed showed the order of a map")
	require.Contains(t, first.String(), "(GOMAXPROCS=1)")
	require.Contains(t, first.String(), "(GOMAXPROCS=2)")
}

// Planted bug D1: the order of a map decides what a shard asks for first. The
// shard's state shows that before any record of the trace does.
func TestAPlantedMapRangeOfTheBrokerIsPinpointed(t *testing.T) {
	needsPlantedBugs(t)
	program, err := buildMutants()
	require.NoError(t, err)
	planted := Pool{Program: program, Env: []string{mutants.Variable + "=D1"}}
	// A broker stops and starts while shards lead many partitions: nearly every run
	// shows the bug. Chance decides which record differs first. If it is written in
	// the turn that ranges over the map, no earlier state differs: try another seed.
	for seed := range uint64(20) {
		p, err := sim.NewPlan("idle-partitions", 1+seed)
		require.NoError(t, err)
		p.Faults = []plan.Fault{{At: 8 * plan.Second, Kind: "kill", Target: "b2", For: plan.Second}}
		d := CheckDeterminism(Job{Scenario: p.Scenario, Seed: p.Seed, Plan: p}, planted, planted)
		if d == nil {
			continue
		}
		require.True(t, d.Located)
		require.NotEqual(t, d.LineA, d.LineB)
		if !d.State.found {
			continue
		}
		t.Log(d)
		require.Contains(t, d.State.Where, "loop", "a shard")
		require.NotEmpty(t, append(d.State.A, d.State.B...))
		return
	}
	t.Fatal("no seed showed the order of a map in a shard's state")
}

func TestRunsWithEqualTracesMustHaveEqualCoverage(t *testing.T) {
	a := world.Result{Records: 3, Coverage: world.Coverage{Marks: map[string]uint64{"x": 1,
		"y": 2}}}
	b := world.Result{Records: 3, Coverage: world.Coverage{Marks: map[string]uint64{"x": 2,
		"z": 1}}}
	require.Nil(t, compareRuns(Job{}, &a, &a, nil))
	d := compareRuns(Job{Scenario: "s", Seed: 4}, &a, &b, nil)
	require.NotNil(t, d)
	require.Contains(t, d.String(), "two runs of s seed 4 differ")
	require.Contains(t, d.String(), "x (1 and 2 times), y (2 and 0 times), z (0 and 1 times)")
}

func TestAPlantedMapRangeIsCaughtAndLocated(t *testing.T) {
	for seed := range uint64(20) {
		d := CheckDeterminism(Job{Scenario: "toy-map-range", Seed: seed}, Pool{}, Pool{})
		if d == nil {
			continue // two nodes only, so each has one peer, and there is one order
		}
		require.True(t, d.Located, "%s", d)
		require.NotEqual(t, d.LineA, d.LineB)
		require.Contains(t, d.String(), "A:  #")
		t.Log(d)
		return
	}
	t.Fatal("no seed showed the order of a map")
}
