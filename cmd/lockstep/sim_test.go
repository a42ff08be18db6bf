package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lockstep/sim"
)

func TestSeedRanges(t *testing.T) {
	for text, want := range map[string]seedRange{
		"7": {7, 7}, "1-100": {1, 100}, "5-5": {5, 5}, "3-": {3, math.MaxUint64}, "0-1": {0, 1},
	} {
		got, err := parseSeeds(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "-", "a", "1-b", "9-1", "-4", "1-2-3"} {
		_, err := parseSeeds(text)
		require.Error(t, err, text)
	}
}

func TestCampaignPasses(t *testing.T) {
	var out bytes.Buffer
	err := runSim(context.Background(), simOptions{scenario: "toy", seeds: "1-3", workers: 2}, &sim.Campaign{Workers: 2}, &out)
	require.NoError(t, err, out.String())
	require.Contains(t, out.String(), "toy: 3 seeds, 0 failed")
}

func TestFailuresAreToldAndSaved(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	c := &tally{options: simOptions{scenario: "toy", out: dir}, out: &out}
	c.add(sim.Result{Seed: 1, Scenario: "toy", Verdict: sim.Pass, Events: 10})
	c.add(sim.Result{Seed: 2, Scenario: "toy", Verdict: sim.Fail, Failures: []sim.Failure{{Property: "water is wet"}}})
	require.ErrorContains(t, c.summary(), "1 of 2 seeds failed: [2]")
	require.Contains(t, out.String(), "replay: lockstep sim --scenario toy --seeds 2 --verbose\n")
	report, err := os.ReadFile(filepath.Join(dir, "toy-2.txt"))
	require.NoError(t, err)
	require.Contains(t, string(report), "water is wet")
	require.FileExists(t, filepath.Join(dir, "toy-2.json"))
	require.NoFileExists(t, filepath.Join(dir, "toy-1.txt"))
}

func TestSimRefusesWhatCannotBeRun(t *testing.T) {
	for _, o := range []simOptions{
		{scenario: "no such", seeds: "1", workers: 1},
		{scenario: "toy", seeds: "1-", workers: 1}, // without end and without budget
		{scenario: "toy", seeds: "1", workers: 0},
	} {
		require.Error(t, runSim(context.Background(), o, &sim.Campaign{}, &bytes.Buffer{}))
	}
}
