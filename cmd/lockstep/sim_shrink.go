package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim/campaign"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/shrink"
)

func simShrinkCommand() *cobra.Command {
	var s simSource
	out := ""
	c := &cobra.Command{
		Use:   "shrink",
		Short: "Make the plan of a failing run small, and write it to a file that replays",
		Long: `Make the plan of a failing run small, and write it to a file that replays. Each step
removes a fault, a machine or load, or makes a setting calmer. It is kept if the run
still fails with the same fingerprint. At the end, faults are tied to milestones of the
run (such as "after the second leader of t0/0 began") if the run then still fails. So
the file is likely to fail on other commits, too.

With --mutant the bug is planted, and without it the plan of every step must pass.`,
		Example: `  lockstep sim shrink --scenario crash --seed 27 --out crash-27.yaml
  lockstep sim shrink --scenario rot --seed 2 --mutant W6
  lockstep sim --plan crash-27.yaml
  go test ./sim -v -planfile ../crash-27.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := s.load(cmd)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			return runShrink(ctx, &s, r, out, cmd.OutOrStdout())
		},
	}
	s.register(c.Flags())
	completeScenarios(c)
	c.Flags().DurationVar(&s.budget, "budget", 10*time.Minute,
		"real time after which the smallest plan so far is written (0: no bound)")
	c.Flags().StringVar(&out, "out", "", "file to write (default: FINGERPRINT.yaml)")
	return c
}

func runShrink(
	ctx context.Context, s *simSource, r *scenario.Reproduction, out string, w io.Writer,
) error {
	workers, done, err := s.pool(ctx, r.Mutant)
	defer done()
	if err != nil {
		return err
	}
	began := time.Now()
	o := shrink.Options{Workers: workers, Budget: s.budget}
	o.Say = func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	if r.Mutant != "" {
		o.Control = &pool.Pool{
			Workers: 1, Timeout: s.timeout, Program: workers.Program,
			Env: []string{mutants.Variable + "="},
		}
	}
	outcome, err := shrink.Shrink(ctx, r.Plan, o)
	if err != nil {
		return err
	}
	file := reproduce(outcome, r.Mutant)
	if out == "" {
		out = file.Fingerprint + ".yaml"
	}
	file.Replay = "lockstep sim --plan " + out
	if err := os.WriteFile(out, []byte(file.String()), 0o644); err != nil {
		return err
	}
	end := "nothing more can be left out"
	if !outcome.Complete {
		end = "the budget is spent"
	}
	_, err = fmt.Fprintf(w, "size %d, was %d; %d runs in %.0f s; %s\n%s\n",
		outcome.After.Total(), outcome.Before.Total(),
		outcome.Runs, time.Since(began).Seconds(), end, file.Replay)
	return err
}

// fileMilestones bounds the milestones in a file: a replay on another commit differs
// from them sooner than that.
const fileMilestones = 200

// reproduce makes the file of a shrunk plan.
func reproduce(o *shrink.Outcome, bug string) *scenario.Reproduction {
	f := o.Result.Failures[0]
	r := &scenario.Reproduction{
		Why: f.Property, Fingerprint: o.Result.Fingerprint, Commit: buildCommit(), Mutant: bug,
		Size: fmt.Sprintf("%s, was %s", o.After, o.Before), Plan: o.Plan,
	}
	if f.Symptom != "" {
		r.Why += ": " + f.Symptom
	}
	for _, m := range o.Result.Milestones[:min(len(o.Result.Milestones), fileMilestones)] {
		m.Event, m.Kind, m.Node = 0, "", "" // the key says the last two
		r.Milestones = append(r.Milestones, m)
	}
	return r
}

// buildCommit is the commit that this program was built from; "" if it does not
// know.
func buildCommit() string {
	b, err := campaign.ThisBuild()
	if err == nil && b.Modified {
		b.Revision += " with changes"
	}
	return b.Revision
}
