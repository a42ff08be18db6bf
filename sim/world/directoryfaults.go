package world

import (
	"time"

	diskvirtual "example.com/lockstep/diskfs/virtual"
	"example.com/lockstep/sim/plan"
)

// directoryFaults replace the whole content of disks. In each of them the process dies, and starts
// again at once, unless the amount lets it wait for so many milliseconds.
var directoryFaults = map[string]faultBegin{
	"lose-directory": func(w *World, t target, f *plan.Fault) func() {
		w.remount([]*Node{t.node}, f, func() { t.node.FS().Mount(nil) })
		return nil
	},
	"unmount": func(w *World, t target, f *plan.Fault) func() {
		var away *diskvirtual.Volume
		w.remount([]*Node{t.node}, f, func() { away = t.node.FS().Mount(nil) })
		return func() { w.remount([]*Node{t.node}, f, func() { t.node.FS().Mount(away) }) }
	},
	"restore-directory": func(w *World, t target, f *plan.Fault) func() {
		var older *diskvirtual.Volume
		w.remount([]*Node{t.node}, f, func() { older = t.node.FS().Copy() })
		return func() { w.remount([]*Node{t.node}, f, func() { t.node.FS().Mount(older) }) }
	},
	"swap-directories": func(w *World, t target, f *plan.Fault) func() {
		nodes := []*Node{t.node, t.peer}
		swap := func() {
			a, b := t.node.FS(), t.peer.FS()
			b.Mount(a.Mount(b.Mount(nil)))
		}
		w.remount(nodes, f, swap)
		return func() { w.remount(nodes, f, swap) }
	},
}

// remount ends the processes of nodes, changes what their disks hold, and starts them again.
func (w *World) remount(nodes []*Node, f *plan.Fault, change func()) {
	for _, n := range nodes {
		n.End(Killed)
	}
	change()
	start := func() {
		for _, n := range nodes {
			n.Start()
		}
	}
	if f.Amount > 0 && !w.healed {
		w.After(time.Duration(f.Amount)*time.Millisecond, "operator starts", start)
		return
	}
	start()
}
