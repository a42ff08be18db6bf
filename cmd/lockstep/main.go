// Command lockstep runs, measures and tests Lockstep brokers.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "A Kafka-protocol broker cluster whose complete code also runs in a seeded simulator",
		// Errors are printed once, here; a wrong flag gets the usage.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(devCommand(), serveCommand(), benchCommand(), simCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "lockstep:", err)
		os.Exit(1)
	}
}
