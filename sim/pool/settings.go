package pool

import (
	"context"
	"sync"
)

// DeterminismCheck runs each seed under several settings, in a fresh process each time.
// It compares the hashes of the traces and what the runs reached. Without it, code that
// ranges over a map or reads a clock would go unnoticed.
type DeterminismCheck struct {
	Settings []Setting // the others are compared with the first
	Workers  int       // processes
}

// Setting is one way to run a seed. It must not change the run.
type Setting struct {
	Name string
	Pool
}

// DefaultSettings vary the scheduler and the garbage collector of the Go runtime. With
// GOGC=off the collector runs only when the heap nears the memory limit, which keeps a
// run from taking all memory.
func DefaultSettings() []Setting {
	return []Setting{
		{"GOMAXPROCS=1", Pool{Env: []string{"GOMAXPROCS=1"}}},
		{"GOMAXPROCS=2", Pool{Env: []string{"GOMAXPROCS=2"}}},
		{"GOGC=10", Pool{Env: []string{"GOGC=10", "GOMAXPROCS=2"}}},
		{"GOGC=off", Pool{Env: []string{"GOGC=off", "GOMEMLIMIT=2GiB"}}},
	}
}

// Run compares the runs of every job. report, if not nil, is called for each job, one
// call at a time; the divergence is nil if all settings agree. Once ctx is done, no
// further job begins.
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

// check compares the runs of one job, up to the first that differs.
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

// fresh runs a job in a new process.
func (p Pool) fresh(ctx context.Context, job Job) (out JobResult) {
	p.Workers = 1
	done := false
	p.Stream(ctx, func() (Job, bool) {
		more := !done
		done = true
		return job, more
	}, func(_ Job, r JobResult) { out = r })
	return out
}
