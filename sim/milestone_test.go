package sim_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// timelineOf runs a seed and returns its result and its milestones.
func timelineOf(t *testing.T, scenario string, seed uint64) (world.Result, []world.Milestone) {
	var timeline []world.Milestone
	r, err := sim.RunSeed(scenario, seed,
		world.Options{Milestones: func(m world.Milestone) { timeline = append(timeline, m) }})
	require.NoError(t, err)
	return r, timeline
}

func TestMilestonesComeInOrderAndNameWhatHappened(t *testing.T) {
	r, timeline := timelineOf(t, "frozen-leader", 1)
	require.Equal(t, world.Pass, r.Verdict, "%s", r.Report())
	require.Empty(t, r.Milestones, "a run that passed keeps none")
	seen := map[plan.MilestoneKind]int{}
	for i, m := range timeline {
		seen[m.Kind]++
		require.True(t, m.Key == string(m.Kind) || strings.HasPrefix(m.Key, string(m.Kind)+" "),
			"%v", m)
		if i > 0 {
			require.GreaterOrEqual(t, m.At, timeline[i-1].At)
			require.GreaterOrEqual(t, m.Event, timeline[i-1].Event)
		}
	}
	for _, kind := range []plan.MilestoneKind{
		plan.NodeBegan, plan.FaultOn, plan.FaultOff, plan.ControllerBegan, plan.LeaderBegan,
		plan.ISRChanged, plan.BrokerFenced, plan.BrokerUnfenced, plan.TopicCreated, plan.FaultsOver,
	} {
		require.Positive(t, seen[kind], "no %q in %v", kind, timeline)
	}
	frozen := timeline[indexOfMilestone(timeline, plan.FaultOn)]
	require.Equal(t, "fault 1 freeze "+frozen.Node, frozen.Key,
		"the target is the node it resolved to")
	require.Contains(t, frozen.Text, "is @leader")
}

func TestAFailedRunKeepsItsMilestones(t *testing.T) {
	r, timeline := timelineOf(t, "toy-panic", 1)
	require.Equal(t, world.Fail, r.Verdict)
	require.Equal(t, timeline, r.Milestones)
	require.Positive(t, indexOfMilestone(timeline, plan.PropertyViolated))
}

func indexOfMilestone(timeline []world.Milestone, kind plan.MilestoneKind) int {
	for i, m := range timeline {
		if m.Kind == kind {
			return i
		}
	}
	return -1
}

func TestASummaryHasTwentyLinesAtMost(t *testing.T) {
	for _, scenario := range []string{"planted-stale-end", "toy-early-ack", "toy-lost-wakeup",
		"toy-stop"} {
		for seed := range uint64(30) {
			r, err := sim.RunSeed(scenario, seed, world.Options{})
			require.NoError(t, err)
			if r.Verdict == world.Pass {
				continue
			}
			summary := r.Summary("out/page.html")
			require.LessOrEqual(t, len(summary), world.SummaryLines)
			require.Contains(t, summary[1], r.ReplayCommand())
			require.Contains(t, summary[2], r.Failures[0].Property)
			require.Contains(t, summary[len(summary)-1], "out/page.html")
			break
		}
	}
}
