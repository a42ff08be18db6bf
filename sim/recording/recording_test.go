package recording

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// runOf makes the function with which Record runs a plan.
func runOf(plan *plan.Plan) func(world.Options) (world.Result, error) {
	return func(o world.Options) (world.Result, error) {
		s, err := scenario.Find(plan.Scenario)
		if err != nil {
			return world.Result{}, err
		}
		w, err := world.New(plan, s.New(plan), o)
		if err != nil {
			return world.Result{}, err
		}
		defer w.Close()
		return w.Run(), nil
	}
}

// A recording observes the run and changes nothing, whether it keeps detail or not.
func TestARecordingDoesNotChangeTheRun(t *testing.T) {
	for _, name := range []string{"toy", "churn", "planted-stale-end"} {
		plan, err := scenario.NewPlan(name, 1)
		require.NoError(t, err)
		plain, err := runOf(plan)(world.Options{})
		require.NoError(t, err)
		recorded, recording, err := Record(plan, runOf(plan), Options{})
		require.NoError(t, err)
		require.True(t, plain.Equal(&recorded), "%s\n%s", plain.Line(), recorded.Line())
		require.NotEmpty(t, recording.turns)
		require.NotEmpty(t, recording.flows)
	}
}

// A recording keeps no more turns than allowed, and those nearest to what matters.
func TestARecordingKeepsTheTurnsThatShowTheFailure(t *testing.T) {
	plan, err := scenario.NewPlan("planted-stale-end", 1)
	require.NoError(t, err)
	_, recording, err := Record(plan, runOf(plan), Options{Turns: 500})
	require.NoError(t, err)
	require.NotEmpty(t, recording.turns)
	require.LessOrEqual(t, len(recording.turns), 500)
	require.NotEmpty(t, recording.Violations)
	for _, op := range recording.operationsOf(recording.Violations[0]) {
		if op.kind == "end" {
			require.True(t, recording.keeps(env.Instant(op.call.At)),
				"the operation that shows the failure is in detail")
		}
	}
}

// The chain of an operation begins with its request and ends with its answer. No flow of it
// leaves before the flow in front of it.
func TestChainsLeadFromRequestToAnswer(t *testing.T) {
	plan, err := scenario.NewPlan("planted-stale-end", 1)
	require.NoError(t, err)
	_, r, err := Record(plan, runOf(plan), Options{})
	require.NoError(t, err)
	graph := newFlowGraph(r)
	longest, complete := 0, 0
	for _, op := range operations(r.History, false) {
		c := graph.request(op.request)
		if c.partial || op.ret.At < 0 || len(c.hops) < 2 || len(c.stuck) > 0 {
			continue
		}
		complete++
		first, last := r.flows[c.hops[0].flow-1], r.flows[c.hops[len(c.hops)-1].flow-1]
		require.Equal(t, uint32(op.request)+1, first.request, op.text)
		require.False(t, first.response)
		require.Equal(t, uint32(op.request)+1, last.request, op.text)
		require.True(t, last.response)
		before := first.sent
		for _, h := range c.hops {
			if h.flow != 0 {
				f := r.flows[h.flow-1]
				require.GreaterOrEqual(t, f.sent, before, op.text)
				before = f.sent
			}
		}
		longest = max(longest, len(c.hops))
	}
	require.Greater(t, complete, 300)
	require.Greater(t, longest, 5, "an acknowledged produce passes disks and followers")
}
