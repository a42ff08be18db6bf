package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// With all rare choices on, the brokers take each of them in some run, and every run
// passes.
func TestEveryRareChoiceIsTaken(t *testing.T) {
	taken := map[string]bool{}
	// Some choices exist only under some workloads, for example with idempotent producers.
	const worlds = 16
	for seed := uint64(1); seed <= worlds && len(taken) < len(rare.All()); seed++ {
		often := []uint64{2, 10, 3}[seed%3]
		p, err := sim.NewPlan("rare", seed)
		require.NoError(t, err)
		p.Faults = []plan.Fault{{At: 3 * plan.Second, Kind: "kill", Target: "b1",
			For: plan.Second / 2}}
		for name := range p.Rare {
			p.Rare[name] = often
		}
		w, err := world.New(p, kafka.New(p), world.Options{})
		require.NoError(t, err)
		r := w.Run()
		require.Equal(t, world.Pass, r.Verdict, "%s", r.Report())
		for _, n := range w.Nodes() {
			for _, l := range n.Loops() {
				note := func(name string, _ uint64) { taken[name] = true }
				switch l := l.(type) {
				case *node.Control:
					l.Rare().Taken(note)
				case *shard.Shard:
					l.Rare().Taken(note)
				}
			}
		}
		w.Close()
	}
	for _, name := range rare.All() {
		require.True(t, taken[name], "%s was never chosen", name)
	}
}
