package shrink

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// TestMain makes the test binary a worker when it is started as one.
func TestMain(m *testing.M) {
	pool.ServeIfWorker()
	os.Exit(m.Run())
}

// failing finds the first seed of a scenario that fails with faults in its plan.
func failing(t *testing.T, scenario string) *plan.Plan {
	for seed := range uint64(40) {
		plan, err := sim.NewPlan(scenario, seed)
		require.NoError(t, err)
		if r, err := sim.RunPlan(plan, world.Options{}); err == nil && r.Verdict == world.Fail &&
			len(plan.Faults) > 2 {
			return plan
		}
	}
	t.Fatalf("no seed of %s fails", scenario)
	return nil
}

func shrinkWith(t *testing.T, plan *plan.Plan, workers int) *Outcome {
	o, err := Shrink(context.Background(), plan,
		Options{Workers: pool.Pool{Workers: workers, Timeout: time.Minute}, Say: t.Logf})
	require.NoError(t, err)
	return o
}

func TestAFailingPlanShrinksToWhatItNeeds(t *testing.T) {
	plan := failing(t, "toy-early-ack")
	before := plan.String()
	o := shrinkWith(t, plan, 2)
	require.Equal(t, before, plan.String(), "the given plan does not change")
	require.True(t, o.Complete)
	require.Less(t, o.After.Total()*2, o.Before.Total())

	first, err := sim.RunPlan(plan, world.Options{})
	require.NoError(t, err)
	again, err := scenario.LoadReproduction([]byte((&scenario.Reproduction{Plan: o.Plan}).String()))
	require.NoError(t, err)
	r, err := sim.RunPlan(again.Plan, world.Options{})
	require.NoError(t, err)
	require.True(t, r.FailsWith(first.Fingerprint), "%s", r.Report())
	require.Equal(t, o.Result.Line(), r.Line(), "the plan in a file gives the same run")

	require.Equal(t, int64(2), o.Plan.Workload.Options.Bug.Or(0),
		"without the planted bug the plan would pass")
	for i := range o.Plan.Faults {
		less := withFaultsOnly(o.Plan, "", func(k int) bool { return k != i })
		r, err := sim.RunPlan(less.plan, world.Options{})
		require.NoError(t, err)
		require.False(t, r.FailsWith(first.Fingerprint), "fault %d can be left out", i+1)
	}
}

func TestTheOutcomeDoesNotDependOnTheWorkers(t *testing.T) {
	p := failing(t, "toy-lost-wakeup")
	p.Liveness = plan.Duration(5 * time.Second)
	require.Equal(t, shrinkWith(t, p, 1).Plan.String(), shrinkWith(t, p, 3).Plan.String())
}

func TestAPlanThatPassesIsNotShrunk(t *testing.T) {
	plan, err := sim.NewPlan("toy", 1)
	require.NoError(t, err)
	_, err = Shrink(context.Background(), plan, Options{})
	require.ErrorIs(t, err, ErrPasses)
}

func TestWhenTheBudgetEndsTheSmallestPlanSoFarIsTheOutcome(t *testing.T) {
	plan := failing(t, "toy-early-ack")
	o, err := Shrink(context.Background(), plan, Options{Budget: time.Nanosecond})
	require.NoError(t, err)
	require.False(t, o.Complete)
	require.Equal(t, plan.String(), o.Plan.String())
}

func clusterPlan(t *testing.T) *plan.Plan {
	p, err := sim.NewPlan("mix", 2)
	require.NoError(t, err)
	p.Nodes = []plan.NodeSpec{
		{Name: "b1", Role: "broker", Shards: 2},
		{Name: "b2", Role: "broker", Shards: 1, DriftPpm: 5},
		{Name: "b3", Role: "broker", Shards: 1},
		{Name: "producer1", Role: "producer"}, {Name: "admin1", Role: "admin"},
	}
	p.Duration = plan.Duration(20 * time.Second)
	p.Workload.Options.RF, p.Workload.Options.MinISR = plan.Set(3), plan.Set(2)
	p.Faults = []plan.Fault{
		{At: 4000 * msec, Kind: "kill", Target: "b2", For: 500 * msec},
		{At: 9000 * msec, Kind: "cut", Target: "@leader-with-b3", For: 500 * msec},
		{At: 9000 * msec, Kind: "cut", Target: "b1-b2", For: 500 * msec},
	}
	return p
}

func TestAMachineLeavesWithItsFaults(t *testing.T) {
	p := clusterPlan(t)
	dropNodes(p, "b3")
	require.Len(t, p.Nodes, 4)
	require.Equal(t, []string{"b2", "b1-b2"}, []string{p.Faults[0].Target, p.Faults[1].Target})
	require.Len(t, p.Faults, 2)
	require.Equal(t, int64(2), p.Workload.Options.RF.Or(0))
	dropNodes(p, "b2")
	require.Empty(t, p.Faults)
	require.Equal(t, int64(1), p.Workload.Options.RF.Or(0))
	require.Equal(t, int64(1), p.Workload.Options.MinISR.Or(0))
	require.Equal(t, 2, p.Workload.Clients)
}

func TestEveryKnobCanBeCalmed(t *testing.T) {
	for _, scenario := range []string{"mix", "clock", "disk", "toy"} {
		for seed := range uint64(20) {
			p, err := sim.NewPlan(scenario, seed)
			require.NoError(t, err)
			knobs := Knobs(p)
			require.NotEmpty(t, knobs)
			require.Equal(t, len(knobs), SizeOf(p).Knobs)
			for _, k := range knobs {
				q := clone(p)
				k.Calm(q)
				require.Len(t, Knobs(q), len(knobs)-1, "%s is calm", k.Name)
				require.NoError(t, q.Validate())
			}
			for i := len(knobs) - 1; i >= 0; i-- {
				knobs[i].Calm(p)
			}
			require.Empty(t, Knobs(p))
		}
	}
}

// whats are the names of the candidates.
func whats(all []candidate) (out []string) {
	for _, c := range all {
		out = append(out, c.what)
	}
	return out
}

func TestNodesAreReplacedByTheirRoles(t *testing.T) {
	p := clusterPlan(t)
	milestones := []world.Milestone{
		{At: 1000 * msec, Kind: plan.ControllerBegan, Node: "b1", Key: "controller b1 term 2"},
		{At: 2000 * msec, Kind: plan.LeaderBegan, Node: "b2", Key: "leader t0/0 b2 epoch 0"},
		{At: 3000 * msec, Kind: plan.LeaderBegan, Node: "b3", Key: "leader t0/1 b3 epoch 0"},
		{At: 4000 * msec, Kind: plan.FaultOn, Node: "b2", Key: "fault 1 kill b2"},
		{At: 5000 * msec, Kind: plan.LeaderBegan, Node: "b1", Key: "leader t0/0 b1 epoch 1"},
		{At: 9000 * msec, Kind: plan.FaultOn, Node: "b1", Key: "fault 2 cut b1-b3"},
		{At: 9000 * msec, Kind: plan.FaultOn, Node: "b1", Key: "fault 3 cut b1-b2"},
	}
	require.Equal(t, []string{"fault 1 kill at @leader"}, whats(targetPass(p, milestones)))

	anchored := anchorPass(p, milestones)
	require.Equal(t, []string{
		"fault 1 kill after leader t0/1", "fault 1 kill after leader t0/0",
		"fault 2 cut after leader t0/0 #2", "fault 2 cut after leader t0/1",
		"fault 3 cut after leader t0/0 #2", "fault 3 cut after leader t0/1",
	}, whats(anchored))
	q := anchored[2].plan
	for _, f := range q.Faults[1:] {
		require.Equal(t, "leader t0/0 #2", f.After)
		require.Equal(t, 4000*msec, f.At)
		require.Equal(t, 14000*msec, f.By)
	}
	require.Empty(t, q.Faults[0].After)
	require.NoError(t, q.Validate())
	require.Len(t, anchorPass(q, milestones), 2, "anchored faults keep their anchors")

	p.Nodes = slices.Delete(p.Nodes, 1, 3)
	p.Faults = p.Faults[:2]
	require.Equal(t, []string{"fault 1 kill at b2", "fault 2 cut at b1-b3"},
		append([]string{"fault 1 kill at b2"}, whats(targetPass(p, milestones))...),
		"with one broker the name says more than the role")
}

func TestFaultsMoveTogetherAndWeaken(t *testing.T) {
	p := clusterPlan(t)
	earlier := earlierPass(p)
	for _, c := range earlier {
		require.Equal(t, c.plan.Faults[1].At, c.plan.Faults[2].At)
		require.Less(t, c.plan.Faults[0].At, c.plan.Faults[1].At)
		require.Less(t, c.plan.Faults[1].At, p.Faults[1].At)
		require.Zero(t, c.plan.Faults[1].At%(10*msec))
	}
	require.Len(t, earlier, 6)
	weaker := whats(weakerPass(p))
	require.Contains(t, weaker, "fault 3 cut: one way")
	require.NotContains(t, weaker, "fault 2 cut: one way", "a role has no direction")
	require.Contains(t, weaker, "fault 1 kill: clean-stop")
	for from, to := range map[string]string{"7.894352s": "7.8s", "372.4ms": "370ms",
		"84.4ms": "84ms", "8.5ms": "8ms", "3h40m17s": "3h40m0s", "72.3s": "1m12s"} {
		d, err := time.ParseDuration(from)
		require.NoError(t, err)
		require.Equal(t, to, readable(plan.Duration(d)).String())
	}
}

func TestBudgetedPlansStayWithinTheirBudget(t *testing.T) {
	for seed := range uint64(10) {
		p, err := sim.NewPlan("budgeted", seed)
		require.NoError(t, err)
		milestones := []world.Milestone{{At: 0, Kind: plan.ControllerBegan, Node: "b1",
			Key: "controller b1 term 2"}}
		for i, f := range p.Faults {
			milestones = append(milestones, world.Milestone{At: f.At, Kind: plan.FaultOn,
				Key: fmt.Sprintf("fault %d %s %s", i+1, f.Kind, f.Target)})
		}
		require.Empty(t, targetPass(p, milestones))
		require.Empty(t, anchorPass(p, milestones))
		for _, k := range Knobs(p) {
			require.NotEqual(t, "budget", k.Name)
		}
		p.Faults[0].After = "controller"
		require.ErrorContains(t, p.Validate(), "budgeted plan")
	}
}
