package sim

import (
	"example.com/lockstep/checker"
)

// NewPlan draws the plan of (scenario, seed).
func NewPlan(name string, seed uint64) (*Plan, error) { return DrawPlan(name, seed) }

// RunSeed runs one world to its end in this process.
func RunSeed(scenario string, seed uint64, o Options) (Result, error) {
	plan, err := NewPlan(scenario, seed)
	if err != nil {
		return Result{}, err
	}
	return RunPlan(plan, o)
}

// RunPlan runs a plan, drawn or loaded.
func RunPlan(plan *Plan, o Options) (Result, error) {
	r, _, err := RunHistory(plan, o)
	return r, err
}

// RunHistory runs a plan and returns also what clients and observer have recorded;
// nil of a run without brokers.
func RunHistory(plan *Plan, o Options) (Result, *checker.History, error) {
	s, err := FindScenario(plan.Scenario)
	if err != nil {
		return Result{}, nil, err
	}
	subject := s.New(plan)
	w, err := NewWorld(plan, subject, o)
	if err != nil {
		return Result{}, nil, err
	}
	defer w.Close()
	r := w.Run()
	if s, ok := subject.(interface{ History() *checker.History }); ok {
		return r, s.History(), nil
	}
	return r, nil, nil
}

// Record runs a plan twice and records the second run.
func Record(plan *Plan, o RecordOptions) (Result, *Recording, error) {
	return RecordRuns(plan, func(more Options) (Result, error) { return RunPlan(plan, more) }, o)
}

// ReportPlan runs a plan for the page about it.
func ReportPlan(plan *Plan, o RecordOptions, file string) (Result, error) {
	result, recording, err := Record(plan, o)
	result.Replay = o.Replay
	if err == nil {
		err = recording.WriteReport(&result, file)
	}
	return result, err
}
