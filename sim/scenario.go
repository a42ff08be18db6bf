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

// RunPlan runs a plan, whether it was drawn or loaded.
func RunPlan(plan *plan.Plan, o world.Options) (world.Result, error) {
	r, _, err := RunHistory(plan, o)
	return r, err
}

// RunHistory runs a plan and returns also the history that clients and the observer
// recorded. The history is nil if the run has no brokers.
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

// Record runs a plan twice. It returns the second run with the recording of it that a page
// is made of.
func Record(plan *plan.Plan, o recording.Options) (world.Result, *recording.Recording, error) {
	run := func(more world.Options) (world.Result, error) { return RunPlan(plan, more) }
	return recording.Record(plan, run, o)
}

// ReportPlan runs a plan and writes the page about the run to a file.
func ReportPlan(plan *plan.Plan, o recording.Options, file string) (world.Result, error) {
	result, recording, err := Record(plan, o)
	result.Replay = o.Replay
	if err == nil {
		err = recording.WriteReport(&result, file)
	}
	return result, err
}
