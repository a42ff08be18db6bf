package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
)

func TestReportOfASeedAndOfItsPlan(t *testing.T) {
	dir := t.TempDir()
	page, planFile := filepath.Join(dir, "a.html"), filepath.Join(dir, "plan.yaml")
	out, err := run("sim", "report", "--scenario", "toy-early-ack", "--seed", "1", "--out", page,
		"--turns", "1000")
	require.NoError(t, err)
	require.Contains(t, out, "report: "+page)
	plan, err := sim.NewPlan("toy-early-ack", 1)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(planFile, []byte(plan.String()), 0o644))
	again := filepath.Join(dir, "b.html")
	out, err = run("sim", "report", "--plan", planFile, "--out", again, "--turns", "1000")
	require.NoError(t, err)
	replay := "lockstep sim --plan " + planFile
	require.Contains(t, out, "replay: "+replay)
	a, err := os.ReadFile(page)
	require.NoError(t, err)
	b, err := os.ReadFile(again)
	require.NoError(t, err)
	require.True(t, bytes.Contains(b, []byte(replay)))
	b = bytes.ReplaceAll(b, []byte(replay),
		[]byte("go test ./sim -v -seed=1 -scenario=toy-early-ack"))
	require.True(t, bytes.Equal(a, b), "apart from the command, both pages are equal")
}

// If the run that was asked for is impossible, there is an error and no page.
func TestReportRefusesWhatItCannotRun(t *testing.T) {
	for _, args := range [][]string{
		{"--scenario", "no such", "--seed", "1"},
		{"--plan", filepath.Join(t.TempDir(), "none")},
		{"--scenario", "toy-early-ack"},
		{"--scenario", "toy-early-ack", "--seed", "1", "--mutant", "no such"},
		{"--scenario", "toy-early-ack", "--seed", "1", "--turns", "0"},
		{"--scenario", "toy-early-ack", "--seed", "1", "--out",
			filepath.Join(t.TempDir(), "none", "page.html")},
	} {
		_, err := run(append([]string{"sim", "report"}, args...)...)
		require.Error(t, err, args)
	}
}
