package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lockstep/sim"
)

func TestReportOfASeedAndOfItsPlan(t *testing.T) {
	dir := t.TempDir()
	page, planFile := filepath.Join(dir, "a.html"), filepath.Join(dir, "plan.yaml")
	var out bytes.Buffer
	require.NoError(t, writeReport(&reportOptions{scenario: "toy-early-ack", seed: 1, out: page, turns: 1000}, &out))
	require.Contains(t, out.String(), "report: "+page)
	plan, err := sim.NewPlan("toy-early-ack", 1)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(planFile, []byte(plan.String()), 0o644))
	again := filepath.Join(dir, "b.html")
	require.NoError(t, writeReport(&reportOptions{plan: planFile, out: again, turns: 1000}, &out))
	a, err := os.ReadFile(page)
	require.NoError(t, err)
	b, err := os.ReadFile(again)
	require.NoError(t, err)
	require.True(t, bytes.Equal(a, b), "the page of a plan is that of its seed")
	require.Error(t, writeReport(&reportOptions{scenario: "no such"}, &out))
	require.Error(t, writeReport(&reportOptions{plan: filepath.Join(dir, "none")}, &out))
}
