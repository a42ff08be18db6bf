package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCanaryTellsWhatItCompared(t *testing.T) {
	var out bytes.Buffer
	o := canaryOptions{scenario: "toy", seeds: "3-4", workers: 1, verbose: true}
	require.NoError(t, runCanary(context.Background(), o, &out))
	require.Contains(t, out.String(), "toy seed 3: equal\n")
	require.Contains(t, out.String(), "2 seeds under 4 settings")

	out.Reset()
	o.scenario, o.seeds = "toy-map-range", "1-8"
	require.ErrorContains(t, runCanary(context.Background(), o, &out), "are not one run")
	require.Contains(t, out.String(), "the first record that differs is #")
}

func TestTheCanaryRefusesFlagsThatCannotBeRun(t *testing.T) {
	for want, args := range map[string][]string{
		"no scenario":       {"--scenario", "no such"},
		"seeds with an end": {"--seeds", "1-"},
		"--shard":           {"--shard", "2/2"},
		"--workers must be": {"--workers", "0"},
	} {
		root := rootCommand()
		root.SetArgs(append([]string{"sim", "canary"}, args...))
		root.SetOut(&bytes.Buffer{})
		root.SetErr(&bytes.Buffer{})
		require.ErrorContains(t, root.Execute(), want, args)
	}
}
