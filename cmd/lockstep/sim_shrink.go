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
		Short: "Make the plan of a failing run small, and write it as a file that replays",
		Long: `Make the plan of a failing run small, and write it as a file that replays: fewer
faults, then less load, fewer machines and calmer settings, as long as a run fails
with the same fingerprint. The faults that are left are tied to milestones of the
run ("after the second leader of t0/0 began") where they still do their harm then,
so that the file survives changes of the code.

With --mutant the bug is planted first, and every step must pass without it.`,
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
	c.Flags().DurationVar(&s.budget, "budget", 10*time.Minute,
		"real time after which the smallest plan so far is written (0: no bound)")
	c.Flags().StringVar(&out, "out", "", "where the file goes (default: FINGERPRINT.yaml here)")
	return c
}

func runShrink(
	ctx context.Context, s *simSource, r *scenario.Reproduction, out string, w io.Writer,
) error {
	c, done, err := s.campaign(ctx, r.Mutant)
	defer done()
	if err != nil {
		return err
	}
	began := time.Now()
	o := shrink.Options{Workers: c, Budget: s.budget, Say: func(format string, args ...any) {
		fmt.Fprintf(w, format+"\n", args...)
	}}
	if r.Mutant != "" {
		o.Control = &pool.Pool{
			Workers: 1, Timeout: s.timeout, Program: c.Program,
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
		end = "the budget ended"
	}
	_, err = fmt.Fprintf(w, "size %d, was %d; %d runs in %.0f s; %s\n%s\n",
		outcome.After.Total(), outcome.Before.Total(),
		outcome.Runs, time.Since(began).Seconds(), end, file.Replay)
	return err
}

// fileMilestones is how many milestones a file holds at most: a replay on another
// commit leaves the story sooner than that.
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
		m.Event, m.Kind, m.Node = 0, "", "" // the key says it
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
