package world

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
)

// anchored is a fault that waits for its milestone.
type anchored struct {
	plan.Anchor
	seen  int    // milestones that matched
	begin func() // nil: the fault is scheduled, or has begun
}

// scheduleFault schedules a fault, or lets it wait for its milestone. If the milestone has not come
// by the fault's bound, the fault begins at the bound, so that a commit that never reaches the
// milestone still meets the fault.
func (w *World) scheduleFault(i int) {
	f := &w.plan.Faults[i]
	if f.After == "" {
		w.sched.At(env.Instant(f.At), "fault", func() { w.beginFault(i) })
		return
	}
	anchor, err := plan.ParseAnchor(f.After)
	if err != nil {
		panic(err) // the plan was validated
	}
	a := &anchored{Anchor: anchor}
	a.begin = func() {
		a.begin = nil
		w.After(f.At.Std(), "fault", func() { w.beginFault(i) })
	}
	w.anchors = append(w.anchors, a)
	by := f.By
	if by == 0 {
		by = w.plan.Duration / 10 * 9
	}
	w.sched.At(env.Instant(by), "fault by its bound", func() {
		if a.begin != nil {
			a.begin = nil
			w.beginFault(i)
		}
	})
}

// passAnchors schedules the faults that waited for a milestone with this key.
func (w *World) passAnchors(key string) {
	for _, a := range w.anchors {
		if a.begin != nil && a.Matches(key) {
			if a.seen++; a.seen == a.Nth {
				a.begin()
			}
		}
	}
}
