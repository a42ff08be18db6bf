package world

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	diskvirtual "example.com/lockstep/diskfs/virtual"
	"example.com/lockstep/sim/plan"
)

// diskFaults are those of a node's disk. The rules among them stay until they
// have struck or the healing; what they damaged stays damaged.
var diskFaults = map[string]faultBegin{
	"disk-stall": stallDisk(0),
	"sync-stall": stallDisk(diskvirtual.Syncs),
	"disk-slow": func(_ *World, t target, f *plan.Fault) func() {
		t.node.FS().Slow(int(f.Amount))
		return func() { t.node.FS().Slow(1) }
	},
	"disk-full": func(w *World, t target, f *plan.Fault) func() {
		fs := t.node.FS()
		fs.SetCapacity(max(fs.Used()+f.Amount, 1))
		return func() { fs.SetCapacity(w.plan.Disk.Capacity) }
	},
	"no-space": func(_ *World, t target, f *plan.Fault) func() {
		return t.node.FS().Inject(diskvirtual.Rule{Effect: diskvirtual.NoSpace, Path: f.Path})
	},
	"io-errors": func(_ *World, t target, f *plan.Fault) func() {
		return t.node.FS().Inject(diskvirtual.Rule{Effect: diskvirtual.FailIO, Path: f.Path,
			Num: uint64(f.Amount), Den: 100})
	},
	"sync-error":      diskRule(diskvirtual.FailIO, diskvirtual.Syncs),
	"write-error":     diskRule(diskvirtual.FailIO, diskvirtual.Writes),
	"read-error":      diskRule(diskvirtual.FailIO, diskvirtual.KindsOf(diskfs.Read)),
	"lose-write":      diskRule(diskvirtual.LoseWrite, 0),
	"misdirect-write": diskRule(diskvirtual.MisdirectWrite, 0),
	"bit-rot": func(_ *World, t target, f *plan.Fault) func() {
		t.node.FS().Rot(f.Path, -1, int(max(f.Amount, 1)))
		return nil
	},
}

// stallDisk stalls until the fault's own end: the disk ends a stall by time.
func stallDisk(kinds diskvirtual.Kinds) func(*World, target, *plan.Fault) func() {
	return func(w *World, t target, f *plan.Fault) func() {
		until := env.Never
		if f.For > 0 {
			until = w.Now().Add(f.For.Std())
		}
		t.node.FS().Stall(kinds, until)
		return nil
	}
}

func diskRule(effect diskvirtual.Effect, kinds diskvirtual.Kinds) func(*World, target,
	*plan.Fault) func() {
	return func(_ *World, t target, f *plan.Fault) func() {
		t.node.FS().Inject(diskvirtual.Rule{Effect: effect, Kinds: kinds, Path: f.Path,
			Times: int(max(f.Amount, 1))})
		return nil
	}
}
