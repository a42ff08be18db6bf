package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/scenario"
)

// simSource are the flags that name one run, by a seed of a scenario or by a file, and
// say how to run it.
type simSource struct {
	scenario string
	seed     uint64
	plan     string
	mutant   string
	worker   string
	workers  int
	budget   time.Duration
	timeout  time.Duration
}

func (s *simSource) register(f *pflag.FlagSet) {
	f.StringVar(&s.scenario, "scenario", "", "scenario of the seed; see lockstep sim --list")
	f.Uint64Var(&s.seed, "seed", 0, "the seed")
	f.StringVar(&s.plan, "plan", "", "a plan or a reproduction (YAML) instead of a seed")
	f.StringVar(&s.mutant, "mutant", "",
		"plant this bug (default: the bug that the file names; none: no bug)")
	f.StringVar(&s.worker, "worker", "", "a program with planted bugs (default: build one)")
	f.IntVar(&s.workers, "workers", runtime.NumCPU(), "number of worker processes")
	f.DurationVar(&s.timeout, "timeout", 5*time.Minute,
		"real time after which a run counts as hung, and fails")
}

// load reads the plan or draws it. A drawn plan comes as a reproduction without a
// fingerprint or milestones.
func (s *simSource) load(cmd *cobra.Command) (*scenario.Reproduction, error) {
	if s.plan == "" {
		if s.scenario == "" || !cmd.Flags().Changed("seed") {
			return nil, errors.New("want --scenario and --seed, or --plan")
		}
		plan, err := sim.NewPlan(s.scenario, s.seed)
		return &scenario.Reproduction{Plan: plan, Mutant: s.chosen("")}, err
	}
	if s.scenario != "" || cmd.Flags().Changed("seed") {
		return nil, errors.New("--plan has its own scenario and seed: leave out --scenario and " +
			"--seed")
	}
	text, err := os.ReadFile(s.plan)
	if err != nil {
		return nil, err
	}
	r, err := scenario.LoadReproduction(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.plan, err)
	}
	r.Mutant = s.chosen(r.Mutant)
	return r, nil
}

// replay is the command that repeats the run; "" if its scenario and seed are enough.
func (s *simSource) replay(bug string) string {
	switch {
	case s.plan != "" && s.mutant != "":
		return fmt.Sprintf("lockstep sim --plan %s --mutant %s", s.plan, s.mutant)
	case s.plan != "":
		return "lockstep sim --plan " + s.plan
	case bug != "":
		return pool.ReplayMutant(bug, s.scenario, s.seed)
	}
	return ""
}

func (s *simSource) chosen(named string) string {
	switch s.mutant {
	case "":
		return named
	case "none":
		return ""
	}
	return s.mutant
}

// pool makes the workers for a planted bug, "" for none. done removes the program that
// it built, if any.
func (s *simSource) pool(
	ctx context.Context, bug string,
) (p pool.Pool, done func(), err error) {
	done = func() {}
	if s.workers < 1 {
		return p, done, errors.New("--workers must be at least 1")
	}
	p = pool.Pool{Workers: s.workers, Timeout: s.timeout, Program: s.worker}
	if bug == "" {
		p.Env = []string{mutants.Variable + "="}
		return p, done, nil
	}
	if _, ok := mutants.Find(bug); !ok {
		return p, done, fmt.Errorf("--mutant %s: no such bug; see lockstep mutants --list", bug)
	}
	p.Env = []string{mutants.Variable + "=" + bug}
	if p.Program != "" || mutants.Built {
		return p, done, nil
	}
	p.Program, done, err = buildSelf(ctx, withMutants)
	return p, done, err
}
