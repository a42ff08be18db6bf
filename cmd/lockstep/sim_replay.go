package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// replay runs a plan once and compares the run with what its file says.
func replay(ctx context.Context, s *simSource, r *scenario.Reproduction, w io.Writer) error {
	workers, done, err := s.pool(ctx, r.Mutant)
	defer done()
	if err != nil {
		return err
	}
	out := workers.Run([]pool.Job{{Scenario: r.Plan.Scenario, Seed: r.Plan.Seed, Plan: r.Plan,
		Milestones: true}}, nil)[0]
	out.Result.Replay = s.replay(r.Mutant)
	if out.Result.Verdict == world.Fail {
		fmt.Fprintln(w, strings.Join(out.Result.Summary(""), "\n"))
	}
	fmt.Fprint(w, r.Judge(&out.Result, out.Milestones))
	fmt.Fprintln(w, out.Result.Line())
	if out.Result.Verdict == world.Fail {
		return errors.New("the plan fails")
	}
	return nil
}
