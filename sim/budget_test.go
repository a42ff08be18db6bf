package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

func TestABudgetedPlanThatStrikesAMajorityAtOnceIsRefused(t *testing.T) {
	for seed := range uint64(100) {
		p, err := sim.NewPlan("budgeted", seed)
		require.NoError(t, err)
		require.NoError(t, p.Validate(), "seed %d", seed)
		require.NotEmpty(t, p.Faults)
		p.Faults = nil
		for _, n := range p.Brokers() {
			p.Faults = append(p.Faults, plan.Fault{At: 10 * plan.Second, Kind: "freeze",
				Target: n.Name, For: plan.Second})
		}
		require.ErrorContains(t, p.Validate(), "the budget is", "seed %d", seed)
	}
	p, err := sim.NewPlan("budgeted", 1)
	require.NoError(t, err)
	p.Budget = "generous"
	require.ErrorContains(t, p.Validate(), "generous")
}

// Before each spell every ISR must be full. A broker that is frozen outside the plan breaks
// this.
func TestUnreadyBrokersAreFoundBeforeTheNextSpell(t *testing.T) {
	p, err := sim.NewPlan("budgeted", 1)
	require.NoError(t, err)
	p.Nodes = append([]plan.NodeSpec(nil), p.Nodes...)
	p.Faults = []plan.Fault{
		{At: 9 * plan.Second, Kind: "freeze", Target: "b1", For: plan.Second},
		{At: 30 * plan.Second, Kind: "freeze", Target: "b1", For: plan.Second},
	}
	w, err := world.New(p, kafka.New(p), world.Options{})
	require.NoError(t, err)
	defer w.Close()
	w.After((29 * plan.Second).Std(), "unplanned", w.Node("b2").Freeze)
	w.After((25 * plan.Second).Std(), "unplanned", w.Node("b2").Freeze)
	r := w.Run()
	require.Equal(t, world.Fail, r.Verdict)
	require.Equal(t, property.ReadyBetweenSpells, r.Failures[0].Property)
}
