package scenario

import (
	"fmt"
	"slices"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// Scenario is a named way to draw a plan from a seed, and the subject that
// gives the plan its meaning.
type Scenario struct {
	Name  string
	About string
	// Draw draws the plan; name, seed and version are filled in by NewPlan.
	Draw func(seed uint64, r *env.Rand) plan.Plan
	New  func(plan *plan.Plan) world.Subject
	// Planted marks scenarios that must fail: they test the tester and belong to
	// no default set.
	Planted bool
	// Share is how many seeds of a campaign the scenario is dealt in each round;
	// 0 is 1.
	Share int
}

// All lists everything that a seed can be run with.
func All() []Scenario {
	return slices.Concat(brokerScenarios, StoryScenarios(), plantedScenarios, toyScenarios)
}

// OfBrokers lists what a campaign deals its seeds to: every scenario of
// the real broker.
func OfBrokers() []Scenario {
	return slices.DeleteFunc(slices.Concat(brokerScenarios, StoryScenarios()),
		func(s Scenario) bool { return s.Planted })
}

// Find finds a scenario by name.
func Find(name string) (Scenario, error) {
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
	}
	return Scenario{}, fmt.Errorf("sim: no scenario %q", name)
}

// NewPlan draws the plan of (scenario, seed).
func NewPlan(name string, seed uint64) (*plan.Plan, error) {
	s, err := Find(name)
	if err != nil {
		return nil, err
	}
	p := s.Draw(seed, env.NewRand(env.Key(seed, "plan", name)))
	p.Version, p.Scenario, p.Seed = plan.Version, name, seed
	if p.Description == "" {
		p.Description = s.About
	}
	return &p, nil
}
