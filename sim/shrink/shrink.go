package shrink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/world"
)

// Options say how a plan is shrunk.
type Options struct {
	// Workers run the candidates. Their program must have the bug.
	Workers pool.Pool
	// Control, if set, runs each candidate that fails in a program without the bug. If
	// it fails there, too, it is not taken: no broker would pass it.
	Control *pool.Pool
	// Budget bounds the real time. When it is spent, the smallest plan so far is the
	// outcome. 0: no bound.
	Budget time.Duration
	// Say, if set, is called for each step that made the plan smaller.
	Say func(format string, args ...any)
}

// Outcome is a shrunk plan and how it fails.
type Outcome struct {
	Plan          *plan.Plan
	Result        world.Result // of the shrunk plan
	Before, After Size
	Runs          int
	Complete      bool // no single step makes it smaller; false: the budget was spent
}

// ErrPasses says that the plan does not fail, so there is nothing to shrink.
var ErrPasses = errors.New("shrink: the plan does not fail")

// ErrFailsAnyway says that the plan also fails in Options.Control.
var ErrFailsAnyway = errors.New("shrink: the plan fails without the bug, too")

// candidate is a plan that is one step smaller, or simpler.
type candidate struct {
	what string
	plan *plan.Plan
}

// change makes a candidate: a changed copy of the plan.
func change(p *plan.Plan, what string, change func(*plan.Plan)) candidate {
	q := clone(p)
	change(q)
	return candidate{what, q}
}

// clone copies a plan as deeply as workers do: they get it as JSON.
func clone(p *plan.Plan) *plan.Plan {
	text, err := json.Marshal(p)
	q := &plan.Plan{}
	if err == nil {
		err = json.Unmarshal(text, q)
	}
	if err != nil {
		panic("shrink: copy a plan as JSON: " + err.Error())
	}
	return q
}

// Shrink makes a failing plan smaller. It returns ErrPasses or ErrFailsAnyway if the plan
// is not one to shrink, and an error if two runs of the outcome differ.
func Shrink(ctx context.Context, plan *plan.Plan, o Options) (*Outcome, error) {
	s := &search{ctx: ctx, options: o, known: map[string]bool{}}
	if o.Budget > 0 {
		s.deadline = time.Now().Add(o.Budget)
	}
	first := s.run([]candidate{{"", clone(plan)}})[0]
	if first.Verdict == world.Pass {
		return nil, ErrPasses
	}
	if !s.passesWithout(candidate{plan: plan}) {
		return nil, ErrFailsAnyway
	}
	s.fingerprint = first.Fingerprint
	s.plan, s.result = clone(plan), first
	s.say("%s: size %s", s.fingerprint, SizeOf(plan))
	s.rounds()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	again := s.run([]candidate{{"", s.plan}})[0]
	if again.Line() != s.result.Line() {
		return nil, fmt.Errorf("shrink: two runs of one plan differ:\n%s\n%s", s.result.Line(),
			again.Line())
	}
	return &Outcome{
		Plan: s.plan, Result: s.result, Before: SizeOf(plan), After: SizeOf(s.plan), Runs: s.runs,
		Complete: !s.spent(),
	}, nil
}

// search is the state of one call of Shrink.
type search struct {
	ctx         context.Context
	options     Options
	deadline    time.Time // zero: none
	fingerprint string
	plan        *plan.Plan
	result      world.Result    // of plan
	known       map[string]bool // plans that do not fail as the original did
	runs        int
}

func (s *search) say(format string, args ...any) {
	if s.options.Say != nil {
		s.options.Say(format, args...)
	}
}

func (s *search) spent() bool {
	return s.ctx.Err() != nil || !s.deadline.IsZero() && time.Now().After(s.deadline)
}

// rounds runs the passes in order, again and again, until a whole round changes nothing.
// Targets and anchors come last: they do not make a plan smaller.
func (s *search) rounds() {
	passes := []func(*plan.Plan) []candidate{
		s.cutPass, fewerPass, calmPass, clientPass, loadPass, brokerPass, weakerPass, earlierPass,
		s.cutPass,
	}
	for changed := true; changed && !s.spent(); {
		changed = false
		for _, pass := range passes {
			changed = s.exhaust(pass) || changed
		}
	}
	s.exhaust(func(p *plan.Plan) []candidate { return targetPass(p, s.result.Milestones) })
	s.exhaust(func(p *plan.Plan) []candidate { return anchorPass(p, s.result.Milestones) })
}

// exhaust takes steps of one pass until no candidate fails as the original did. A step
// that did not help is tried again only in the next round: otherwise a plan of n values
// would need n² runs.
func (s *search) exhaust(pass func(*plan.Plan) []candidate) (changed bool) {
	failed := map[string]bool{}
	for !s.spent() {
		if !s.step(pass(s.plan), failed) {
			return changed
		}
		changed = true
	}
	return changed
}

// step takes the first candidate that fails as the original did. It adds the names of
// the others that it ran to failed.
func (s *search) step(all []candidate, failed map[string]bool) bool {
	var fresh []candidate
	for _, c := range all {
		if !failed[c.what] && !s.known[c.plan.String()] && c.plan.Validate() == nil {
			fresh = append(fresh, c)
		}
	}
	for len(fresh) > 0 && !s.spent() {
		n := min(max(s.options.Workers.Workers, 1), len(fresh))
		for i, r := range s.run(fresh[:n]) {
			if r.FailsWith(s.fingerprint) && s.passesWithout(fresh[i]) {
				s.plan, s.result = fresh[i].plan, r
				s.say("%s: size %s", fresh[i].what, SizeOf(s.plan))
				return true
			}
			s.known[fresh[i].plan.String()], failed[fresh[i].what] = true, true
		}
		fresh = fresh[n:]
	}
	return false
}

// passesWithout reports whether a candidate passes without the bug.
func (s *search) passesWithout(c candidate) bool {
	if s.options.Control == nil {
		return true
	}
	s.runs++
	return s.options.Control.Run([]pool.Job{job(c)}, nil)[0].Result.Verdict == world.Pass
}

func job(c candidate) pool.Job {
	return pool.Job{Scenario: c.plan.Scenario, Seed: c.plan.Seed, Plan: c.plan}
}

func (s *search) run(some []candidate) []world.Result {
	var jobs []pool.Job
	for _, c := range some {
		jobs = append(jobs, job(c))
	}
	s.runs += len(jobs)
	results := make([]world.Result, len(jobs))
	for i, r := range s.options.Workers.Run(jobs, nil) {
		results[i] = r.Result
	}
	return results
}

// cutPass ends the safety phase earlier, but after the last fault has begun: just after
// the failure, at fractions of the phase, or just after that fault.
func (s *search) cutPass(p *plan.Plan) (out []candidate) {
	last := plan.Duration(0)
	for _, f := range p.Faults {
		last = max(last, f.At, f.By)
	}
	cut := func(to plan.Duration) {
		to = to - to%(100*msec) + 100*msec
		if to > last && to < p.Duration {
			out = append(out, change(p, "cut to "+to.String(),
				func(p *plan.Plan) { p.Duration = to }))
		}
	}
	if at := s.result.Failures[0].At; at > 0 && at < p.Duration {
		cut(at)
	}
	for _, eighths := range []plan.Duration{1, 2, 4, 6, 7} {
		cut(p.Duration * eighths / 8)
	}
	if last > 0 {
		cut(last + 100*msec)
	}
	return out
}
