package sim_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/checker"
	"example.com/lockstep/mutants"
	"example.com/lockstep/sim"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/recording"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

var (
	seedFlag     = flag.Int64("seed", -1, "replay this seed only")
	scenarioFlag = flag.String("scenario", "",
		"scenario to run; default: mix for one seed, all of defaultSet for sets of seeds")
	seedsFlag  = flag.Uint64("seeds", 0, "number of seeds of the scenario; default: 20")
	firstFlag  = flag.Uint64("first", 0, "the first seed of a set")
	eventsFlag = flag.Bool("events", false,
		"print every record of the replayed trace; go test has a -trace of its own")
	historyFlag = flag.String("history", "",
		"print these parts of the recorded history, e.g. produces,leaders,requests")
	milestonesFlag = flag.Bool("milestones", false, "print the milestones of the replayed run")
	logFlag        = flag.Bool("log", false, "print the event logs of the replayed run")
	fullFlag       = flag.Bool("full", false, "print everything about a failure, not only its "+
		"summary")
	reportFlag = flag.String("report", "", "write the page about the replayed run to this "+
		"file; this takes two more runs")
	planFlag     = flag.Bool("plan", false, "print the plan of the replayed seed")
	planFileFlag = flag.String("planfile", "",
		"run this plan (YAML) instead of one drawn from a seed")
	workersFlag = flag.Int("workers", runtime.NumCPU(), "worker processes for sets of seeds")
)

// TestDir is a directory for files that tests share.
var TestDir string

// TestMain makes the test binary a worker when it is started as one.
func TestMain(m *testing.M) {
	pool.ServeIfWorker()
	flag.Parse()
	if run := flag.Lookup("test.run"); run.Value.String() == "" &&
		(*seedFlag >= 0 || *planFileFlag != "" || *scenarioFlag != "" || *seedsFlag > 0) {
		_ = flag.Set("test.run", "^TestSeed$") // with flags for seeds, run no other test
	}
	var err error
	if TestDir, err = os.MkdirTemp("", "lockstep-sim-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(TestDir)
	os.Exit(code)
}

// TestSeed replays one run (-seed and -scenario, or -planfile). Without these flags it runs
// the default set in worker processes.
func TestSeed(t *testing.T) {
	if *planFileFlag != "" {
		text, err := os.ReadFile(*planFileFlag)
		require.NoError(t, err)
		r, err := scenario.LoadReproduction(text)
		require.NoError(t, err)
		replay(t, r)
		return
	}
	if *seedFlag >= 0 {
		plan, err := sim.NewPlan(cmp.Or(*scenarioFlag, "mix"), uint64(*seedFlag))
		require.NoError(t, err)
		replay(t, &scenario.Reproduction{Plan: plan})
		return
	}
	jobs := defaultSet()
	if *scenarioFlag != "" || *seedsFlag > 0 {
		jobs = seedsOf(cmp.Or(*scenarioFlag, "mix"), cmp.Or(*seedsFlag, 20))
	}
	campaign := pool.Pool{Workers: *workersFlag}
	campaign.Run(jobs, func(_ pool.Job, r pool.JobResult) {
		if r.Result.Verdict == world.Pass {
			t.Log(r.Result.Line())
		} else {
			t.Errorf("\n%s", failureText(&r.Result, ""))
		}
	})
}

// defaultSet is what a plain go test runs. It takes a few minutes on two cores.
func defaultSet() (jobs []pool.Job) {
	for _, scenario := range []string{"mix", "steady", "crash", "partition", "disk", "freeze",
		"clock", "churn"} {
		jobs = append(jobs, seedsOf(scenario, 24)...)
	}
	for _, s := range scenario.StoryScenarios() {
		jobs = append(jobs, seedsOf(s.Name, 3)...)
	}
	for _, scenario := range []string{"clients", "rare", "budgeted", "unbudgeted"} {
		jobs = append(jobs, seedsOf(scenario, 12)...)
	}
	// Seed 3 of frozen-node freezes for 3 h 40 min.
	return append(append(jobs, seedsOf("frozen-node", 4)...), seedsOf("toy", 20)...)
}

func seedsOf(scenario string, n uint64) (jobs []pool.Job) {
	for i := range n {
		jobs = append(jobs, pool.Job{Scenario: scenario, Seed: *firstFlag + i})
	}
	return jobs
}

// Seeds and plans that once showed a bug must pass.
func TestRegressions(t *testing.T) {
	regressions, err := scenario.Regressions()
	require.NoError(t, err)
	var jobs []pool.Job
	why := map[string]string{}
	for _, r := range regressions {
		for _, job := range pool.RegressionJobs(&r) {
			jobs = append(jobs, job)
			why[fmt.Sprint(job.Scenario, job.Seed)] = r.Name + ": " + r.Why
		}
	}
	campaign := pool.Pool{Workers: *workersFlag}
	campaign.Run(jobs, func(j pool.Job, r pool.JobResult) {
		if r.Result.Verdict != world.Pass {
			t.Errorf("%s\n%s", why[fmt.Sprint(j.Scenario, j.Seed)], failureText(&r.Result, ""))
		}
	})
}

func replay(t *testing.T, again *scenario.Reproduction) {
	if *planFlag {
		fmt.Print(again.Plan)
	}
	var o world.Options
	if *eventsFlag {
		o.Text = os.Stdout
	}
	var timeline []world.Milestone
	o.Milestones = func(m world.Milestone) {
		timeline = append(timeline, m)
		if *milestonesFlag {
			fmt.Println(m)
		}
	}
	if *logFlag {
		o.EventLog = func(l world.Logged) { fmt.Println(l) }
	}
	r, h, err := sim.RunHistory(again.Plan, o)
	require.NoError(t, err)
	if *historyFlag != "" && h != nil {
		printHistory(h)
	}
	if *planFileFlag != "" {
		r.Replay = "go test ./sim -v -planfile " + *planFileFlag
	} else if bug := os.Getenv(mutants.Variable); bug != "" {
		require.True(t, mutants.Built, "this program has no planted bugs: go test -overlay")
		r.Replay = pool.ReplayMutant(bug, r.Scenario, r.Seed)
	}
	if *reportFlag != "" {
		_, err := sim.ReportPlan(again.Plan, recording.Options{Replay: r.Replay}, *reportFlag)
		require.NoError(t, err)
	}
	if r.Verdict != world.Pass {
		t.Errorf("\n%s", failureText(&r, *reportFlag))
	}
	fmt.Print(again.Judge(&r, timeline))
	fmt.Println(r.Line()) // on its own line, since scripts compare it
}

// failureText is what a test prints about a failed run.
func failureText(r *world.Result, page string) string {
	if *fullFlag {
		return r.Report()
	}
	return strings.Join(r.Summary(page), "\n")
}

// printHistory prints the parts of the history that -history names.
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
