package world

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	diskvirtual "example.com/lockstep/diskfs/virtual"
	"example.com/lockstep/sim/plan"
)

// diskFaults are the faults of a node's disk. Those that are rules with a number of times stay
// until they have taken effect so often, or until the healing. Data that they damaged stays
// damaged.
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
	"no-descriptors":  refuse(diskvirtual.NeedFile),
	"no-permission":   refuse(diskvirtual.NeedPermission),
	"bit-rot": func(_ *World, t target, f *plan.Fault) func() {
		t.node.FS().Rot(f.Path, -1, int(max(f.Amount, 1)))
		return nil
	},
}

// stallDisk stalls the disk until the fault's end. There is nothing to mend, because the disk ends
// the stall by itself.
func stallDisk(kinds diskvirtual.Kinds) faultBegin {
	return func(w *World, t target, f *plan.Fault) func() {
		until := env.Never
		if f.For > 0 {
			until = w.Now().Add(f.For.Std())
		}
		t.node.FS().Stall(kinds, until)
		return nil
	}
}

// refuse makes operations of these kinds impossible for the process.
func refuse(kinds diskvirtual.Kinds) faultBegin {
	return func(_ *World, t target, f *plan.Fault) func() {
		return t.node.FS().Inject(diskvirtual.Rule{Effect: diskvirtual.Refuse, Kinds: kinds,
			Path: f.Path})
	}
}

// diskRule applies an effect to the next operations, as many as the fault's amount.
func diskRule(effect diskvirtual.Effect, kinds diskvirtual.Kinds) faultBegin {
	return func(_ *World, t target, f *plan.Fault) func() {
		t.node.FS().Inject(diskvirtual.Rule{Effect: effect, Kinds: kinds, Path: f.Path,
			Times: int(max(f.Amount, 1))})
		return nil
	}
}
