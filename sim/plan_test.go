package sim_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/scenario"
)

// Ten seeds of each scenario suffice: together the scenarios draw every field of a plan.
func TestPlansReadBackAsTheyPrint(t *testing.T) {
	for _, s := range scenario.All() {
		for seed := range uint64(10) {
			p, err := sim.NewPlan(s.Name, seed)
			require.NoError(t, err)
			again, err := plan.Load([]byte(p.String()))
			require.NoError(t, err, "%s", p)
			require.Equal(t, p.String(), again.String())

			text, err := json.Marshal(p)
			require.NoError(t, err)
			var back plan.Plan
			require.NoError(t, json.Unmarshal(text, &back))
			require.Equal(t, p.String(), back.String())
		}
	}
}

func TestPlansAreDrawnFromTheSeedAlone(t *testing.T) {
	a, err := sim.NewPlan("toy", 7)
	require.NoError(t, err)
	b, err := sim.NewPlan("toy", 7)
	require.NoError(t, err)
	require.Equal(t, a, b)
	c, err := sim.NewPlan("toy", 8)
	require.NoError(t, err)
	require.NotEqual(t, a.String(), c.String())
}

func TestImpossiblePlansAreRefused(t *testing.T) {
	for name, damage := range map[string]func(*plan.Plan){
		"version":       func(p *plan.Plan) { p.Version++ },
		"no nodes":      func(p *plan.Plan) { p.Nodes = nil },
		"twin nodes":    func(p *plan.Plan) { p.Nodes[1].Name = p.Nodes[0].Name },
		"name":          func(p *plan.Plan) { p.Nodes[0].Name = "a-b" },
		"stopped clock": func(p *plan.Plan) { p.Nodes[0].DriftPpm = -1_000_000 },
		"fault": func(p *plan.Plan) {
			p.Faults = []plan.Fault{{Kind: "gremlin",
				Target: "n1"}}
		},
		"anchor": func(p *plan.Plan) {
			p.Faults = []plan.Fault{{After: "leader #0",
				Kind: "kill", Target: "n1"}}
		},
		"no mailbox": func(p *plan.Plan) { p.Limits.Mailbox = 0 },
	} {
		plan, err := sim.NewPlan("toy", 1)
		require.NoError(t, err)
		damage(plan)
		require.Error(t, plan.Validate(), name)
	}
	_, err := plan.Load([]byte("name: toy\nfualts: []\n"))
	require.ErrorContains(t, err, "fualts")
}

// Tight windows may be slower than the load. Then frozen-node draws only producers that
// wait for all replicas.
func TestProducersWaitForReplicasIfWindowsAreSlowerThanTheLoad(t *testing.T) {
	for seed, waits := range map[uint64]bool{311929: true, 1185: false} {
		plan, err := sim.NewPlan("frozen-node", seed)
		require.NoError(t, err)
		require.EqualValues(t, 1, plan.Workload.Options.Tight.Or(0))
		require.Equal(t, waits, plan.Workload.Options.AcksAll.Or(0) == 1)
	}
}
