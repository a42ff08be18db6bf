package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// anchoredToy is a plan of the toy with these faults only.
func anchoredToy(t *testing.T, faults ...plan.Fault) *plan.Plan {
	p, err := sim.NewPlan("toy", 1)
	require.NoError(t, err)
	p.Duration, p.Faults = 10*plan.Second, faults
	return p
}

func faultTimes(t *testing.T, p *plan.Plan) map[string]time.Duration {
	at := map[string]time.Duration{}
	_, err := sim.RunPlan(p, world.Options{Milestones: func(m world.Milestone) {
		if m.Kind == plan.FaultOn {
			at[m.Key] = m.At.Std()
		}
	}})
	require.NoError(t, err)
	return at
}

func TestFaultsWaitForTheirMilestone(t *testing.T) {
	second := plan.Fault{At: 250 * plan.Millisecond, After: "start n2 #2", Kind: "freeze",
		Target: "n1", For: plan.Second}
	at := faultTimes(t, anchoredToy(t, plan.Fault{At: 2 * plan.Second, Kind: "kill", Target: "n2",
		For: 500 * plan.Millisecond}, second))
	require.Equal(t, 2*time.Second, at["fault 1 kill n2"])
	require.Equal(t, 2750*time.Millisecond, at["fault 2 freeze n1"],
		"a quarter of a second after the second start of n2")

	second.After, second.By = "start n2 #3", 4*plan.Second
	at = faultTimes(t, anchoredToy(t, plan.Fault{At: 2 * plan.Second, Kind: "kill", Target: "n2",
		For: 500 * plan.Millisecond}, second))
	require.Equal(t, 4*time.Second, at["fault 2 freeze n1"], "the milestone never comes")

	second.By = 0
	at = faultTimes(t, anchoredToy(t, second))
	require.Equal(t, 9*time.Second, at["fault 1 freeze n1"])
}

func TestReproductionsReadBackAsTheyPrint(t *testing.T) {
	p, err := sim.NewPlan("mix", 3)
	require.NoError(t, err)
	p.Faults[0].After, p.Faults[0].By = "leader t0/0 #2", 3*plan.Second
	r := &scenario.Reproduction{
		Why: "P1: it broke", Fingerprint: "p1-lost-write-0", Commit: "abc", Mutant: "W3",
		Replay: "lockstep sim --plan x.yaml", Size: "9, was 90",
		Plan: p, Milestones: []world.Milestone{{At: plan.Second, Key: "start b1 incarnation 1"},
			{At: 2 * plan.Second, Key: "end b1 incarnation 1 killed", Text: "for a reason"}},
	}
	again, err := scenario.LoadReproduction([]byte(r.String()))
	require.NoError(t, err)
	require.Equal(t, r, again)

	bare, err := scenario.LoadReproduction([]byte(p.String()))
	require.NoError(t, err)
	require.Equal(t, p.String(), bare.Plan.String())

	_, err = scenario.LoadReproduction([]byte(strings.Replace(r.String(), "fingerprint:",
		"fingerprnt:", 1)))
	require.ErrorContains(t, err, "fingerprnt")
	_, err = scenario.LoadReproduction([]byte(strings.Replace(r.String(), "kind: kafka",
		"knid: kafka", 1)))
	require.Error(t, err)
}

func TestReplaysNameTheFirstDivergence(t *testing.T) {
	var timeline []world.Milestone
	plan := anchoredToy(t, plan.Fault{At: 2 * plan.Second, Kind: "kill", Target: "n2",
		For: 500 * plan.Millisecond})
	result, err := sim.RunPlan(plan, world.Options{Milestones: func(m world.Milestone) {
		timeline = append(timeline, m)
	}})
	require.NoError(t, err)
	r := &scenario.Reproduction{Fingerprint: "x-1", Plan: plan, Milestones: timeline}
	require.Equal(t, "it does not fail; it did with x-1\n", r.Judge(&result, timeline))

	var other []world.Milestone
	plan.Faults[0].Target = "n1"
	result, err = sim.RunPlan(plan, world.Options{Milestones: func(m world.Milestone) {
		other = append(other, m)
	}})
	require.NoError(t, err)
	require.Contains(t, r.Judge(&result, other),
		`was "fault 1 kill n2" at 2s, now "fault 1 kill n1" at 2s`)
	require.Contains(t, r.Diverged(other[:3]), "now the run has ended")

	result.Verdict, result.Failures = world.Fail, []world.Failure{{Property: "x", Symptom: "y"}}
	r.Fingerprint = result.Failures[0].Fingerprint()
	require.Contains(t, r.Judge(&result, timeline), "it fails as it did")
	r.Fingerprint = "x-1"
	require.Contains(t, r.Judge(&result, timeline), "not as it did")
}
