package world

import (
	"time"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/sim/plan"
)

// operatorFaults are what operators do to a cluster, and what happens to all of its machines at
// once.
var operatorFaults = map[string]faultBegin{
	"clean-stop": func(w *World, t target, f *plan.Fault) func() {
		t.node.stopCleanly(time.Duration(f.Amount)*time.Millisecond, nil)
		return func() {
			t.node.End(Killed) // the fault is over: it does not wait for the clean stop
			t.node.Start()
		}
	},
	"rolling-restart": rollingRestart,
	"rack-power-off":  rackPowerOff,
}

// drainPatience is how long a rolling restart waits for a clean stop.
const drainPatience = 5 * time.Second

// stopCleanly asks the process to hand its leaderships over and to end. After its patience it kills
// the process. It calls ended, if not nil, when the process is gone.
func (n *Node) stopCleanly(patience time.Duration, ended func()) {
	w, asked := n.world, n.incarnation
	gone := func() {
		if ended != nil {
			ended()
			ended = nil
		}
	}
	if !n.up {
		gone()
		return
	}
	end := func() {
		if n.incarnation == asked {
			n.End(Killed)
		}
		gone()
	}
	if s, ok := w.subject.(Correspondent); ok {
		n.drained = end
		n.Ask(loop.Control, s.Drain())
	}
	w.After(max(patience, time.Millisecond), "operator's patience", end)
}

// leaveSoon ends a process that is drained, after its current turn.
func (n *Node) leaveSoon() {
	if end := n.drained; end != nil {
		n.drained = nil
		n.world.After(0, "drained process ends", end)
	}
}

// rollingRestart restarts one node after the other, in the order of the plan.
func rollingRestart(w *World, t target, f *plan.Fault) func() {
	r := w.faultRandom(f)
	over, span := false, -1
	var next func(i int)
	next = func(i int) {
		if over || i == len(t.nodes) {
			return
		}
		n := t.nodes[i]
		span = w.spanBegins(f.Kind, n, nil)
		stopped := func() {
			w.After(drawSpan(r, 20*time.Millisecond, 500*time.Millisecond), "operator starts",
				func() {
					if over {
						// A clean stop can outlast the healing, which starts only the nodes that
						// are down.
						if w.healed {
							n.Start()
						}
						return
					}
					n.Start()
					w.spanEnds(span, w.Now())
					w.After(time.Duration(f.Amount)*time.Millisecond, "operator goes on",
						func() { next(i + 1) })
				})
		}
		if r.Chance(1, 2) {
			n.stopCleanly(drainPatience, stopped)
			return
		}
		n.End(Killed)
		stopped()
	}
	next(0)
	return func() {
		if over = true; span >= 0 && w.past[span].To > w.Now() {
			w.spanEnds(span, w.Now())
		}
		startAll(t)
	}
}

func rackPowerOff(w *World, t target, f *plan.Fault) func() {
	r := w.faultRandom(f)
	spans := make([]int, len(t.nodes))
	for i, n := range t.nodes {
		spans[i] = w.spanBegins(f.Kind, n, nil)
		n.End(PowerLost)
	}
	return func() {
		for i, n := range t.nodes {
			if w.healed {
				w.spanEnds(spans[i], w.Now())
				n.Start()
				continue
			}
			w.After(drawSpan(r, 0, time.Duration(f.Amount)*time.Millisecond), "machine boots",
				func() {
					w.spanEnds(spans[i], w.Now())
					n.Start()
				})
		}
	}
}

func startAll(t target) {
	for _, n := range t.nodes {
		n.Start()
	}
}
