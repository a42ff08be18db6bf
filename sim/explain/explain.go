package explain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/world"
)

// Options say how a failing run is explained.
type Options struct {
	// Workers run the futures. Their program must have the bug.
	Workers pool.Pool
	// Futures is how many futures each point gets; 0 means 12.
	Futures int
	// Points is how many points are tried before the search; 0 means 10.
	Points int
	// Budget is the real time after which the search ends; 0: no bound.
	Budget time.Duration
	// At, if set, is the only event that is tried.
	At *uint64
	// Say, if set, is called for each point that was tried.
	Say func(Point)
}

// Point says how the futures of one event of the run ended.
type Point struct {
	Event uint64
	world.ForkPoint
	Nearest string // the key of the last milestone before it
	Fail    int    // futures that failed as the run did
	Other   int    // futures that failed in another way
	Futures int
}

// Certain reports whether nearly all futures fail.
func (p *Point) Certain() bool { return p.Fail*10 >= p.Futures*9 }

func (p Point) String() string {
	text := fmt.Sprintf("%9d %14s %5.0f %%  %s", p.Event, p.At,
		100*float64(p.Fail)/float64(max(p.Futures, 1)), p.Nearest)
	if p.Other > 0 {
		text += fmt.Sprintf(" (%d of %d fail in another way)", p.Other, p.Futures)
	}
	return text
}

// Explanation says where a run became certain to fail.
type Explanation struct {
	Result world.Result // of the run
	Points []Point      // in order of events
	// Before is the last point at which the failure was not certain; nil if it was
	// certain from the beginning. From is the first point at which it was certain; nil
	// if only one point was tried. Both were tried with more futures than the others.
	Before, From *Point
	Exact        bool // no event lies between them
	Milestones   []world.Milestone
	Records      []string // of the trace, around From
}

// ErrPasses says that the run passes, so there is nothing to explain.
var ErrPasses = errors.New("explain: the run does not fail")

// Explain explains how a plan fails.
func Explain(ctx context.Context, plan *plan.Plan, o Options) (*Explanation, error) {
	if o.Futures == 0 {
		o.Futures = 12
	}
	if o.Points == 0 {
		o.Points = 10
	}
	e := &explaining{ctx: ctx, options: o, plan: plan}
	if o.Budget > 0 {
		e.deadline = time.Now().Add(o.Budget)
	}
	base := e.run(e.job())[0]
	if base.Result.Verdict == world.Pass {
		return nil, ErrPasses
	}
	e.base, e.milestones = base.Result, base.Milestones
	out := &Explanation{Result: base.Result}
	if o.At != nil {
		p, err := e.try(*o.At)
		if err != nil {
			return nil, err
		}
		out.Points = []Point{p}
		return out, e.surround(out, p)
	}
	for _, event := range e.choose() {
		p, err := e.try(event)
		if err != nil {
			return nil, err
		}
		out.Points = append(out.Points, p)
	}
	return out, e.search(out)
}

// explaining is the state of one call of Explain.
type explaining struct {
	ctx        context.Context
	options    Options
	deadline   time.Time
	plan       *plan.Plan
	base       world.Result // of the run that is explained
	milestones []world.Milestone
}

func (e *explaining) spent() bool { return !e.deadline.IsZero() && time.Now().After(e.deadline) }

func (e *explaining) job() pool.Job {
	return pool.Job{Scenario: e.plan.Scenario, Seed: e.plan.Seed, Plan: e.plan, Milestones: true}
}

func (e *explaining) run(jobs ...pool.Job) []pool.JobResult {
	return e.options.Workers.Run(jobs, nil)
}

// choose picks the events to try first: the beginning, and milestones before the failure,
// evenly.
func (e *explaining) choose() []uint64 {
	events := []uint64{0}
	for _, m := range e.milestones {
		if m.Kind == plan.PropertyViolated || m.Event >= e.base.Events {
			break // no event comes after it
		}
		if m.Event > events[len(events)-1] {
			events = append(events, m.Event)
		}
	}
	n := min(e.options.Points, len(events))
	var chosen []uint64
	for i := range n {
		chosen = append(chosen, events[i*(len(events)-1)/max(n-1, 1)])
	}
	return chosen
}

// try runs the futures of one event. Up to the event each must equal the run. One more
// run passes the event without a fork; it must equal the run to the end.
func (e *explaining) try(event uint64) (Point, error) {
	jobs := make([]pool.Job, e.options.Futures+1)
	for i := range jobs {
		jobs[i] = e.job()
		jobs[i].Milestones = false
		jobs[i].Fork = &world.Fork{Event: event, Key: uint64(i)}
	}
	results := e.run(jobs...)
	if err := context.Cause(e.ctx); err != nil {
		return Point{}, err
	}
	same := results[0].Result
	if same.Line() == e.base.Line() && same.Forked == nil {
		return Point{}, fmt.Errorf("explain: the run is over before event %d: it has %d", event,
			e.base.Events)
	}
	if same.Line() != e.base.Line() {
		return Point{}, fmt.Errorf("explain: the run that was observed after event %d "+
			"differs:\n%s\n%s", event, e.base.Line(), same.Line())
	}
	p := Point{Event: event, ForkPoint: *same.Forked, Nearest: e.nearest(event),
		Futures: e.options.Futures}
	for i := range results[1:] {
		r := &results[1+i].Result
		switch {
		case r.Forked == nil || *r.Forked != p.ForkPoint:
			return Point{}, fmt.Errorf("explain: future %d of event %d differs before it: %v, "+
				"want %v", i+1, event, r.Forked, p.ForkPoint)
		case r.FailsWith(e.base.Fingerprint):
			p.Fail++
		case r.Verdict == world.Fail:
			p.Other++
		}
	}
	if e.options.Say != nil {
		e.options.Say(p)
	}
	return p, nil
}

// nearest is the last milestone up to an event.
func (e *explaining) nearest(event uint64) string {
	key := "the beginning"
	for _, m := range e.milestones {
		if m.Event > event {
			break
		}
		key = m.Key
	}
	return key
}

// search bisects between the last point at which the failure is not certain and the next
// point. At the end of the run it is certain.
func (e *explaining) search(out *Explanation) error {
	last := -1
	for i := range out.Points {
		if !out.Points[i].Certain() {
			last = i
		}
	}
	if last < 0 {
		out.From, out.Exact = &out.Points[0], true
		return e.surround(out, out.Points[0])
	}
	before := out.Points[last]
	var from Point
	if last+1 < len(out.Points) {
		from = out.Points[last+1]
	} else {
		from = e.failure()
		out.Points = append(out.Points, from)
	}
	for from.Event-before.Event > 1 && !e.spent() {
		p, err := e.try(before.Event + (from.Event-before.Event)/2)
		if err != nil {
			return err
		}
		out.Points = append(out.Points, p)
		if p.Certain() {
			from = p
		} else {
			before = p
		}
	}
	slices.SortFunc(out.Points,
		func(a, b Point) int { return int(int64(a.Event) - int64(b.Event)) })
	out.Exact = from.Event-before.Event <= 1
	// A key chooses a future, so these are the same futures and more.
	e.options.Futures *= surer
	var err error
	if before, err = e.try(before.Event); err != nil {
		return err
	}
	if from.Event < e.base.Events {
		if from, err = e.try(from.Event); err != nil {
			return err
		}
	}
	out.Before, out.From = &before, &from
	return e.surround(out, from)
}

// surer is how many times as many futures both sides of the point of no return get.
const surer = 4

// failure is the end of the run. There it has failed, and so have all its futures.
func (e *explaining) failure() Point {
	end := world.ForkPoint{At: e.base.Virtual, Trace: e.base.Trace, Records: e.base.Records}
	return Point{Event: e.base.Events, ForkPoint: end, Nearest: e.nearest(e.base.Events),
		Fail: e.options.Futures, Futures: e.options.Futures}
}

const (
	nearbyMilestones = 4  // shown on each side
	nearbyRecords    = 10 // shown on each side
)

// surround adds the milestones and the trace records around a point.
func (e *explaining) surround(out *Explanation, p Point) error {
	at := 0
	for at < len(e.milestones) && e.milestones[at].Event <= p.Event {
		at++
	}
	first, end := max(0, at-nearbyMilestones), min(len(e.milestones), at+nearbyMilestones)
	out.Milestones = e.milestones[first:end]
	job := e.job()
	job.TextFrom, job.TextUpTo = p.Records-min(p.Records, nearbyRecords), p.Records+nearbyRecords
	text := e.run(job)[0]
	if text.Result.Line() != e.base.Line() {
		return fmt.Errorf("explain: two runs of one plan differ:\n%s\n%s", e.base.Line(),
			text.Result.Line())
	}
	out.Records = text.Text
	return nil
}

func (e *Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", e.Result.Line(), e.Result.Fingerprint)
	fmt.Fprintf(&b, "%9s %14s %7s  after\n", "event", "time", "fails")
	for _, p := range e.Points {
		fmt.Fprintf(&b, "%s\n", p)
	}
	for _, m := range e.Milestones {
		fmt.Fprintf(&b, "  %s\n", m)
	}
	for _, line := range e.Records {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	switch {
	case e.From == nil:
		fmt.Fprintf(&b, "around event %d:\n", e.Points[0].Event)
	case e.Before == nil:
		fmt.Fprintf(&b, "the failure is certain from the beginning: the plan causes it\n")
	case !e.From.Certain() || e.Before.Certain():
		fmt.Fprintf(&b, "no event decided: after event %d at %s %d of %d futures fail, after "+
			"event %d at %s %d of %d\n",
			e.Before.Event, e.Before.At, e.Before.Fail, e.Before.Futures, e.From.Event, e.From.At,
			e.From.Fail, e.From.Futures)
	case e.Exact:
		fmt.Fprintf(&b, "the point of no return is event %d at %s: before it %d of %d futures "+
			"fail, after it %d of %d\n",
			e.From.Event, e.From.At, e.Before.Fail, e.Before.Futures, e.From.Fail, e.From.Futures)
	default:
		fmt.Fprintf(&b, "the point of no return lies between event %d at %s (%d of %d futures "+
			"fail) and event %d at %s (%d of %d)\n",
			e.Before.Event, e.Before.At, e.Before.Fail, e.Before.Futures, e.From.Event, e.From.At,
			e.From.Fail, e.From.Futures)
	}
	return b.String()
}
