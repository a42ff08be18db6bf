package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/world"
)

func TestTheTableSaysWhatWasCaughtAndWhatSurvived(t *testing.T) {
	runs := []pool.MutantRun{
		{Mutant: mutants.Mutant{ID: "W1", Does: "a | b"}, Caught: true, Scenario: "brisk", Seed: 4,
			Seeds: 4, Virtual: time.Minute,
			Failure: world.Failure{
				Property: "every assertion holds", Detail: "assertion failed: wal: x",
			}},
		{Mutant: mutants.Mutant{ID: "S9", Does: "d", Tests: []string{"a TestX"}}, Caught: true},
		{Mutant: mutants.Mutant{ID: "W2", Does: "c"}, Seeds: 60, Alarms: make([]world.Result, 2)},
	}
	survived, alarms := verdictOfMutants(runs)
	require.Equal(t, []string{"W2"}, survived)
	require.Equal(t, 2, alarms)
	text := string(mutantsMarkdown(runs, time.Second))
	require.Contains(t, text, "2 of 3 were caught")
	require.Contains(t, text, "2 FAIL")
	require.Contains(t, text, `| W1 | a \| b | 4 | 1m0s | 0.0 s | `+
		`every assertion holds (brisk seed 4): assertion failed: wal: x |`)
	require.Contains(t, text, "| S9 | d | 0 | 0s | 0.0 s | test a TestX |")
	require.Contains(t, text, "| W2 | c | 60 | 0s | 0.0 s | SURVIVED |")
	require.Contains(t, text, "- [L: liveness](docs/bugs.md#l-liveness).\n  Something waits")
	require.NotContains(t, strings.ReplaceAll(text, "%", ""), "!(")
}

func TestThePageOfPlantedBugsExplainsTheirLetters(t *testing.T) {
	page, err := os.ReadFile("../../MUTANTS.md")
	require.NoError(t, err)
	require.Contains(t, string(page), legend(), "run make mutants, or copy it from docs/bugs.md")
}
