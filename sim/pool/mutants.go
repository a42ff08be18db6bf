package pool

import (
	"fmt"
	"path"
	"strings"
	"time"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim/world"
)

// MutantRun is the result of the hunt for a planted bug.
type MutantRun struct {
	Mutant mutants.Mutant
	// Caught says that a run broke a property that the bug should break. Seeds is the
	// number of runs that it took. The seeds of each scenario begin at 1.
	Caught   bool
	Scenario string
	Seed     uint64
	Seeds    int
	Failure  world.Failure
	Stall    *world.Stall  // of the run that caught the bug, if something waited too long
	Virtual  time.Duration // of all runs with the bug
	Wall     time.Duration
	// Strange are runs with the bug that failed for another reason than expected.
	Strange []world.Result
	// Alarms are runs of the same seeds that failed without the bug.
	Alarms []world.Result
}

// Hunt runs the scenarios of a planted bug until a run fails as expected, or each has
// had its budget of seeds (0: as many as the bug's file says). Then it runs the same
// seeds without the bug; all of them must pass. The workers of hunt are a program
// with planted bugs, those of clean are a program without.
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

// runFor runs each job once. For a bug that makes two runs of one seed differ, it also
// compares two more runs of the job.
func (p *Pool) runFor(m mutants.Mutant, jobs []Job) []JobResult {
	if !m.Twice {
		return p.Run(jobs, nil)
	}
	var results []JobResult
	for _, job := range jobs {
		r := p.Run([]Job{job}, nil)[0]
		if d := CheckDeterminism(job, *p, *p); d != nil {
			r.Result.Verdict = world.Fail
			r.Result.Failures = append(r.Result.Failures, world.Failure{
				Property: mutants.TwoRunsDiffer, Where: d.State.Where, Detail: d.String(),
			})
		}
		results = append(results, r)
	}
	return results
}

// ReplayMutant is the command that runs a seed with a planted bug, after it has written the
// overlay. It switches vet off: go vet would look for a package of the overlay that has no
// directory.
func ReplayMutant(bug, scenario string, seed uint64) string {
	return fmt.Sprintf("bin/lockstep mutants overlay && "+
		"%s=%s go test -vet=off -overlay %s ./sim -v -seed=%d -scenario=%s",
		mutants.Variable, bug, path.Join(mutants.Dir, mutants.Overlay), seed, scenario)
}

// take counts one run with the bug, and judges how it failed.
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
	for _, caught := range m.Caught {
		property, detail, _ := strings.Cut(caught, " | ")
		named := f.Property == property || strings.HasPrefix(f.Property, property+": ")
		if named && strings.HasPrefix(f.Detail, detail) {
			return true
		}
	}
	return false
}
