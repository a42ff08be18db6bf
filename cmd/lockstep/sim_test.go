package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSimRefusesFlagsThatCannotBeRun(t *testing.T) {
	for want, args := range map[string][]string{
		"no scenario":       {"--scenario", "no such"},
		"need --budget":     {"--seeds", "1-"},
		"--seeds 9-1":       {"--seeds", "9-1"},
		"--shard 4/4":       {"--shard", "4/4"},
		"--workers must be": {"--workers", "0"},
		"--marks few":       {"--marks", "few"},
		"unknown command":   {"1-100"},
		"invalid argument":  {"--budget", "ten"},
	} {
		root := rootCommand()
		root.SetArgs(append([]string{"sim"}, args...))
		root.SetOut(&bytes.Buffer{})
		root.SetErr(&bytes.Buffer{})
		require.ErrorContains(t, root.Execute(), want, args)
	}
}

func TestSimListsItsScenarios(t *testing.T) {
	root := rootCommand()
	var out bytes.Buffer
	root.SetArgs([]string{"sim", "--list"})
	root.SetOut(&out)
	require.NoError(t, root.Execute())
	require.Contains(t, out.String(), "mix ")
	require.Contains(t, out.String(),
		"toy-panic                planted: an assertion breaks (must fail)")
}
