package pool

import (
	"fmt"
	"path"
	"strings"
	"time"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim/world"
)

// MutantRun is how a planted bug fared.
type MutantRun struct {
	Mutant mutants.Mutant
	// Caught: a run failed by a property that the bug breaks; Seeds is the number
	// of seeds it took, in the order of the scenario's seeds from 1 on.
	Caught   bool
	Scenario string
	Seed     uint64
	Seeds    int
	Failure  world.Failure
	Stall    *world.Stall  // of the run that failed, if it explains one
	Virtual  time.Duration // of the runs up to there
	Wall     time.Duration
	// Strange are runs that failed for other reasons than expected.
	Strange []world.Result
	// Alarms are runs of the same seeds that failed without the bug.
	Alarms []world.Result
}

// Hunt runs the scenarios of a planted bug until a run fails as expected,
// or each has had its budget of seeds (0: the table's). The workers of hunt are a
// program with planted bugs, those of clean one without; then the same seeds are
// run without the bug, which must all pass.
func Hunt(m mutants.Mutant, budget int, hunt, clean Pool) MutantRun {
	if budget <= 0 {
		budget = m.Seeds
	}
	hunt.Env = append(append([]string(nil), hunt.Env...), mutants.Variable+"="+m.ID)
	run := MutantRun{Mutant: m}
	began := time.Now()
	var tried []Job
	for first := 1; first <= budget && !run.Caught; first += max(hunt.Workers, 1) {
		var jobs []Job
		for seed := first; seed < first+max(hunt.Workers, 1) && seed <= budget; seed++ {
			for _, scenario := range m.Scenarios {
				jobs = append(jobs, Job{Scenario: scenario, Seed: uint64(seed)})
			}
		}
		for i, r := range hunt.runFor(m, jobs) {
			run.take(jobs[i], r.Result)
			tried = append(tried, jobs[i])
			if run.Caught {
				break
			}
		}
	}
	run.Wall = time.Since(began)
	for _, r := range clean.runFor(m, tried) {
		if r.Result.Verdict != world.Pass {
			run.Alarms = append(run.Alarms, r.Result)
		}
	}
	return run
}

// runFor runs jobs as a bug wants: once, or twice if it shows in what differs.
func (c *Pool) runFor(m mutants.Mutant, jobs []Job) []JobResult {
	if !m.Twice {
		return c.Run(jobs, nil)
	}
	var results []JobResult
	for _, job := range jobs {
		r := c.Run([]Job{job}, nil)[0]
		if d := CheckDeterminism(job, *c, *c); d != nil {
			r.Result.Verdict = world.Fail
			r.Result.Failures = append(r.Result.Failures, world.Failure{
				Property: mutants.TwoRunsDiffer, Where: d.State.Where, Detail: d.String(),
			})
		}
		results = append(results, r)
	}
	return results
}

// ReplayMutant is the command that runs a seed with a planted bug.
func ReplayMutant(bug, scenario string, seed uint64) string {
	return fmt.Sprintf("%s=%s go test -overlay %s ./sim -v -seed=%d -scenario=%s",
		mutants.Variable, bug, path.Join(mutants.Dir, mutants.Overlay), seed, scenario)
}

// take judges one run with the bug.
func (run *MutantRun) take(job Job, r world.Result) {
	run.Seeds++
	run.Virtual += r.Virtual.Std()
	if r.Verdict == world.Pass {
		return
	}
	for _, f := range r.Failures {
		if expected(run.Mutant, f) {
			run.Caught, run.Scenario, run.Seed, run.Failure, run.Stall = true, job.Scenario,
				job.Seed, f, r.Stall
			return
		}
	}
	run.Strange = append(run.Strange, r)
}

// expected reports whether a failure is one that the bug should cause.
func expected(m mutants.Mutant, f world.Failure) bool {
	for _, start := range m.Caught {
		if property, detail, both := strings.Cut(start, " | "); strings.HasPrefix(f.Property,
			property) && (!both || strings.HasPrefix(f.Detail, detail)) {
			return true
		}
	}
	return false
}
