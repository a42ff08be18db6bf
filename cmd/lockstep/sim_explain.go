package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/sim/explain"
	"example.com/lockstep/sim/scenario"
)

func simExplainCommand() *cobra.Command {
	var s simSource
	var o explain.Options
	at := uint64(0)
	c := &cobra.Command{
		Use:   "explain",
		Short: "Find the event from which on a failing run had to fail",
		Long: `Find the event from which on a failing run had to fail: the point of no return.

The run is repeated many times up to some event, and from there on it draws other
random numbers. These are the possible futures of the event. The share of futures that
fail as the run did says how much was decided by then. This is done for milestones of
the run, and then, by bisection, for events between the last milestone after which the
run could still pass and the first after which it could not.`,
		Example: `  lockstep sim explain --scenario crash --seed 27
  lockstep sim explain --plan shrunk.yaml --futures 30
  lockstep sim explain --plan shrunk.yaml --at 20311`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := s.load(cmd)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("at") {
				o.At = &at
			}
			if o.Futures < 1 || o.Points < 1 {
				return fmt.Errorf("--futures and --points must be at least 1")
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			return runExplain(ctx, &s, r, o, cmd.OutOrStdout())
		},
	}
	s.register(c.Flags())
	completeScenarios(c)
	c.Flags().DurationVar(&o.Budget, "budget", 10*time.Minute,
		"real time after which the search stops with what it has found (0: no bound)")
	c.Flags().IntVar(&o.Futures, "futures", 12, "number of futures of each event")
	c.Flags().IntVar(&o.Points, "points", 10, "number of milestones to try before the search")
	c.Flags().Uint64Var(&at, "at", 0, "try only this event")
	return c
}

func runExplain(
	ctx context.Context, s *simSource, r *scenario.Reproduction, o explain.Options, w io.Writer,
) error {
	var done func()
	var err error
	o.Workers, done, err = s.pool(ctx, r.Mutant)
	defer done()
	if err != nil {
		return err
	}
	e, err := explain.Explain(ctx, r.Plan, o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(w, e)
	return err
}
