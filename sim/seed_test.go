package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	seedFlag     = flag.Int64("seed", -1, "replay this seed only")
	scenarioFlag = flag.String("scenario", "toy", "scenario to run")
	seedsFlag    = flag.Uint64("seeds", 40, "number of seeds of the default set")
	traceFlag    = flag.Bool("trace", false, "print the trace of the replayed seed")
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
	r, err := RunPlan(plan, o)
	require.NoError(t, err)
	if r.Verdict != Pass {
		t.Errorf("\n%s", r.Report())
	}
	fmt.Println(r.Line()) // on a line of its own: scripts compare it
}
