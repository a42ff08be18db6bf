package recording

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

const (
	// recordSlices is the largest number of time slices of a run.
	recordSlices = 1 << 14
	// recordSliceMin is the least length of a slice: events that belong together should
	// fall into one slice.
	recordSliceMin = 2 * env.Instant(time.Millisecond)
	// DefaultDetail is how many turns a recording keeps; their flows come on top. A page
	// with that many turns has a few megabytes.
	DefaultDetail = 40_000
)

// Options say how a run is recorded for its page.
type Options struct {
	Turns int `json:"turns,omitempty"` // kept at most; 0: DefaultDetail
	// instants that matter, besides those of the failure
	Focus []plan.Duration `json:"focus,omitempty"`
	// Replay is what Result.Replay will say.
	Replay string `json:"replay,omitempty"`
}

// Record runs a plan twice: first to learn which turns must be kept in detail, then to keep
// them. It compares the results, which must be equal.
func Record(plan *plan.Plan, run func(world.Options) (world.Result, error),
	o Options) (world.Result, *Recording, error) {
	longest := env.Instant(plan.Duration + plan.Liveness).Add(10 * time.Second)
	slice := max(longest/recordSlices, recordSliceMin)
	survey := newRecording(slice, nil)
	first, err := run(world.Options{Recorder: survey})
	if err != nil {
		return first, nil, err
	}
	turns := o.Turns
	if turns == 0 {
		turns = DefaultDetail
	}
	recording := newRecording(slice, survey.choose(turns, append(survey.focus(&first), o.Focus...)))
	second, err := run(world.Options{Recorder: recording})
	if err == nil && !first.Equal(&second) {
		err = fmt.Errorf("sim: two runs of one plan differ: %s and %s", first.Line(), second.Line())
	}
	return second, recording, err
}

// focus lists the instants that matter most for what went wrong.
func (r *Recording) focus(result *world.Result) []plan.Duration {
	var at []plan.Duration
	moment := func(m checker.Moment) {
		if m.At >= 0 && m.At <= r.virtual() {
			at = append(at, plan.Duration(m.At))
		}
	}
	for _, v := range r.Violations {
		for _, line := range v.Evidence {
			moment(line.At)
		}
		for _, op := range r.operationsOf(v) {
			moment(op.call)
			moment(op.ret)
		}
	}
	if s := result.Stall; s != nil && len(s.Chains) > 0 {
		for _, step := range s.Chains[0].Steps {
			if step.Since != nil {
				at = append(at, *step.Since)
			} else if last := r.lastTurn(step.Where); last > 0 &&
				last < s.At-plan.Duration(time.Second) {
				at = append(at, last)
			}
		}
	}
	// The time of a verdict at the end of a run, or of a bound that ran out, does not say
	// when it went wrong.
	for _, f := range result.Failures {
		if len(at) == 0 || f.Stack != "" {
			at = append(at, min(f.At, r.lastActivity()))
		}
	}
	return at
}

// lastActivity is about when any loop had its last turn.
func (r *Recording) lastActivity() plan.Duration {
	last := 0
	for _, l := range r.lanes {
		last = max(last, len(l.busy))
	}
	return plan.Duration(env.Instant(last) * r.slice)
}

// lastTurn is about when a loop had its last turn. The loop is named as in "b1/2". 0: it
// had no turn, or there is no such loop.
func (r *Recording) lastTurn(where string) plan.Duration {
	for _, l := range r.lanes {
		if n := len(l.busy); n > 0 && r.laneName(r.laneOf[l.key]) == where {
			return plan.Duration(env.Instant(n) * r.slice)
		}
	}
	return 0
}

// choose selects the slices nearest to the given instants, as many as have this number of
// turns together.
func (r *Recording) choose(turns int, focus []plan.Duration) []bool {
	var count []int // turns by slice
	for _, l := range r.lanes {
		for i, s := range l.busy {
			for len(count) <= i {
				count = append(count, 0)
			}
			count[i] += int(s.turns)
		}
	}
	centres := make([]int, 0, len(focus)+1)
	for _, f := range focus {
		centres = append(centres, r.sliceAt(env.Instant(f)))
	}
	if len(centres) == 0 {
		centres = append(centres, len(count)-1)
	}
	distance := make([]int, len(count))
	order := make([]int, len(count))
	for i := range count {
		order[i], distance[i] = i, len(count)
		for _, c := range centres {
			d := c - i
			if d < 0 {
				d = 3 * -d // what led to it matters more than what followed
			}
			distance[i] = min(distance[i], d)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(distance[a], distance[b])
	})
	detail := make([]bool, len(count))
	for _, i := range order {
		if turns -= count[i]; turns < 0 {
			break
		}
		detail[i] = true
	}
	return detail
}
