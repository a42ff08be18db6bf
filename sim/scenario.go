package sim

import (
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/recording"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// NewPlan draws the plan of (scenario, seed).
func NewPlan(name string, seed uint64) (*plan.Plan, error) { return scenario.NewPlan(name, seed) }

// RunSeed runs one world to its end in this process.
func RunSeed(scenario string, seed uint64, o world.Options) (world.Result, error) {
	plan, err := NewPlan(scenario, seed)
	if err != nil {
		return world.Result{}, err
	}
	return RunPlan(plan, o)
}

// RunPlan runs a plan, drawn or loaded.
func RunPlan(plan *plan.Plan, o world.Options) (world.Result, error) {
	r, _, err := RunHistory(plan, o)
	return r, err
}

// RunHistory runs a plan and returns also what clients and observer have recorded;
// nil of a run without brokers.
func RunHistory(plan *plan.Plan, o world.Options) (world.Result, *checker.History, error) {
	s, err := scenario.Find(plan.Scenario)
	if err != nil {
		return world.Result{}, nil, err
	}
	subject := s.New(plan)
	w, err := world.New(plan, subject, o)
	if err != nil {
		return world.Result{}, nil, err
	}
	defer w.Close()
	r := w.Run()
	if s, ok := subject.(interface{ History() *checker.History }); ok {
		return r, s.History(), nil
	}
	return r, nil, nil
}

// Record runs a plan twice and records the second run.
func Record(plan *plan.Plan, o recording.Options) (world.Result, *recording.Recording, error) {
	return recording.Record(plan, func(more world.Options) (world.Result,
		error) {
		return RunPlan(plan, more)
	}, o)
}

// ReportPlan runs a plan for the page about it.
func ReportPlan(plan *plan.Plan, o recording.Options, file string) (world.Result, error) {
	result, recording, err := Record(plan, o)
	result.Replay = o.Replay
	if err == nil {
		err = recording.WriteReport(&result, file)
	}
	return result, err
}
