package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim/pool"
)

// childVariable makes the test binary a child of the supervisor's tests.
const childVariable = "LOCKSTEP_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "":
	case "fails":
		fmt.Println("first line\nthe reason")
		os.Exit(3)
	case "runs": // until SIGTERM
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("running")
		<-signals
		os.Exit(0)
	case "stubborn": // until the second SIGTERM
		signals := make(chan os.Signal, 2)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("running")
		<-signals
		<-signals
		os.Exit(0)
	}
	if path := os.Getenv(servedVariable); path != "" {
		serveAsTold(path)
	}
	pool.ServeIfWorker()
	os.Exit(m.Run())
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	root := rootCommand()
	for _, path := range [][]string{
		{},
		{"dev"},
		{"serve"},
		{"bench", "produce"},
		{"sim"},
		{"sim", "report"},
		{"sim", "determinism"},
		{"sim", "merge"},
		{"sim", "shrink"},
		{"sim", "bisect"},
		{"sim", "explain"},
		{"mutants"},
		{"mutants", "overlay"},
	} {
		c, rest, err := root.Find(path)
		require.NoError(t, err)
		require.Empty(t, rest)
		require.NotEmpty(t, c.Short, path)
		require.Contains(t, c.Example, "lockstep", path)
	}
}
