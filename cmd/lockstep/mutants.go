package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim/campaign"
	"example.com/lockstep/sim/pool"
)

type mutantsOptions struct {
	only    string
	budget  int
	workers int
	timeout time.Duration
	worker  string
	out     string
	list    bool
}

func mutantsCommand() *cobra.Command {
	var o mutantsOptions
	c := &cobra.Command{
		Use:   "mutants",
		Short: "Plant known bugs one by one and check that the simulator catches each",
		Long: `Plant known bugs one by one and check that the simulator catches each.

First a worker program with the bugs is built, so run this in the source tree. For each
bug, seeds of the scenarios that should show it run until a run breaks a property that
the bug should break. Then the same seeds run without the bug; all of them must pass.
Some bugs are in code that the simulator does not run: tests are run with such a bug and
without it. The exit code is 1 if a bug survives its budget of seeds or its tests, or if
something fails without a bug.`,
		Example: `  lockstep mutants
  lockstep mutants --only W3 --budget 200`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.list {
				return listMutants(cmd.OutOrStdout())
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			return runMutants(ctx, o, cmd.OutOrStdout())
		},
	}
	c.AddCommand(overlayCommand())
	f := c.Flags()
	f.StringVar(&o.only, "only", "",
		"names of the bugs to plant, separated by commas (default: all)")
	f.IntVar(&o.budget, "budget", 0,
		"number of seeds to try for each bug (0: as many as the bug's file says)")
	f.IntVar(&o.workers, "workers", runtime.NumCPU(), "number of worker processes")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute,
		"real time after which a run counts as hung, and fails")
	f.StringVar(&o.worker, "worker", "", "a program with planted bugs (default: build one)")
	f.StringVar(&o.out, "out", "", "also write the table to this file, as Markdown")
	f.BoolVar(&o.list, "list", false, "list the bugs and exit")
	return c
}

// overlayCommand writes the planted bugs in a form in which the go command can build them
// into any program, such as the test that replays a seed.
func overlayCommand() *cobra.Command {
	dir := ""
	c := &cobra.Command{
		Use: "overlay",
		Short: "Write the planted bugs as an overlay for go build and go test, and print its " +
			"path",
		Example: "  " + pool.ReplayMutant("W3", "quick-restart", 1),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tree, err := sourceTree()
			if err != nil {
				return err
			}
			overlay, err := mutants.Plant(tree, dir)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), overlay)
			return err
		},
	}
	c.Flags().StringVar(&dir, "out", mutants.Dir, "directory to write to")
	return c
}

func listMutants(w io.Writer) error {
	for _, m := range mutants.Table() {
		shown, caught := strings.Join(m.Scenarios, ", "), strings.Join(m.Caught, "; ")
		if len(m.Tests) > 0 {
			shown, caught = "tests", strings.Join(m.Tests, "; ")
		}
		if _, err := fmt.Fprintf(w, "%-4s %s\n     shown by %s: %s\n     caught by %s\n",
			m.ID, m.Does, shown, m.Bias, caught); err != nil {
			return err
		}
	}
	return nil
}

func chosenMutants(only string) ([]mutants.Mutant, error) {
	if only == "" {
		return mutants.Table(), nil
	}
	var chosen []mutants.Mutant
	for name := range strings.SplitSeq(only, ",") {
		m, ok := mutants.Find(strings.TrimSpace(name))
		if !ok {
			return nil, fmt.Errorf("--only %s: no such bug; see lockstep mutants --list", name)
		}
		chosen = append(chosen, m)
	}
	return chosen, nil
}

func runMutants(ctx context.Context, o mutantsOptions, w io.Writer) error {
	chosen, err := chosenMutants(o.only)
	switch {
	case err != nil:
		return err
	case o.workers < 1:
		return errors.New("--workers must be at least 1")
	case o.budget < 0:
		return errors.New("--budget must not be negative")
	}
	worker := o.worker
	if worker == "" {
		built, done, err := buildSelf(ctx, withMutants)
		defer done()
		if err != nil {
			return err
		}
		worker = built
	}
	began := time.Now()
	fmt.Fprintf(w, "%-4s %6s %10s %8s  %s\n", "bug", "seeds", "virtual", "wall", "caught by")
	hunt := pool.Pool{Program: worker, Workers: o.workers, Timeout: o.timeout}
	// The runs without the bug are run by this program, which has no bugs in it.
	clean := pool.Pool{Workers: o.workers, Timeout: o.timeout}
	var runs []pool.MutantRun
	for _, m := range chosen {
		if len(m.Tests) > 0 {
			run, err := huntByTests(ctx, m)
			if err != nil {
				return err
			}
			printMutant(w, run)
			runs = append(runs, run)
			continue
		}
		finished := make(chan pool.MutantRun, 1)
		go func() { finished <- pool.Hunt(m, o.budget, hunt, clean) }()
		select {
		case run := <-finished:
			printMutant(w, run)
			runs = append(runs, run)
		case <-ctx.Done():
			return campaign.ErrInterrupted // workers end when this process ends: their input closes
		}
	}
	survived, alarms := verdictOfMutants(runs)
	took := time.Since(began)
	fmt.Fprintf(w, "%d of %d bugs caught in %.0f s\n",
		len(runs)-len(survived), len(runs), took.Seconds())
	if len(survived) > 0 {
		err = fmt.Errorf("not caught: %s", strings.Join(survived, ", "))
	}
	if alarms > 0 {
		err = errors.Join(err, fmt.Errorf("%d seeds or tests fail without a planted bug", alarms))
	}
	if o.out != "" {
		err = errors.Join(err, os.WriteFile(o.out, mutantsMarkdown(runs, took), 0o644))
	}
	return err
}

// huntByTests runs the tests of a planted bug, with it and without.
func huntByTests(ctx context.Context, m mutants.Mutant) (run pool.MutantRun, err error) {
	tree, err := sourceTree()
	if err != nil {
		return run, err
	}
	dir, err := os.MkdirTemp("", "lockstep-overlay-")
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	overlay, err := mutants.Plant(tree, dir)
	if err != nil {
		return run, err
	}
	return pool.HuntByTests(ctx, m, tree, overlay)
}

// verdictOfMutants names the bugs that were not caught and counts the seeds that
// fail without a bug.
func verdictOfMutants(runs []pool.MutantRun) (survived []string, alarms int) {
	for _, run := range runs {
		alarms += len(run.Alarms)
		if !run.Caught {
			survived = append(survived, run.Mutant.ID)
		}
	}
	return survived, alarms
}
