package sim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// storyOf runs a seed and returns its result and what it told on the way.
func storyOf(t *testing.T, scenario string, seed uint64) (Result, []Milestone) {
	var story []Milestone
	r, err := RunSeed(scenario, seed, Options{Milestones: func(m Milestone) { story = append(story, m) }})
	require.NoError(t, err)
	return r, story
}

func TestMilestonesTellTheStoryInOrder(t *testing.T) {
	r, story := storyOf(t, "frozen-leader", 1)
	require.Equal(t, Pass, r.Verdict, "%s", r.Report())
	require.Empty(t, r.Milestones, "a run that passed carries none")
	seen := map[MilestoneKind]int{}
	for i, m := range story {
		seen[m.Kind]++
		require.True(t, m.Key == string(m.Kind) || strings.HasPrefix(m.Key, string(m.Kind)+" "), "%v", m)
		if i > 0 {
			require.GreaterOrEqual(t, m.At, story[i-1].At)
			require.GreaterOrEqual(t, m.Event, story[i-1].Event)
		}
	}
	for _, kind := range []MilestoneKind{
		NodeBegan, FaultOn, FaultOff, ControllerBegan, LeaderBegan, ISRChanged, BrokerFenced, BrokerUnfenced, TopicCreated, FaultsOver,
	} {
		require.Positive(t, seen[kind], "no %q in %v", kind, story)
	}
	frozen := story[indexOfMilestone(story, FaultOn)]
	require.Equal(t, "fault 1 freeze "+frozen.Node, frozen.Key, "the target is the node it resolved to")
	require.Contains(t, frozen.Text, "is @leader")
}

func TestAFailedRunCarriesItsMilestones(t *testing.T) {
	r, story := storyOf(t, "toy-panic", 1)
	require.Equal(t, Fail, r.Verdict)
	require.Equal(t, story, r.Milestones)
	require.Positive(t, indexOfMilestone(story, PropertyViolated))
}

func indexOfMilestone(story []Milestone, kind MilestoneKind) int {
	for i, m := range story {
		if m.Kind == kind {
			return i
		}
	}
	return -1
}

func TestAStoryHasTwentyLines(t *testing.T) {
	for _, scenario := range []string{"planted-stale-end", "toy-early-ack", "toy-lost-wakeup", "toy-stop"} {
		for seed := range uint64(30) {
			r, err := RunSeed(scenario, seed, Options{})
			require.NoError(t, err)
			if r.Verdict == Pass {
				continue
			}
			story := r.Story("out/page.html")
			require.LessOrEqual(t, len(story), storyLines)
			require.Contains(t, story[1], r.replayCommand())
			require.Contains(t, story[2], r.Failures[0].Property)
			require.Contains(t, story[len(story)-1], "out/page.html")
			break
		}
	}
}
