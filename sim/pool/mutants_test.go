package pool

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/lockstep/broker/wait"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

func TestEveryMutantHasScenarios(t *testing.T) {
	for _, m := range mutants.Table() {
		for _, name := range m.Scenarios {
			s, err := scenario.Find(name)
			require.NoError(t, err, m.ID)
			require.False(t, s.Planted, "%s: a scenario that fails anyway shows nothing", m.ID)
		}
	}
}

func TestEveryMutantNamesPropertiesInFull(t *testing.T) {
	names, err := os.ReadFile("../property/property.go")
	require.NoError(t, err)
	for _, m := range mutants.Table() {
		for _, caught := range m.Caught {
			name, _, _ := strings.Cut(caught, " | ")
			number := regexp.MustCompile(`^P[0-9]+$`).MatchString(name)
			require.True(t, number || name == mutants.TwoRunsDiffer ||
				strings.Contains(string(names), strconv.Quote(name)), "%s: %s", m.ID, name)
		}
	}
}

func TestOnlyExpectedFailuresCatchAMutant(t *testing.T) {
	m := mutants.Mutant{Caught: []string{"P1", "every assertion holds | assertion failed: wal:"}}
	for _, c := range []struct {
		failure world.Failure
		caught  bool
	}{
		{world.Failure{Property: "P1: acknowledged records are durable"}, true},
		{world.Failure{Property: "P3: committed offsets are unique"}, false},
		{world.Failure{Property: "P10: the end of the log is linearizable"}, false},
		{world.Failure{Property: property.AssertionsHold,
			Detail: "assertion failed: wal: release of 3"}, true},
		{world.Failure{Property: property.AssertionsHold,
			Detail: "assertion failed: shard: unknown operation"}, false},
		{world.Failure{Property: property.WorkerLives}, false},
	} {
		require.Equal(t, c.caught, expected(m, c.failure), "%+v", c.failure)
	}
}

// An edit that acts although its bug is switched off would be in the runs of all other
// bugs, too.
func TestTheProgramWithAllBugsSwitchedOffIsTheBroker(t *testing.T) {
	needsPlantedBugs(t)
	program, err := buildMutants()
	require.NoError(t, err)
	var jobs []Job
	for _, name := range []string{
		"crash", "churn", "disk", "clients", "forwarding", "flushing", "reshard", "rot", "flood",
	} {
		jobs = append(jobs, Job{Scenario: name, Seed: 1}, Job{Scenario: name, Seed: 2})
	}
	planted, plain := Pool{Program: program, Workers: runtime.NumCPU()},
		Pool{Workers: runtime.NumCPU()}
	want := plain.Run(jobs, nil)
	for i, got := range planted.Run(jobs, nil) {
		require.Equal(t, want[i].Result.Line(), got.Result.Line())
	}
}

// TestQuickMutantsAreCaught hunts planted bugs that show within a few seeds; make
// mutants hunts all of them.
func TestQuickMutantsAreCaught(t *testing.T) {
	needsPlantedBugs(t)
	program, err := buildMutants()
	require.NoError(t, err)
	hunt, clean := Pool{Program: program, Workers: runtime.NumCPU()},
		Pool{Workers: runtime.NumCPU()}
	for _, name := range []string{"I1", "W1", "W6", "L2", "L9", "S2", "W12", "C3"} {
		m, ok := mutants.Find(name)
		require.True(t, ok)
		run := Hunt(m, 0, hunt, clean)
		require.True(t, run.Caught, "%s survived %d seeds", name, run.Seeds)
		for _, r := range run.Alarms {
			t.Errorf("false alarm without %s:\n%s", name, r.Report())
		}
	}
}

// needsPlantedBugs skips a test that builds the program with the planted bugs, unless make
// test-long runs it.
func needsPlantedBugs(t *testing.T) {
	t.Helper()
	if os.Getenv("LOCKSTEP_LONG") == "" {
		t.Skip("it builds another program: make test-long runs it")
	}
}

// buildMutants builds the program with the planted bugs once for all tests.
var buildMutants = sync.OnceValues(func() (string, error) {
	program := filepath.Join(testDir, "lockstep-mutants")
	overlay, err := mutants.Plant("../..", filepath.Join(testDir, "mutants"))
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-overlay", overlay, "-o", program, "../../cmd/lockstep")
	out, err := build.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return program, err
})

// All seeds that fail by one planted bug have one fingerprint, and no two bugs have the
// same one.
func TestFingerprintsTellPlantedBugsApart(t *testing.T) {
	needsPlantedBugs(t)
	program, err := buildMutants()
	require.NoError(t, err)
	owner := map[string]string{}
	for _, bug := range []struct{ name, scenario string }{{"I1", "steady"}, {"C1", "steady"},
		{"W6", "rot"}, {"W1", "brisk"}} {
		c := Pool{Program: program, Workers: runtime.NumCPU(),
			Env: []string{mutants.Variable + "=" + bug.name}}
		found := map[string]int{}
		for _, r := range c.Run(seeds(bug.scenario, 6), nil) {
			if r.Result.Verdict == world.Fail {
				found[r.Result.Fingerprint]++
				require.Contains(t, r.Result.Report(), "fingerprint: "+r.Result.Fingerprint)
				require.True(t, r.Result.FailsWith(r.Result.Fingerprint))
			} else {
				require.Empty(t, r.Result.Fingerprint)
			}
		}
		require.Len(t, found, 1, "%s: %v", bug.name, found)
		for fingerprint, n := range found {
			require.Greater(t, n, 1, "%s showed under too few seeds to compare", bug.name)
			require.Empty(t, owner[fingerprint], "%s looks like %s", bug.name, owner[fingerprint])
			owner[fingerprint] = bug.name
		}
	}
}

// TestPlantedDeadlocksAreNamed holds the first chain of each report against the bug that
// was planted.
func TestPlantedDeadlocksAreNamed(t *testing.T) {
	needsPlantedBugs(t)
	program, err := buildMutants()
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		is   func(t *testing.T, c world.StallChain)
	}{
		{"L1", func(t *testing.T, c world.StallChain) {
			require.Equal(t, "lost wake-up", c.End)
			require.Regexp(t, `^b\d proposal \d+ of node \d$`, c.Culprit,
				"the proposal that the controller was asked for")
			command := c.Steps[len(c.Steps)-2]
			require.Regexp(t, `^command \d+$`, command.Name)
			require.NotNil(t, command.Until, "its deadline has passed, and nothing enforces it")
		}},
		{"L2", func(t *testing.T, c world.StallChain) {
			require.Equal(t, "fault", c.End)
			require.Regexp(t, `^fault 1 (disk|sync)-stall b\d$`, c.Culprit)
			require.Regexp(t, `^b\d/0$`, c.Steps[1].Where)
			require.Equal(t, wait.Self, c.Steps[1].Name, "the control loop as a whole")
			require.Contains(t, c.Steps[len(c.Steps)-2].Name, "disk ")
		}},
		{"L3", func(t *testing.T, c world.StallChain) {
			require.Equal(t, "cycle", c.End)
			require.Regexp(t, `^b\d/\d(, b\d/\d)+ wait for each other$`, c.Culprit)
			for _, s := range c.Steps[c.Back:] {
				require.Contains(t, s.For, "room in the mailbox of loop ")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, ok := mutants.Find(c.name)
			require.True(t, ok)
			run := Hunt(m, 0, Pool{Program: program, Workers: runtime.NumCPU()},
				Pool{Workers: runtime.NumCPU()})
			require.True(t, run.Caught)
			require.NotNil(t, run.Stall)
			c.is(t, run.Stall.Chains[0])
		})
	}
}

func seeds(scenario string, n uint64) (jobs []Job) {
	for seed := range n {
		jobs = append(jobs, Job{Scenario: scenario, Seed: seed})
	}
	return jobs
}
