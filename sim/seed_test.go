package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lockstep/checker"
)

var (
	seedFlag     = flag.Int64("seed", -1, "replay this seed only")
	scenarioFlag = flag.String("scenario", "toy", "scenario to run")
	seedsFlag    = flag.Uint64("seeds", 40, "number of seeds of the default set")
	traceFlag    = flag.Bool("trace", false, "print the trace of the replayed seed")
	historyFlag  = flag.String("history", "", "print what was recorded of these kinds, e.g. produces,leaders,requests")
	planFlag     = flag.Bool("plan", false, "print the plan of the replayed seed")
	planFileFlag = flag.String("planfile", "", "run this plan (YAML) instead of one drawn from a seed")
	workersFlag  = flag.Int("workers", runtime.NumCPU(), "worker processes for sets of seeds")
)

// TestMain makes the test binary a worker when it is started as one.
func TestMain(m *testing.M) {
	if os.Getenv(WorkerVariable) != "" {
		if err := ServeJobs(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	os.Exit(m.Run())
}

// TestSeed replays one world (-seed and -scenario, or -planfile) or, without
// these, runs the default set over worker processes.
func TestSeed(t *testing.T) {
	if *planFileFlag != "" {
		text, err := os.ReadFile(*planFileFlag)
		require.NoError(t, err)
		plan, err := LoadPlan(text)
		require.NoError(t, err)
		replay(t, plan)
		return
	}
	if *seedFlag >= 0 {
		plan, err := NewPlan(*scenarioFlag, uint64(*seedFlag))
		require.NoError(t, err)
		replay(t, plan)
		return
	}
	var jobs []Job
	for seed := range *seedsFlag {
		jobs = append(jobs, Job{Scenario: *scenarioFlag, Seed: seed})
	}
	campaign := Campaign{Workers: *workersFlag}
	campaign.Run(jobs, func(_ Job, r JobResult) {
		if r.Result.Verdict == Pass {
			t.Log(r.Result.Line())
		} else {
			t.Errorf("\n%s", r.Result.Report())
		}
	})
}

func replay(t *testing.T, plan *Plan) {
	if *planFlag {
		fmt.Print(plan)
	}
	var o Options
	if *traceFlag {
		o.Text = os.Stdout
	}
	if *historyFlag != "" {
		o.History = printHistory
	}
	r, err := RunPlan(plan, o)
	require.NoError(t, err)
	if r.Verdict != Pass {
		t.Errorf("\n%s", r.Report())
	}
	fmt.Println(r.Line()) // on a line of its own: scripts compare it
}

// printHistory prints the recorded kinds of events that -history names.
func printHistory(h *checker.History) {
	show := func(kind string, n int, line func(i int) fmt.Stringer) {
		if !slices.Contains(strings.Split(*historyFlag, ","), kind) {
			return
		}
		for i := range n {
			fmt.Println(line(i))
		}
	}
	show("produces", len(h.Produces), func(i int) fmt.Stringer { return &h.Produces[i] })
	show("fetches", len(h.Fetches), func(i int) fmt.Stringer { return &h.Fetches[i] })
	show("ends", len(h.Ends), func(i int) fmt.Stringer { return &h.Ends[i] })
	show("admins", len(h.Admins), func(i int) fmt.Stringer { return &h.Admins[i] })
	show("requests", len(h.Requests), func(i int) fmt.Stringer { return &h.Requests[i] })
	show("metadata", len(h.MetadataSeen), func(i int) fmt.Stringer { return &h.MetadataSeen[i] })
	show("leaders", len(h.Leaders), func(i int) fmt.Stringer { return &h.Leaders[i] })
	show("controllers", len(h.Controllers), func(i int) fmt.Stringer { return &h.Controllers[i] })
	show("replicas", len(h.Replicas), func(i int) fmt.Stringer { return &h.Replicas[i] })
	show("recoveries", len(h.Recoveries), func(i int) fmt.Stringer { return &h.Recoveries[i] })
}
