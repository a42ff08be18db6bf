package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/sim"
)

type reportOptions struct {
	scenario string
	seed     uint64
	plan     string
	out      string
	at       []time.Duration
	turns    int
	full     bool
}

func reportCommand() *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "report",
		Short: "Run one seed and write the page about it",
		Long: `Run one seed, or a plan from a file, and write a page (HTML, one file) about it:
what every loop did, faults, elections, in-sync sets and watermarks over time, and
what led to each operation of a client. Its story is printed too.

The page keeps so many turns in detail, those nearest to the failure; --at keeps
others. The exit code is 0 also for a run that fails.`,
		Example: `  lockstep sim report --scenario mix --seed 7 --out seven.html
  lockstep sim report --plan shrunk.yaml --out shrunk.html --at 12.5s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return writeReport(&o, cmd.OutOrStdout()) },
	}
	f := c.Flags()
	f.StringVar(&o.scenario, "scenario", "mix", "scenario; see lockstep sim --list")
	f.Uint64Var(&o.seed, "seed", 1, "seed")
	f.StringVar(&o.plan, "plan", "", "run the plan of this file (YAML) instead")
	f.StringVar(&o.out, "out", "", "file to write; default SCENARIO-SEED.html")
	f.DurationSliceVar(&o.at, "at", nil, "times of the run to keep in detail besides the failure")
	f.IntVar(&o.turns, "turns", sim.DefaultDetail, "how many turns to keep in detail")
	f.BoolVar(&o.full, "full", false, "print all that is known of a failure, not its story only")
	return c
}

func writeReport(o *reportOptions, w io.Writer) error {
	plan, err := planOf(o)
	if err != nil {
		return err
	}
	if o.turns < 1 {
		return errors.New("--turns must be at least 1")
	}
	record := sim.RecordOptions{Turns: o.turns}
	for _, at := range o.at {
		record.Focus = append(record.Focus, sim.Duration(at))
	}
	file := cmp.Or(o.out, fmt.Sprintf("%s-%d.html", plan.Scenario, plan.Seed))
	r, err := sim.ReportPlan(plan, record, file)
	switch {
	case err != nil:
		return err
	case r.Verdict == sim.Pass:
		_, err = fmt.Fprintf(w, "%s\nreport: %s\n", r.Line(), file)
	case o.full:
		_, err = fmt.Fprintf(w, "%s\nreport: %s\n", r.Report(), file)
	default:
		_, err = fmt.Fprintln(w, strings.Join(r.Story(file), "\n"))
	}
	return err
}

func planOf(o *reportOptions) (*sim.Plan, error) {
	if o.plan == "" {
		return sim.NewPlan(o.scenario, o.seed)
	}
	text, err := os.ReadFile(o.plan)
	if err != nil {
		return nil, fmt.Errorf("--plan: %w", err)
	}
	again, err := sim.LoadReproduction(text)
	if err != nil {
		return nil, err
	}
	return again.Plan, nil
}

const (
	// pagesPerKind is of how many failures of one fingerprint a campaign leaves
	// pages, and pagesAtMost of how many of all.
	pagesPerKind = 2
	pagesAtMost  = 20
)

// pages writes pages about the first failures of each kind of a campaign.
type pages struct {
	worker  sim.Campaign // a process of its own: a failing run may take it down
	written map[string]int
	total   int
	out     io.Writer
}

// save is for campaign.Options. That there is no page is told, and ends nothing.
func (p *pages) save(base string, r *sim.Result) error {
	if p.total >= pagesAtMost || p.written[r.Fingerprint] >= pagesPerKind {
		return nil
	}
	p.total++
	p.written[r.Fingerprint]++
	file := base + ".html"
	job := sim.Job{Scenario: r.Scenario, Seed: r.Seed, Report: file}
	again := p.worker.Run([]sim.Job{job}, nil)[0].Result
	if _, err := os.Stat(file); err != nil {
		fmt.Fprintf(p.out, "no page about %s seed %d: %s\n", r.Scenario, r.Seed, again.Failures[0].Detail)
		return nil
	}
	fmt.Fprintf(p.out, "report: %s\n", file)
	return nil
}
