package pool

import (
	"context"
	"sync"
)

// A Canary runs each seed under several settings, in a fresh process each time,
// and compares the runs: hash by hash, and by what they reached. Determinism
// rots unseen otherwise: a map that is ranged over, a clock that is read.
type DeterminismCheck struct {
	Settings []Setting // the first is what the others are compared with
	Workers  int       // runs at a time
}

// Setting is one way to run a seed, which must not matter.
type Setting struct {
	Name string
	Pool
}

// DefaultSettings vary the scheduler and the collector of the Go runtime. The
// bound on memory keeps runs without a collector from taking all there is; it
// does not collect below.
func DefaultSettings() []Setting {
	return []Setting{
		{"GOMAXPROCS=1", Pool{Env: []string{"GOMAXPROCS=1"}}},
		{"GOMAXPROCS=2", Pool{Env: []string{"GOMAXPROCS=2"}}},
		{"GOGC=10", Pool{Env: []string{"GOGC=10", "GOMAXPROCS=2"}}},
		{"GOGC=off", Pool{Env: []string{"GOGC=off", "GOMEMLIMIT=2GiB"}}},
	}
}

// Run compares the runs of every job. report, if not nil, hears of each job, one
// at a time; its divergence is nil if all settings agree. Once ctx is done no
// more is begun.
func (c *DeterminismCheck) Run(ctx context.Context, jobs []Job,
	report func(Job, *Divergence)) (found []*Divergence) {
	var mu sync.Mutex
	next := 0
	var wg sync.WaitGroup
	for range max(c.Workers, 1) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(jobs) || ctx.Err() != nil {
					return
				}
				d := c.check(ctx, jobs[i])
				mu.Lock()
				if ctx.Err() == nil {
					if d != nil {
						found = append(found, d)
					}
					if report != nil {
						report(jobs[i], d)
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return found
}

// check compares one job's runs, up to the first that differs.
func (c *DeterminismCheck) check(ctx context.Context, job Job) *Divergence {
	base := c.Settings[0]
	first := base.fresh(ctx, job)
	for _, s := range c.Settings[1:] {
		if ctx.Err() != nil {
			return nil
		}
		other := s.fresh(ctx, job)
		d := compareRuns(job, &first.Result, &other.Result, func(job Job) (JobResult, JobResult) {
			return base.fresh(ctx, job), s.fresh(ctx, job)
		})
		if d != nil {
			d.SettingA, d.SettingB = base.Name, s.Name
			return d
		}
	}
	return nil
}

// fresh runs a job in a process of its own.
func (c Pool) fresh(ctx context.Context, job Job) (out JobResult) {
	c.Workers = 1
	done := false
	c.Stream(ctx, func() (Job, bool) {
		more := !done
		done = true
		return job, more
	}, func(_ Job, r JobResult) { out = r })
	return out
}
