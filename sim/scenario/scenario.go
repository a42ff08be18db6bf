package scenario

import (
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// Scenario is a named way to draw a plan from a seed, and the subject that
// gives the plan its meaning.
type Scenario struct {
	Name  string
	About string
	// Draw draws the plan. NewPlan fills in name, seed and version, and About as the
	// description if there is none.
	Draw func(seed uint64, r *env.Rand) plan.Plan
	New  func(plan *plan.Plan) world.Subject
	// Planted marks scenarios that must fail. They test the simulator and belong to no
	// default set.
	Planted bool
	// Share is how many seeds of the scenario a campaign runs in each round; 0 means 1.
	Share int
}

// All lists every scenario.
func All() []Scenario {
	return slices.Concat(brokerScenarios, StoryScenarios(), plantedScenarios, toyScenarios)
}

// OfBrokers lists every scenario of the real broker that must pass. Campaigns run these.
func OfBrokers() []Scenario {
	return slices.DeleteFunc(slices.Concat(brokerScenarios, StoryScenarios()),
		func(s Scenario) bool { return s.Planted })
}

// Find finds a scenario by its name.
func Find(name string) (Scenario, error) {
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
	}
	return Scenario{}, fmt.Errorf("sim: no scenario %q; there are: %s", name,
		strings.Join(Names(), " "))
}

// Names are the names of all scenarios.
func Names() (names []string) {
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
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
