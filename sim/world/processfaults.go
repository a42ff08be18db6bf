package world

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
)

// processFaults are the faults of processes, loops and clocks.
var processFaults = map[string]faultBegin{
	"freeze": func(_ *World, t target, _ *plan.Fault) func() {
		t.node.Freeze()
		return t.node.Thaw
	},
	"freeze-loop": func(_ *World, t target, _ *plan.Fault) func() {
		t.node.FreezeLoop(t.loop)
		return sameIncarnation(t.node, func() { t.node.ThawLoop(t.loop) })
	},
	"hold-completions": func(_ *World, t target, _ *plan.Fault) func() {
		t.node.HoldCompletions(t.loop)
		return sameIncarnation(t.node, func() { t.node.ReleaseCompletions(t.loop) })
	},
	"slow": func(_ *World, t target, f *plan.Fault) func() {
		t.node.Slow(f.Amount)
		return func() { t.node.Slow(1) }
	},
	"kill": func(_ *World, t target, _ *plan.Fault) func() {
		t.node.End(Killed)
		return t.node.Start
	},
	"power-off": func(_ *World, t target, _ *plan.Fault) func() {
		t.node.End(PowerLost)
		return t.node.Start
	},
	"torn-power-off": func(_ *World, t target, f *plan.Fault) func() {
		t.node.tear = uint64(f.Amount)
		t.node.End(PowerLost)
		t.node.tear = 0
		return t.node.Start
	},
	"crash-loop": crashLoop,
	"reshard": func(_ *World, t target, f *plan.Fault) func() {
		t.node.End(Killed)
		t.node.spec.Shards = int(f.Amount)
		return t.node.Start
	},
	"clock-drift": func(_ *World, t target, f *plan.Fault) func() {
		t.node.SetDrift(f.Amount)
		return func() { t.node.SetDrift(t.node.spec.DriftPpm) }
	},
	"clock-jump": func(_ *World, t target, f *plan.Fault) func() {
		t.node.JumpWall(f.Amount)
		return nil
	},
}

// crashLoop ends the current incarnation of a node, and each one that it starts before the fault is
// over: most of them in the middle of their recovery.
func crashLoop(w *World, t target, f *plan.Fault) func() {
	r := w.faultRandom(f)
	over := false
	var die func()
	die = func() {
		if over {
			return
		}
		how := Killed
		if r.Chance(1, 2) {
			how = PowerLost
		}
		t.node.End(how)
		w.After(drawSpan(r, time.Millisecond, 300*time.Millisecond), "crash loop starts", func() {
			if !over {
				t.node.Start()
				w.After(drawSpan(r, 0, time.Duration(f.Amount)*time.Millisecond),
					"crash loop kills", die)
			}
		})
	}
	die()
	return func() {
		over = true
		t.node.Start()
	}
}

func drawSpan(r *env.Rand, low, high time.Duration) time.Duration {
	return time.Duration(r.Between(int64(low), int64(max(low, high))))
}

// sameIncarnation returns a mend that does nothing if the node has started again meanwhile.
func sameIncarnation(n *Node, mend func()) func() {
	hit := n.incarnation
	return func() {
		if n.incarnation == hit {
			mend()
		}
	}
}
