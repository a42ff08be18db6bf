package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/sim/campaign"
	"example.com/lockstep/sim/pool"
)

type determinismOptions struct {
	scenario string
	seeds    string
	shard    string
	workers  int
	timeout  time.Duration
	race     bool
	worker   string
	verbose  bool
}

func determinismCommand() *cobra.Command {
	var o determinismOptions
	c := &cobra.Command{
		Use:   "determinism",
		Short: "Check that seeds give equal runs under different settings of the Go runtime",
		Long: `Check that seeds give equal runs under different settings of the Go runtime. Each
seed runs in a fresh process under each setting, and the hashes of the traces are
compared. If two differ, both runs are repeated. The first trace record that differs
is printed, and the first state of a loop that differs. The exit code is then 1.

With --race one more setting is a build of this program with the race detector. It is
built first, in the source tree.`,
		Example: `  lockstep sim determinism --seeds 1-500
  lockstep sim determinism --scenario churn --seeds 1-50 --race`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			return runDeterminism(ctx, o, cmd.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&o.scenario, "scenario", "all",
		"scenarios that the seeds are dealt to, separated by commas, or all")
	f.StringVar(&o.seeds, "seeds", "1-100", "seeds A-B (both included), or one seed A")
	f.StringVar(&o.shard, "shard", "",
		"I/N: check only part I of the seeds, split in N parts numbered from 0")
	f.IntVar(&o.workers, "workers", runtime.NumCPU(), "number of worker processes")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute,
		"real time after which a run counts as hung")
	f.BoolVar(&o.race, "race", false, "compare with a build with the race detector, too")
	f.StringVar(&o.worker, "race-worker", "", "a program built with -race (default: build one)")
	f.BoolVar(&o.verbose, "verbose", false, "print each seed")
	return c
}

func runDeterminism(ctx context.Context, o determinismOptions, w io.Writer) error {
	jobs, err := o.jobs()
	if err != nil {
		return err
	}
	settings := pool.DefaultSettings()
	if o.race || o.worker != "" {
		if o.worker == "" {
			built, done, err := buildSelf(ctx, withRace)
			defer done()
			if err != nil {
				return err
			}
			o.worker = built
		}
		settings = append(settings, pool.Setting{Name: "-race", Pool: pool.Pool{Program: o.worker}})
	}
	for i := range settings {
		settings[i].Timeout = o.timeout
	}
	check := pool.DeterminismCheck{Settings: settings, Workers: o.workers}
	began, done, printed := time.Now(), 0, time.Now()
	found := check.Run(ctx, jobs, func(job pool.Job, d *pool.Divergence) {
		done++
		switch {
		case d != nil:
			fmt.Fprint(w, d)
		case o.verbose:
			fmt.Fprintf(w, "%s seed %d: equal\n", job.Scenario, job.Seed)
		}
		if time.Since(printed) >= 10*time.Second {
			printed = time.Now()
			fmt.Fprintf(w, "%d/%d seeds\n", done, len(jobs))
		}
	})
	fmt.Fprintf(w, "%d seeds under %d settings in %.0f s: %d differ\n",
		done, len(settings), time.Since(began).Seconds(), len(found))
	switch {
	case len(found) > 0:
		return fmt.Errorf("%d of %d seeds are not deterministic", len(found), done)
	case ctx.Err() != nil:
		return campaign.ErrInterrupted
	}
	return nil
}

// jobs are the runs of these seeds in a campaign.
func (o *determinismOptions) jobs() (jobs []pool.Job, err error) {
	seeds, err := campaign.ParseSeeds(o.seeds)
	if err != nil {
		return nil, err
	}
	shard, err := campaign.ParseShard(o.shard)
	if err != nil {
		return nil, err
	}
	dealt, err := campaign.Deal(o.scenario)
	switch {
	case err != nil:
		return nil, err
	case seeds.Endless():
		return nil, errors.New("--seeds: the determinism check needs seeds with an end")
	case o.workers < 1:
		return nil, errors.New("--workers must be at least 1")
	}
	part := shard.Part(seeds)
	for i := range part.Count() {
		seed := part.First + i
		jobs = append(jobs, pool.Job{Scenario: dealt[seed%uint64(len(dealt))], Seed: seed})
	}
	return jobs, nil
}
