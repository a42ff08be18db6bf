package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/sim"
)

type simOptions struct {
	scenario    string
	seeds       string
	workers     int
	budget      time.Duration
	timeout     time.Duration
	out         string
	maxFailures int
	verbose     bool
}

func simCommand() *cobra.Command {
	var o simOptions
	list := false
	c := &cobra.Command{
		Use:   "sim",
		Short: "Run many seeds of a simulated scenario in worker processes",
		Long: `Run many seeds of a simulated scenario. A process holds one simulated world at a
time, so --workers processes of this program run them.

Failing seeds are printed with the command that replays them; with --out each
also leaves its report and its result as JSON. The exit code is 1 if any failed.`,
		Example: `  lockstep sim --list
  lockstep sim --scenario toy --seeds 1-1000
  lockstep sim --scenario toy --seeds 1- --budget 10m --out out/campaign`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list {
				return listScenarios(cmd.OutOrStdout())
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			return runSim(ctx, o, &sim.Campaign{Workers: o.workers, Timeout: o.timeout}, cmd.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&o.scenario, "scenario", sim.Scenarios()[0].Name, "scenario to run; see --list")
	f.StringVar(&o.seeds, "seeds", "1-100", "A-B inclusive, one seed A, or A- for no end (needs --budget)")
	f.IntVar(&o.workers, "workers", runtime.NumCPU(), "worker processes")
	f.DurationVar(&o.budget, "budget", 0, "start no more seeds after so long (0: run all)")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "real time after which a run counts as hung, and fails")
	f.StringVar(&o.out, "out", "", "directory for the reports of failing seeds")
	f.IntVar(&o.maxFailures, "max-failures", 10, "start no more seeds after so many failures (0: no bound)")
	f.BoolVar(&o.verbose, "verbose", false, "print the line of every run")
	f.BoolVar(&list, "list", false, "list the scenarios and end")
	return c
}

func listScenarios(w io.Writer) error {
	for _, s := range sim.Scenarios() {
		planted := ""
		if s.Planted {
			planted = " (must fail)"
		}
		if _, err := fmt.Fprintf(w, "%-24s %s%s\n", s.Name, s.About, planted); err != nil {
			return err
		}
	}
	return nil
}

// seedRange is inclusive.
type seedRange struct{ first, last uint64 }

func parseSeeds(text string) (seedRange, error) {
	bad := fmt.Errorf("--seeds %s: neither A, A-B nor A-", text)
	from, to, ranged := strings.Cut(text, "-")
	first, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		return seedRange{}, bad
	}
	last := first
	switch {
	case ranged && to == "":
		last = math.MaxUint64
	case ranged:
		if last, err = strconv.ParseUint(to, 10, 64); err != nil || last < first {
			return seedRange{}, bad
		}
	}
	return seedRange{first, last}, nil
}

// runSim runs the seeds in portions, and between two of them looks whether the
// budget is spent, enough has failed, or somebody interrupted.
func runSim(ctx context.Context, o simOptions, campaign *sim.Campaign, w io.Writer) error {
	seeds, err := parseSeeds(o.seeds)
	switch {
	case err != nil:
		return err
	case seeds.last == math.MaxUint64 && o.budget == 0:
		return errors.New("seeds without end need --budget")
	case o.workers < 1:
		return errors.New("--workers must be at least 1")
	}
	if _, err := sim.FindScenario(o.scenario); err != nil {
		return fmt.Errorf("%w; see lockstep sim --list", err)
	}
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	t := &tally{options: o, out: w, began: time.Now(), lastProgress: time.Now()}
	portion := uint64(o.workers) * 16
	for next := seeds.first; ; {
		last := next + min(portion-1, seeds.last-next)
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			campaign.Run(jobsOf(o.scenario, next, last), func(_ sim.Job, r sim.JobResult) {
				if ctx.Err() == nil {
					t.add(r.Result)
				}
			})
		}()
		select {
		case <-finished:
		case <-ctx.Done():
			// Workers end with this process: their input closes.
			return errors.New("interrupted")
		}
		if last == seeds.last || o.budget > 0 && time.Since(t.began) >= o.budget ||
			o.maxFailures > 0 && len(t.failed) >= o.maxFailures {
			break
		}
		next = last + 1
	}
	return t.summary()
}

func jobsOf(scenario string, first, last uint64) []sim.Job {
	jobs := make([]sim.Job, 0, last-first+1)
	for i := range last - first + 1 {
		jobs = append(jobs, sim.Job{Scenario: scenario, Seed: first + i})
	}
	return jobs
}

// tally counts results as they come, one at a time.
type tally struct {
	options      simOptions
	out          io.Writer
	began        time.Time
	lastProgress time.Time
	runs         int
	events       uint64
	virtual      time.Duration
	failed       []uint64
	problems     []error // reports that could not be written
}

func (t *tally) add(r sim.Result) {
	t.runs++
	t.events += r.Events
	t.virtual += r.Virtual.Std()
	switch {
	case r.Verdict != sim.Pass:
		t.failed = append(t.failed, r.Seed)
		fmt.Fprintf(t.out, "FAILED seed %d\n%s\nreplay: %s\n", r.Seed, r.Report(), replayCommand(r))
		if err := t.save(r); err != nil {
			t.problems = append(t.problems, err)
		}
	case t.options.verbose:
		fmt.Fprintln(t.out, r.Line())
	}
	if now := time.Now(); now.Sub(t.lastProgress) >= 10*time.Second {
		t.lastProgress = now
		fmt.Fprintf(t.out, "%s\n", t.line())
	}
}

func replayCommand(r sim.Result) string {
	return fmt.Sprintf("lockstep sim --scenario %s --seeds %d --verbose", r.Scenario, r.Seed)
}

// save writes a failing seed's report and its result.
func (t *tally) save(r sim.Result) error {
	if t.options.out == "" {
		return nil
	}
	base := filepath.Join(t.options.out, fmt.Sprintf("%s-%d", r.Scenario, r.Seed))
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report of seed %d: %w", r.Seed, err)
	}
	return errors.Join(
		os.WriteFile(base+".txt", []byte(r.Report()+"\n"), 0o644),
		os.WriteFile(base+".json", append(data, '\n'), 0o644))
}

func (t *tally) line() string {
	seconds := max(time.Since(t.began).Seconds(), 1e-3)
	return fmt.Sprintf("%d seeds, %d failed, %.0f seeds/min, %.0f events/s, %.2f virtual hours in %.0f s",
		t.runs, len(t.failed), float64(t.runs)/seconds*60, float64(t.events)/seconds, t.virtual.Hours(), seconds)
}

// summary prints the totals; it is an error if a seed failed.
func (t *tally) summary() error {
	fmt.Fprintf(t.out, "%s: %s\n", t.options.scenario, t.line())
	err := errors.Join(t.problems...)
	if len(t.failed) > 0 {
		err = errors.Join(fmt.Errorf("%d of %d seeds failed: %v", len(t.failed), t.runs, t.failed), err)
	}
	return err
}
