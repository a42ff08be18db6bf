package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABudgetedPlanStrikesAMinorityAtATime(t *testing.T) {
	for seed := range uint64(100) {
		p, err := NewPlan("budgeted", seed)
		require.NoError(t, err)
		require.NoError(t, p.Validate(), "seed %d", seed)
		require.NotEmpty(t, p.Faults)
		p.Faults = nil
		for _, n := range p.brokerSpecs() {
			p.Faults = append(p.Faults, Fault{At: 10 * sec, Kind: "freeze", Target: n.Name, For: sec})
		}
		require.ErrorContains(t, p.Validate(), "the budget is", "seed %d", seed)
	}
	p, err := NewPlan("budgeted", 1)
	require.NoError(t, err)
	p.Budget = "generous"
	require.ErrorContains(t, p.Validate(), "generous")
}

// A node that does not come back before the next spell breaks the promise that
// ISRs are full by then.
func TestUnreadyBrokersAreFoundBeforeTheNextSpell(t *testing.T) {
	p, err := NewPlan("budgeted", 1)
	require.NoError(t, err)
	p.Nodes = append([]NodeSpec(nil), p.Nodes...)
	p.Faults = []Fault{
		{At: 9 * sec, Kind: "freeze", Target: "b1", For: sec},
		{At: 30 * sec, Kind: "freeze", Target: "b1", For: sec},
	}
	w, err := NewWorld(p, newCluster(p), Options{})
	require.NoError(t, err)
	defer w.Close()
	w.After((29 * sec).Std(), "unplanned", w.Node("b2").Freeze)
	w.After((25 * sec).Std(), "unplanned", w.Node("b2").Freeze)
	r := w.Run()
	require.Equal(t, Fail, r.Verdict)
	require.Equal(t, PropertyReadyBetweenSpells, r.Failures[0].Property)
}
