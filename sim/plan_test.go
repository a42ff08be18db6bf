package sim

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlansReadBackAsTheyPrint(t *testing.T) {
	for _, s := range Scenarios() {
		for seed := range uint64(50) {
			plan, err := NewPlan(s.Name, seed)
			require.NoError(t, err)
			again, err := LoadPlan([]byte(plan.String()))
			require.NoError(t, err, "%s", plan)
			require.Equal(t, plan.String(), again.String())

			text, err := json.Marshal(plan)
			require.NoError(t, err)
			var back Plan
			require.NoError(t, json.Unmarshal(text, &back))
			require.Equal(t, plan.String(), back.String())
		}
	}
}

func TestPlansAreDrawnFromTheSeedAlone(t *testing.T) {
	a, err := NewPlan("toy", 7)
	require.NoError(t, err)
	b, err := NewPlan("toy", 7)
	require.NoError(t, err)
	require.Equal(t, a, b)
	c, err := NewPlan("toy", 8)
	require.NoError(t, err)
	require.NotEqual(t, a.String(), c.String())
}

func TestImpossiblePlansAreRefused(t *testing.T) {
	for name, break_ := range map[string]func(*Plan){
		"version":       func(p *Plan) { p.Version++ },
		"no nodes":      func(p *Plan) { p.Nodes = nil },
		"twin nodes":    func(p *Plan) { p.Nodes[1].Name = p.Nodes[0].Name },
		"name":          func(p *Plan) { p.Nodes[0].Name = "a-b" },
		"stopped clock": func(p *Plan) { p.Nodes[0].DriftPpm = -1_000_000 },
		"fault":         func(p *Plan) { p.Faults = []Fault{{Kind: "gremlin", Target: "n1"}} },
		"anchor":        func(p *Plan) { p.Faults = []Fault{{After: "leader #0", Kind: "kill", Target: "n1"}} },
		"no mailbox":    func(p *Plan) { p.Limits.Mailbox = 0 },
	} {
		plan, err := NewPlan("toy", 1)
		require.NoError(t, err)
		break_(plan)
		require.Error(t, plan.Validate(), name)
	}
	_, err := LoadPlan([]byte("name: toy\nfualts: []\n"))
	require.ErrorContains(t, err, "fualts")
}

// Producers that do not wait for replicas are drawn where tight windows keep up with them.
func TestProducersWaitForReplicasBehindSlowWindows(t *testing.T) {
	for seed, waits := range map[uint64]bool{311929: true, 1185: false} {
		plan, err := NewPlan("frozen-node", seed)
		require.NoError(t, err)
		require.EqualValues(t, 1, plan.Workload.Options.Tight.Or(0))
		require.Equal(t, waits, plan.Workload.Options.AcksAll.Or(0) == 1)
	}
}
