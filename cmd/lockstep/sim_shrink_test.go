package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/scenario"
)

// run runs the command and returns what it says.
func run(args ...string) (string, error) {
	root := rootCommand()
	var out bytes.Buffer
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	err := root.Execute()
	return out.String(), err
}

func TestAShrunkSeedReplaysFromItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shrunk.yaml")
	out, err := run("sim", "shrink", "--scenario", "toy-panic", "--seed", "1", "--out", file)
	require.NoError(t, err, out)
	require.Contains(t, out, "nothing more can be left out")

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	r, err := scenario.LoadReproduction(text)
	require.NoError(t, err)
	require.Contains(t, r.Why, "every assertion holds")
	require.NotEmpty(t, r.Milestones)
	require.Contains(t, r.Size, ", was ")

	out, err = run("sim", "--plan", file)
	require.ErrorContains(t, err, "the plan fails")
	require.Contains(t, out, "it fails as it did: "+r.Fingerprint)
	require.NotContains(t, out, "divergence")

	// On a commit without the bug the run passes, and the first difference is printed.
	r.Plan.Workload.Options.Bug = plan.Set(0)
	require.NoError(t, os.WriteFile(file, []byte(r.String()), 0o644))
	out, err = run("sim", "--plan", file)
	require.NoError(t, err)
	require.Contains(t, out, "it does not fail")
	require.Contains(t, out, `the first divergence: milestone `)
	require.Contains(t, out, `was "failure every assertion holds"`)
}

func TestShrinkRefusesWhatItCannotShrink(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	require.NoError(t, os.WriteFile(bad, []byte("name: toy\nfualts: []\n"), 0o644))
	for want, args := range map[string][]string{
		"want --scenario and --seed": {"--scenario", "toy"},
		"no such file":               {"--plan", bad + "x"},
		"fualts":                     {"--plan", bad},
		"its own scenario":           {"--plan", bad, "--seed", "1"},
		"does not fail":              {"--scenario", "toy", "--seed", "1"},
		"no such bug":                {"--scenario", "toy", "--seed", "1", "--mutant", "X99"},
		"--workers must be":          {"--scenario", "toy", "--seed", "1", "--workers", "0"},
	} {
		_, err := run(append([]string{"sim", "shrink"}, args...)...)
		require.ErrorContains(t, err, want, args)
	}
}
