package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheDeterminismCheckPrintsWhatItCompared(t *testing.T) {
	var out bytes.Buffer
	o := determinismOptions{scenario: "toy", seeds: "3-4", workers: 1, verbose: true}
	require.NoError(t, runDeterminism(context.Background(), o, &out))
	require.Contains(t, out.String(), "toy seed 3: equal\n")
	require.Contains(t, out.String(), "2 seeds under 4 settings")

	out.Reset()
	o.scenario, o.seeds = "toy-map-range", "1-8"
	err := runDeterminism(context.Background(), o, &out)
	require.ErrorContains(t, err, "are not deterministic")
	require.Contains(t, out.String(), "the first record that differs is #")
}

func TestTheDeterminismCheckRefusesWrongFlags(t *testing.T) {
	for want, args := range map[string][]string{
		"no scenario":       {"--scenario", "no such"},
		"seeds with an end": {"--seeds", "1-"},
		"--shard":           {"--shard", "2/2"},
		"--workers must be": {"--workers", "0"},
	} {
		root := rootCommand()
		root.SetArgs(append([]string{"sim", "determinism"}, args...))
		root.SetOut(&bytes.Buffer{})
		root.SetErr(&bytes.Buffer{})
		require.ErrorContains(t, root.Execute(), want, args)
	}
}
