package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
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
	for _, c := range everyCommand() {
		require.NotEmpty(t, c.Short, c.CommandPath())
		require.Contains(t, c.Example, c.CommandPath())
	}
}

// everyCommand is all commands that do something, in the order of their names.
func everyCommand() (all []*cobra.Command) {
	root := rootCommand()
	root.InitDefaultCompletionCmd()
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "completion" { // its help is cobra's
			return
		}
		if c.Runnable() && !c.Hidden {
			all = append(all, c)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return all
}
