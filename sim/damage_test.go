package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/checker"
	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// lostWritePlan has one broker. For a second its disk reports writes as done that it drops,
// and in that second the broker loses power. The WAL is so large that no checkpoint is written
// before: a checkpoint would tell the broker where the WAL had ended, so it would find the loss
// and not lead. There are no members of groups, so all partitions are those of the load.
func lostWritePlan(t *testing.T) *plan.Plan {
	p, err := sim.NewPlan("unbudgeted", 1)
	require.NoError(t, err)
	calm, err := sim.NewPlan("steady", 1)
	require.NoError(t, err)
	p.Nodes, p.Workload, p.Limits, p.Network, p.Disk = nil, calm.Workload, calm.Limits,
		calm.Network, plan.Disk{}
	p.Workload.Clients = 0
	for _, n := range calm.Nodes {
		switch {
		case n.Role == "member" || n.Role == "broker" && n.Name != "b1":
			continue
		case n.Role != "broker":
			p.Workload.Clients++
		}
		n.Shards = min(n.Shards, 1)
		p.Nodes = append(p.Nodes, n)
	}
	p.Duration, p.Rare = 10*plan.Second, nil
	o := &p.Workload.Options
	o.RF, o.MinISR, o.MinAcks = plan.Set(1), plan.Set(1), plan.Set(1)
	o.WALSegmentBytes = plan.Set(16 << 20)
	o.Groups, o.OffsetsPartitions = plan.Option{}, plan.Option{}
	p.Faults = []plan.Fault{
		{At: 5900 * plan.Millisecond, Kind: "lose-write", Target: "b1", For: plan.Second,
			Amount: 1000, Path: "shard-1/"},
		{At: 6 * plan.Second, Kind: "power-off", Target: "b1", For: plan.Second},
	}
	return p
}

func TestOnlyRecordedDamageExcusesALoss(t *testing.T) {
	p := lostWritePlan(t)
	r, h, err := sim.RunHistory(p, world.Options{})
	require.NoError(t, err)
	require.Equal(t, world.Pass, r.Verdict, "%v", r.Failures)
	require.Positive(t, r.Coverage.Excused["P1"], "did the broker find the loss?")
	require.NotEmpty(t, h.Damages)

	h.Damages = nil
	report := checker.Run(h)
	require.Equal(t, checker.Fail, report.Of("P1").Verdict)
	require.Equal(t, checker.LostWrite, report.Of("P1").Violations[0].Anomaly)

	p = lostWritePlan(t)
	p.Budget = ""
	r, err = sim.RunPlan(p, world.Options{})
	require.NoError(t, err)
	require.Equal(t, world.Fail, r.Verdict, "a run with another budget excuses nothing")
}

// A cluster that cannot come back may pass an unbudgeted run. Every other run fails.
func TestOnlyAnUnbudgetedRunNeedNotConverge(t *testing.T) {
	p := func(budget string) *plan.Plan {
		p := lostWritePlan(t)
		p.Budget = budget
		p.Faults = []plan.Fault{
			{At: 5 * plan.Second, Kind: "power-off", Target: "b1", For: plan.Second},
			{At: 5500 * plan.Millisecond, Kind: "bit-rot", Target: "b1", Amount: 8, Path: "format"},
		}
		return p
	}
	r, err := sim.RunPlan(p(plan.Unbudgeted), world.Options{})
	require.NoError(t, err)
	require.Equal(t, world.Pass, r.Verdict, "%v", r.Failures)
	r, err = sim.RunPlan(p(""), world.Options{})
	require.NoError(t, err)
	require.Equal(t, world.Fail, r.Verdict)
	require.Contains(t, r.Failures[0].Property, "everything pending ends")
}

// Damage of a file counts for each partition that had something in the file.
func TestDamageOfAFileConcernsThePartitionsInIt(t *testing.T) {
	p := lostWritePlan(t)
	p.Faults = []plan.Fault{
		{At: 5 * plan.Second, Kind: "bit-rot", Target: "b1", Amount: 1, Path: "shard-1/"},
		{At: 5 * plan.Second, Kind: "bit-rot", Target: "b1", Amount: 1, Path: "control/"},
		{At: 5 * plan.Second, Kind: "clock-drift", Target: "b1", Amount: -50_001},
	}
	_, h, err := sim.RunHistory(p, world.Options{})
	require.NoError(t, err)
	metadata, partitions := 0, map[checker.Partition]bool{}
	for _, d := range h.Damages {
		require.EqualValues(t, 1, d.Node)
		require.False(t, d.Hidden)
		if d.Metadata {
			metadata++
			continue
		}
		partitions[d.Partition] = true
	}
	require.Equal(t, 1, metadata)
	require.Len(t, partitions,
		int(p.Workload.Options.Topics.Or(0)*p.Workload.Options.Partitions.Or(0)))
	require.Len(t, h.Clocks, 1)
}
