package sim_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// storyOf runs a seed and returns its result and what it told on the way.
func storyOf(t *testing.T, scenario string, seed uint64) (world.Result, []world.Milestone) {
	var story []world.Milestone
	r, err := sim.RunSeed(scenario, seed,
		world.Options{Milestones: func(m world.Milestone) { story = append(story, m) }})
	require.NoError(t, err)
	return r, story
}

func TestMilestonesTellTheStoryInOrder(t *testing.T) {
	r, story := storyOf(t, "frozen-leader", 1)
	require.Equal(t, world.Pass, r.Verdict, "%s", r.Report())
	require.Empty(t, r.Milestones, "a run that passed carries none")
	seen := map[plan.MilestoneKind]int{}
	for i, m := range story {
		seen[m.Kind]++
		require.True(t, m.Key == string(m.Kind) || strings.HasPrefix(m.Key, string(m.Kind)+" "),
			"%v", m)
		if i > 0 {
			require.GreaterOrEqual(t, m.At, story[i-1].At)
			require.GreaterOrEqual(t, m.Event, story[i-1].Event)
		}
	}
	for _, kind := range []plan.MilestoneKind{
		plan.NodeBegan, plan.FaultOn, plan.FaultOff, plan.ControllerBegan, plan.LeaderBegan,
		plan.ISRChanged, plan.BrokerFenced, plan.BrokerUnfenced, plan.TopicCreated, plan.FaultsOver,
	} {
		require.Positive(t, seen[kind], "no %q in %v", kind, story)
	}
	frozen := story[indexOfMilestone(story, plan.FaultOn)]
	require.Equal(t, "fault 1 freeze "+frozen.Node, frozen.Key,
		"the target is the node it resolved to")
	require.Contains(t, frozen.Text, "is @leader")
}

func TestAFailedRunCarriesItsMilestones(t *testing.T) {
	r, story := storyOf(t, "toy-panic", 1)
	require.Equal(t, world.Fail, r.Verdict)
	require.Equal(t, story, r.Milestones)
	require.Positive(t, indexOfMilestone(story, plan.PropertyViolated))
}

func indexOfMilestone(story []world.Milestone, kind plan.MilestoneKind) int {
	for i, m := range story {
		if m.Kind == kind {
			return i
		}
	}
	return -1
}

func TestAStoryHasTwentyLines(t *testing.T) {
	for _, scenario := range []string{"planted-stale-end", "toy-early-ack", "toy-lost-wakeup",
		"toy-stop"} {
		for seed := range uint64(30) {
			r, err := sim.RunSeed(scenario, seed, world.Options{})
			require.NoError(t, err)
			if r.Verdict == world.Pass {
				continue
			}
			story := r.Summary("out/page.html")
			require.LessOrEqual(t, len(story), world.SummaryLines)
			require.Contains(t, story[1], r.ReplayCommand())
			require.Contains(t, story[2], r.Failures[0].Property)
			require.Contains(t, story[len(story)-1], "out/page.html")
			break
		}
	}
}
