package sim

import (
	"fmt"
	"slices"

	"example.com/lockstep/broker/env"
)

// Scenario is a named way to draw a plan from a seed, and the subject that
// gives the plan its meaning.
type Scenario struct {
	Name  string
	About string
	// Draw draws the plan; name, seed and version are filled in by NewPlan.
	Draw func(seed uint64, r *env.Rand) Plan
	New  func(plan *Plan) Subject
	// Planted marks scenarios that must fail: they test the tester and belong to
	// no default set.
	Planted bool
	// Share is how many seeds of a campaign the scenario is dealt in each round;
	// 0 is 1.
	Share int
}

// Scenarios lists everything that a seed can be run with.
func Scenarios() []Scenario {
	return slices.Concat(clusterScenarios, storyScenarios(), plantedScenarios, toyScenarios)
}

// CampaignScenarios lists what a campaign deals its seeds to: every scenario of
// the real broker.
func CampaignScenarios() []Scenario {
	return slices.DeleteFunc(slices.Concat(clusterScenarios, storyScenarios()), func(s Scenario) bool { return s.Planted })
}

// FindScenario finds a scenario by name.
func FindScenario(name string) (Scenario, error) {
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, nil
		}
	}
	return Scenario{}, fmt.Errorf("sim: no scenario %q", name)
}

// DrawPlan draws the plan of (scenario, seed).
func DrawPlan(name string, seed uint64) (*Plan, error) {
	s, err := FindScenario(name)
	if err != nil {
		return nil, err
	}
	plan := s.Draw(seed, env.NewRand(env.Key(seed, "plan", name)))
	plan.Version, plan.Scenario, plan.Seed = PlanVersion, name, seed
	if plan.Description == "" {
		plan.Description = s.About
	}
	return &plan, nil
}
