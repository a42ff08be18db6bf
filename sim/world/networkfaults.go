package world

import (
	"time"

	"example.com/lockstep/sim/plan"
)

// networkFaults are the faults of links and of hosts on the network.
var networkFaults = map[string]faultBegin{
	"cut": func(w *World, t target, _ *plan.Fault) func() {
		return w.eachWay(t, w.hardware.fabric.Block, w.hardware.fabric.Unblock, "cut")
	},
	"isolate": func(w *World, t target, _ *plan.Fault) func() {
		var mends []func()
		for _, peer := range w.nodes {
			if peer != t.node {
				both := target{node: t.node, peer: peer, twoWay: true}
				mends = append(mends, w.eachWay(both, w.hardware.fabric.Block,
					w.hardware.fabric.Unblock, "cut"))
			}
		}
		return func() {
			for _, mend := range mends {
				mend()
			}
		}
	},
	"stall-link": func(w *World, t target, _ *plan.Fault) func() {
		return w.eachWay(t, w.hardware.fabric.Stall, w.hardware.fabric.Unstall, "stall")
	},
	"slow-link": func(w *World, t target, f *plan.Fault) func() {
		slow := func(factor int) func(from, to string) {
			return func(from, to string) { w.hardware.fabric.Slow(from, to, factor) }
		}
		return w.eachWay(t, slow(int(max(f.Amount, 1))), slow(1), "slow")
	},
	"flap": flap,
	"limit-link": func(w *World, t target, f *plan.Fault) func() {
		limit := func(bandwidth int64) func(from, to string) {
			return func(from, to string) { w.hardware.fabric.Limit(from, to, bandwidth) }
		}
		return w.eachWay(t, limit(max(f.Amount, 1)), limit(0), "limit")
	},
	"chop-link": func(w *World, t target, _ *plan.Fault) func() {
		chop := func(on bool) func(from, to string) {
			return func(from, to string) { w.hardware.fabric.Chop(from, to, on) }
		}
		return w.eachWay(t, chop(true), chop(false), "chop")
	},
	"spike-link": func(w *World, t target, f *plan.Fault) func() {
		spike := func(most time.Duration) func(from, to string) {
			return func(from, to string) { w.hardware.fabric.Spike(from, to, most) }
		}
		return w.eachWay(t, spike(time.Duration(f.Amount)*time.Millisecond), spike(0), "spike")
	},
	"half-open": func(w *World, t target, f *plan.Fault) func() {
		r := w.faultRandom(f)
		for _, end := range w.hardware.fabric.Conns(t.node.spec.Name) {
			if r.Chance(1, uint64(max(f.Amount, 1))) {
				w.hardware.fabric.HalfOpen(end)
			}
		}
		return nil
	},
	"sever": func(w *World, t target, _ *plan.Fault) func() {
		w.hardware.fabric.Sever(t.node.spec.Name, t.peer.spec.Name)
		return nil
	},
	"refuse": func(w *World, t target, _ *plan.Fault) func() {
		name := t.node.spec.Name
		return w.nested("refuse "+name,
			func() { w.hardware.fabric.Refuse(name, true) },
			func() { w.hardware.fabric.Refuse(name, false) })
	},
	"reset-connections": func(w *World, t target, _ *plan.Fault) func() {
		w.hardware.fabric.ResetAll(t.node.spec.Name)
		return nil
	},
}

// flap cuts and mends a link in turns.
func flap(w *World, t target, f *plan.Fault) func() {
	var mend func()
	over := false
	var turn func()
	turn = func() {
		if over {
			return
		}
		if mend == nil {
			mend = w.eachWay(t, w.hardware.fabric.Block, w.hardware.fabric.Unblock, "cut")
		} else {
			mend()
			mend = nil
		}
		w.After(max(time.Duration(f.Amount), 1)*time.Millisecond, "link flaps", turn)
	}
	turn()
	return func() {
		if over = true; mend != nil {
			mend()
		}
	}
}

// eachWay applies a fault to one direction of a link, or to both.
func (w *World) eachWay(t target, begin, end func(from, to string), kind string) (mend func()) {
	a, b := t.node.spec.Name, t.peer.spec.Name
	there := w.nested(kind+" "+a+">"+b, func() { begin(a, b) }, func() { end(a, b) })
	if !t.twoWay {
		return there
	}
	back := w.nested(kind+" "+b+">"+a, func() { begin(b, a) }, func() { end(b, a) })
	return func() { there(); back() }
}

// nested makes overlapping faults of one victim last until the last of them ends.
func (w *World) nested(victim string, begin, end func()) (mend func()) {
	if w.depth[victim]++; w.depth[victim] == 1 {
		begin()
	}
	return func() {
		if w.depth[victim]--; w.depth[victim] == 0 {
			end()
		}
	}
}
