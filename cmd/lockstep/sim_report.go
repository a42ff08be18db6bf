package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/recording"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

type reportOptions struct {
	simSource
	out  string
	at   []time.Duration
	full bool
	keep recording.Options
}

func reportCommand() *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "report",
		Short: "Run one seed and write a page about the run",
		Long: `Run one seed, or a plan from a file, and write a page (one HTML file) about the run:
what every loop did, faults, elections, in-sync sets and watermarks over time, and
what led to the answer of each client's operation. A summary is printed, too.

The page shows --turns turns in detail, those nearest to the failure; --at adds other
times. The exit code is 0 even if the run fails.`,
		Example: `  lockstep sim report --scenario mix --seed 7 --out seven.html
  lockstep sim report --scenario quick-restart --seed 1 --mutant W3
  lockstep sim report --plan shrunk.yaml --out shrunk.html --at 12.5s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.keep.Turns < 1 {
				return errors.New("--turns must be at least 1")
			}
			r, err := o.load(cmd)
			if err != nil {
				return err
			}
			for _, at := range o.at {
				o.keep.Focus = append(o.keep.Focus, plan.Duration(at))
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			return writeReport(ctx, &o, r, cmd.OutOrStdout())
		},
	}
	f := c.Flags()
	o.register(f)
	completeScenarios(c)
	f.StringVar(&o.out, "out", "", "file to write (default: SCENARIO-SEED.html)")
	f.DurationSliceVar(&o.at, "at", nil, "times of the run to show in detail besides the failure")
	f.IntVar(&o.keep.Turns, "turns", recording.DefaultDetail, "number of turns to show in detail")
	f.BoolVar(&o.full, "full", false, fullUsage)
	return c
}

func writeReport(
	ctx context.Context, o *reportOptions, r *scenario.Reproduction, w io.Writer,
) error {
	workers, done, err := o.pool(ctx, r.Mutant)
	defer done()
	if err != nil {
		return err
	}
	o.keep.Replay = o.replay(r.Mutant)
	job := pool.Job{
		Scenario: r.Plan.Scenario, Seed: r.Plan.Seed, Plan: r.Plan, Record: o.keep,
		Report: cmp.Or(o.out, fmt.Sprintf("%s-%d.html", r.Plan.Scenario, r.Plan.Seed)),
	}
	result, err := page(workers, job)
	switch {
	case err != nil:
		return err
	case result.Verdict == world.Pass:
		_, err = fmt.Fprintf(w, "%s\nreport: %s\n", result.Line(), job.Report)
	case o.full:
		_, err = fmt.Fprintf(w, "%s\nreport: %s\n", result.Report(), job.Report)
	default:
		_, err = fmt.Fprintln(w, strings.Join(result.Summary(job.Report), "\n"))
	}
	return err
}

// page runs a job that asks for a page, in a worker process: a failing run may end its
// process. It returns an error if the run leaves no page.
func page(workers pool.Pool, job pool.Job) (*world.Result, error) {
	if err := os.Remove(job.Report); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	result := workers.Run([]pool.Job{job}, nil)[0].Result
	if _, err := os.Stat(job.Report); err != nil {
		return nil, fmt.Errorf("no page about %s seed %d: %s",
			job.Scenario, job.Seed, result.Failures[0].Detail)
	}
	return &result, nil
}

const (
	// pagesPerKind bounds the pages that a campaign writes about failures with one
	// fingerprint, pagesAtMost those about all failures.
	pagesPerKind = 2
	pagesAtMost  = 20
)

// pages writes pages about the first failures of each kind of a campaign.
type pages struct {
	worker  pool.Pool // a separate process: a failing run may end it
	written map[string]int
	total   int
	out     io.Writer
}

// save is the function Save of campaign.Options. If there is no page it says so, and the
// campaign goes on.
func (p *pages) save(base string, r *world.Result) error {
	if p.total >= pagesAtMost || p.written[r.Fingerprint] >= pagesPerKind {
		return nil
	}
	p.total++
	p.written[r.Fingerprint]++
	file := base + ".html"
	job := pool.Job{Scenario: r.Scenario, Seed: r.Seed, Report: file}
	if _, err := page(p.worker, job); err != nil {
		fmt.Fprintln(p.out, err)
		return nil
	}
	fmt.Fprintf(p.out, "report: %s\n", file)
	return nil
}
