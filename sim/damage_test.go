package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/checker"
)

// forgetfulPlan has one broker, whose disk says that it wrote what it did not, and
// loses power.
func forgetfulPlan(t *testing.T) *Plan {
	p, err := NewPlan("unbudgeted", 1)
	require.NoError(t, err)
	calm, err := NewPlan("steady", 1)
	require.NoError(t, err)
	p.Nodes, p.Workload, p.Limits, p.Network, p.Disk = nil, calm.Workload, calm.Limits, calm.Network, Disk{}
	for _, n := range calm.Nodes {
		if n.Role != "broker" || n.Name == "b1" {
			n.Shards = min(n.Shards, 1)
			p.Nodes = append(p.Nodes, n)
		}
	}
	p.Duration, p.Rare = 10*sec, nil
	o := &p.Workload.Options
	o.RF, o.MinISR, o.MinAcks = Set(1), Set(1), Set(1)
	p.Faults = []Fault{
		{At: 5900 * msec, Kind: "lose-write", Target: "b1", For: sec, Amount: 1000, Path: "shard-1/"},
		{At: 6 * sec, Kind: "power-off", Target: "b1", For: sec},
	}
	return p
}

func TestALossIsExcusedByWhatIsRecordedOnly(t *testing.T) {
	p := forgetfulPlan(t)
	r, h, err := RunHistory(p, Options{})
	require.NoError(t, err)
	require.Equal(t, Pass, r.Verdict, "%v", r.Failures)
	require.Positive(t, r.Coverage.Excused["P1"])
	require.NotEmpty(t, h.Damages)

	h.Damages = nil
	report := checker.Run(h)
	require.Equal(t, checker.Fail, report.Of("P1").Verdict)
	require.Equal(t, checker.LostWrite, report.Of("P1").Violations[0].Anomaly)

	p = forgetfulPlan(t)
	p.Budget = ""
	r, err = RunPlan(p, Options{})
	require.NoError(t, err)
	require.Equal(t, Fail, r.Verdict, "in no other run is anything excused")
}

// A cluster that can't come back fails no unbudgeted run, and any other.
func TestAnUnbudgetedRunNeedNotConverge(t *testing.T) {
	plan := func(budget string) *Plan {
		p := forgetfulPlan(t)
		p.Budget = budget
		p.Faults = []Fault{
			{At: 5 * sec, Kind: "power-off", Target: "b1", For: sec},
			{At: 5500 * msec, Kind: "bit-rot", Target: "b1", Amount: 8, Path: "format"},
		}
		return p
	}
	r, err := RunPlan(plan(Unbudgeted), Options{})
	require.NoError(t, err)
	require.Equal(t, Pass, r.Verdict, "%v", r.Failures)
	r, err = RunPlan(plan(""), Options{})
	require.NoError(t, err)
	require.Equal(t, Fail, r.Verdict)
	require.Contains(t, r.Failures[0].Property, "everything pending ends")
}

// What a disk damages concerns who had something in that file.
func TestDamageConcernsThosePartitionsWhoseFileItIs(t *testing.T) {
	p := forgetfulPlan(t)
	p.Faults = []Fault{
		{At: 5 * sec, Kind: "bit-rot", Target: "b1", Amount: 1, Path: "shard-1/"},
		{At: 5 * sec, Kind: "bit-rot", Target: "b1", Amount: 1, Path: "control/"},
		{At: 5 * sec, Kind: "clock-drift", Target: "b1", Amount: -50_001},
	}
	_, h, err := RunHistory(p, Options{})
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
	require.Len(t, partitions, int(p.Workload.Options.Topics.Or(0)*p.Workload.Options.Partitions.Or(0)))
	require.Len(t, h.Clocks, 1)
}
