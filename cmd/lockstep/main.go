// Command lockstep runs, measures and tests Lockstep brokers.
//
//	serve   one broker process                    serve.go, config*.go, broker.go
//	        its HTTP endpoints                    http.go, metrics.go
//	topic, config, cluster, group, produce, consume
//	        administration by Kafka's protocol    admin/
//	        cluster health, by HTTP               cluster_health.go, health.go
//	why     what all nodes wait for, by HTTP      why.go
//	dev     a cluster of serve processes          dev*.go, supervise.go
//	bench   measure any Kafka-protocol cluster    bench*.go
//	sim     a campaign: many simulated runs       sim.go; many machines: sim_merge.go
//	        flags that name one run               sim_source.go
//	        replay a plan, and make it small      sim_replay.go, sim_shrink.go
//	        the commit and the event to blame     sim_bisect.go, sim_explain.go
//	        a page about one run                  sim_report.go
//	        the determinism check                 sim_determinism.go
//	mutants planted bugs that must be caught      mutants.go, mutants_table.go
//	        building this program in other ways   build.go
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"example.com/lockstep/cmd/lockstep/admin"
	"example.com/lockstep/sim/pool"
)

func main() {
	pool.ServeIfWorker()
	if err := rootCommand().Execute(); err != nil {
		report(os.Stderr, err)
		os.Exit(admin.ExitCode(err))
	}
}

// report prints the error that ends the program, unless the event log has told it.
func report(w io.Writer, err error) {
	if !errors.As(err, new(toldError)) {
		fmt.Fprintln(w, "lockstep:", err)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "lockstep",
		Short: "Run, measure and test Lockstep, a Kafka-protocol broker cluster with a seeded " +
			"simulator",
		Example: `  lockstep dev
  lockstep bench produce --acks -1
  lockstep sim --seeds 1-100`,
		Version: version(),
		// Errors are printed once, by main.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(admin.Commands()...)
	root.AddCommand(devCommand(), serveCommand(), randomUUIDCommand(), versionCommand(),
		whyCommand(), benchCommand(), simCommand(), mutantsCommand())
	addHealth(root)
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this program",
		Example: "  lockstep version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "lockstep", version())
			return err
		},
	}
}

// version is what Go knows of the build: the module's version, and the commit with its time.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision", "vcs.time":
			text += " " + s.Value
		case "vcs.modified":
			if s.Value == "true" {
				text += " modified"
			}
		}
	}
	return text + " " + info.GoVersion
}
