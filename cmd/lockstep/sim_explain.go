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
		Short: "Say from where on a failing run could not but fail",
		Long: `Say from where on a failing run could not but fail.

The run is replayed up to some event and from there on given other random numbers,
many times: the share of these futures that fail as the run did is what the moment
had decided. Between the last milestone from which the run could still have been
saved and the first from which it could not, the event is searched that made the
difference: the point of no return.`,
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
	c.Flags().DurationVar(&o.Budget, "budget", 10*time.Minute,
		"real time after which the search ends where it is (0: no bound)")
	c.Flags().IntVar(&o.Futures, "futures", 12, "futures of each moment")
	c.Flags().IntVar(&o.Points, "points", 10, "moments to look at before the search")
	c.Flags().Uint64Var(&at, "at", 0, "look at this event only")
	return c
}

func runExplain(
	ctx context.Context, s *simSource, r *scenario.Reproduction, o explain.Options, w io.Writer,
) error {
	var done func()
	var err error
	o.Workers, done, err = s.campaign(ctx, r.Mutant)
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
