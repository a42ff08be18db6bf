package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/sim/campaign"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// simFlags are the flags of lockstep sim as they are given.
type simFlags struct {
	scenario    string
	seeds       string
	shard       string
	workers     int
	budget      time.Duration
	timeout     time.Duration
	out         string
	maxFailures int
	marks       string
	verbose     bool
	full        bool
	list        bool
}

// fullUsage describes the flag --full.
const fullUsage = "print everything about a failure, not only its summary"

// runCampaign is a variable so that tests can learn what would run.
var runCampaign = campaign.Run

func simCommand() *cobra.Command {
	var f simFlags
	again := simSource{workers: 1, timeout: 10 * time.Minute}
	c := &cobra.Command{
		Use:   "sim",
		Short: "Run many seeds of simulated scenarios in worker processes",
		Long: `Run many seeds of simulated scenarios (a campaign). One process simulates one
cluster at a time, so --workers processes of this program run them.

With several scenarios, or "all", each seed runs one of them. The seed alone decides
which; harder scenarios get more seeds. Failing seeds are printed with the command
that replays them. The exit code is 1 if a run failed, or if a coverage mark was
never hit (see --marks).

With --out the campaign writes a directory: a journal of the runs; the report and
the result of each failed run; pages about the first failures of each kind; the seeds
that reached something new (corpus.json); and a summary (summary.json, summary.html).
The same command with the same build continues the campaign, so Ctrl-C loses nothing.

With --plan it replays one plan instead.`,
		Example: `  lockstep sim --list
  lockstep sim --scenario crash --seeds 1-1000
  lockstep sim --seeds 1-20000 --out out/campaign
  lockstep sim --seeds 1- --budget 10m --out out/campaign
  lockstep sim --seeds 1-100000 --shard 3/16 --out out/shard-3
  lockstep sim --plan shrunk.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.list {
				return listScenarios(cmd.OutOrStdout())
			}
			if again.plan != "" {
				r, err := again.load(cmd)
				if err != nil {
					return err
				}
				return replay(cmd.Context(), &again, r, cmd.OutOrStdout())
			}
			o, err := f.options()
			if err != nil {
				return err
			}
			p := &pages{
				worker: pool.Pool{Workers: 1, Timeout: f.timeout}, written: map[string]int{},
				out: cmd.OutOrStdout(),
			}
			o.Save = p.save
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			return runCampaign(ctx, o, cmd.OutOrStdout())
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.scenario, "scenario", "all",
		"scenarios to run, separated by commas, or all; see --list")
	flags.StringVar(&f.seeds, "seeds", "1-100",
		"seeds A-B (both included), one seed A, or A- for no end (needs --budget)")
	flags.StringVar(&f.shard, "shard", "",
		"I/N: run only part I of the seeds, split in N parts numbered from 0")
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "number of worker processes")
	flags.DurationVar(&f.budget, "budget", 0, "start no run after this real time (0: run all)")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute,
		"real time after which a run counts as hung, and fails")
	flags.StringVar(&f.out, "out", "",
		"directory of the campaign; an existing campaign is continued")
	flags.IntVar(&f.maxFailures, "max-failures", 10,
		"start no run after this many failures (0: no bound)")
	flags.StringVar(&f.marks, "marks", string(campaign.MarksAuto),
		fmt.Sprintf("fail if a coverage mark was never hit: all, none, or auto (after %d runs "+
			"of all scenarios)", campaign.EnoughRuns))
	flags.BoolVar(&f.verbose, "verbose", false, "print the result line of every run")
	flags.BoolVar(&f.full, "full", false, fullUsage)
	flags.BoolVar(&f.list, "list", false, "list the scenarios and exit")
	flags.StringVar(&again.plan, "plan", "",
		"replay this plan or reproduction (YAML) instead of running seeds")
	flags.StringVar(&again.mutant, "mutant", "",
		"with --plan: plant this bug (default: the bug that the file names; none: no bug)")
	flags.StringVar(&again.worker, "worker", "",
		"with --plan and a bug: a program with planted bugs (default: build one)")
	completeScenarios(c)
	c.AddCommand(reportCommand(), determinismCommand(), mergeCommand(), simShrinkCommand(),
		simBisectCommand(), simExplainCommand())
	return c
}

// options reads the flags.
func (f *simFlags) options() (o campaign.Options, err error) {
	o = campaign.Options{
		Scenarios: f.scenario, Budget: f.budget, MaxFailures: f.maxFailures, Dir: f.out,
		Verbose: f.verbose, Full: f.full,
		Marks:   campaign.MarksDemand(f.marks),
		Workers: pool.Pool{Workers: f.workers, Timeout: f.timeout},
	}
	if o.Seeds, err = campaign.ParseSeeds(f.seeds); err != nil {
		return o, err
	}
	if o.Shard, err = campaign.ParseShard(f.shard); err != nil {
		return o, err
	}
	return o, o.Validate()
}

func listScenarios(w io.Writer) error {
	for _, s := range scenario.All() {
		planted := ""
		if s.Planted {
			planted = " (must fail)"
		}
		if _, err := fmt.Fprintf(w, "%-24s %s%s\n", s.Name, s.About, planted); err != nil {
			return err
		}
	}
	return nil
}

func replayCommand(r world.Result) string { return campaign.ReplayCommand(r.Scenario, r.Seed) }

// completeScenarios completes the names of scenarios in shells.
func completeScenarios(c *cobra.Command) {
	_ = c.RegisterFlagCompletionFunc("scenario", cobra.FixedCompletions(scenario.Names(),
		cobra.ShellCompDirectiveNoFileComp))
}
