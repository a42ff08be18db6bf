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

type canaryOptions struct {
	scenario string
	seeds    string
	shard    string
	workers  int
	timeout  time.Duration
	race     bool
	worker   string
	verbose  bool
}

func canaryCommand() *cobra.Command {
	var o canaryOptions
	c := &cobra.Command{
		Use:   "canary",
		Short: "Check that seeds give equal runs under different settings of the Go runtime",
		Long: `Check that seeds give equal runs under different settings of the Go runtime: each
seed runs in a fresh process under each setting, and the hashes of the traces are
compared. Where two differ, both are run again, and the first trace record that
differs is printed with the first state of a loop that does. The exit code is 1.

With --race a further setting is this program under the race detector, which is
built first, in the source tree.`,
		Example: `  lockstep sim canary --seeds 1-500
  lockstep sim canary --scenario churn --seeds 1-50 --race`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			return runCanary(ctx, o, cmd.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&o.scenario, "scenario", "all",
		"scenarios that the seeds are dealt to, separated by commas, or all")
	f.StringVar(&o.seeds, "seeds", "1-100", "A-B inclusive, or one seed A")
	f.StringVar(&o.shard, "shard", "",
		"I/N: only part I of the seeds, split in N parts numbered from 0")
	f.IntVar(&o.workers, "workers", runtime.NumCPU(), "processes at a time")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute,
		"real time after which a run counts as hung")
	f.BoolVar(&o.race, "race", false, "compare with a build under the race detector, too")
	f.StringVar(&o.worker, "race-worker", "", "a program built with -race (default: build one)")
	f.BoolVar(&o.verbose, "verbose", false, "print each seed")
	return c
}

func runCanary(ctx context.Context, o canaryOptions, w io.Writer) error {
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
	canary := pool.DeterminismCheck{Settings: settings, Workers: o.workers}
	began, done, told := time.Now(), 0, time.Now()
	found := canary.Run(ctx, jobs, func(job pool.Job, d *pool.Divergence) {
		done++
		switch {
		case d != nil:
			fmt.Fprint(w, d)
		case o.verbose:
			fmt.Fprintf(w, "%s seed %d: equal\n", job.Scenario, job.Seed)
		}
		if time.Since(told) >= 10*time.Second {
			told = time.Now()
			fmt.Fprintf(w, "%d/%d seeds\n", done, len(jobs))
		}
	})
	fmt.Fprintf(w, "%d seeds under %d settings in %.0f s: %d differ\n",
		done, len(settings), time.Since(began).Seconds(), len(found))
	switch {
	case len(found) > 0:
		return fmt.Errorf("%d of %d seeds are not one run", len(found), done)
	case ctx.Err() != nil:
		return campaign.ErrInterrupted
	}
	return nil
}

// jobs are the seeds with the scenarios that a campaign would deal them.
func (o *canaryOptions) jobs() (jobs []pool.Job, err error) {
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
		return nil, errors.New("--seeds: a canary needs seeds with an end")
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
