package sim

import (
	"slices"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	diskvirtual "example.com/lockstep/diskfs/virtual"
)

// diskFaults are those of a node's disk. The rules among them stay until they
// have struck or the healing; what they damaged stays damaged.
var diskFaults = []FaultKind{
	{"disk-stall", OnNode, "no operation of the disk ends", stallDisk(0)},
	{"sync-stall", OnNode, "no sync of the disk ends", stallDisk(diskvirtual.Syncs)},
	{"disk-slow", OnNode, "operations take amount times as long", func(_ *World, t target, f *Fault) func() {
		t.node.FS().Slow(int(f.Amount))
		return func() { t.node.FS().Slow(1) }
	}},
	{"disk-full", OnNode, "amount bytes are free", func(w *World, t target, f *Fault) func() {
		fs := t.node.FS()
		fs.SetCapacity(max(fs.Used()+f.Amount, 1))
		return func() { fs.SetCapacity(w.plan.Disk.Capacity) }
	}},
	{"no-space", OnNode, "files of the path can't grow", func(_ *World, t target, f *Fault) func() {
		return t.node.FS().Inject(diskvirtual.Rule{Effect: diskvirtual.NoSpace, Path: f.Path})
	}},
	{"io-errors", OnNode, "amount percent of all operations fail", func(_ *World, t target, f *Fault) func() {
		return t.node.FS().Inject(diskvirtual.Rule{Effect: diskvirtual.FailIO, Path: f.Path, Num: uint64(f.Amount), Den: 100})
	}},
	{"sync-error", OnNode, "the next amount syncs fail", diskRule(diskvirtual.FailIO, diskvirtual.Syncs)},
	{"write-error", OnNode, "the next amount writes fail", diskRule(diskvirtual.FailIO, diskvirtual.Writes)},
	{"read-error", OnNode, "the next amount reads fail", diskRule(diskvirtual.FailIO, diskvirtual.KindsOf(diskfs.Read))},
	{"lose-write", OnNode, "the next amount writes never reach the medium", diskRule(diskvirtual.LoseWrite, 0)},
	{"misdirect-write", OnNode, "the next amount writes land elsewhere", diskRule(diskvirtual.MisdirectWrite, 0)},
	{"bit-rot", OnNode, "amount bits of a durable sector flip", func(_ *World, t target, f *Fault) func() {
		t.node.FS().Rot(f.Path, -1, int(max(f.Amount, 1)))
		return nil
	}},
}

// stallDisk stalls until the fault's own end: the disk ends a stall by time.
func stallDisk(kinds diskvirtual.Kinds) func(*World, target, *Fault) func() {
	return func(w *World, t target, f *Fault) func() {
		until := env.Never
		if f.For > 0 {
			until = w.Now().Add(f.For.Std())
		}
		t.node.FS().Stall(kinds, until)
		return nil
	}
}

func diskRule(effect diskvirtual.Effect, kinds diskvirtual.Kinds) func(*World, target, *Fault) func() {
	return func(_ *World, t target, f *Fault) func() {
		t.node.FS().Inject(diskvirtual.Rule{Effect: effect, Kinds: kinds, Path: f.Path, Times: int(max(f.Amount, 1))})
		return nil
	}
}

// StoppedBy lists the nodes that faults of the plan may lead to a fail-stop:
// those with a disk that reports errors or damage.
func StoppedBy(faults []Fault) []string {
	var nodes []string
	for _, f := range faults {
		switch f.Kind {
		case "sync-error", "write-error", "read-error", "io-errors", "disk-full", "no-space", "lose-write", "misdirect-write", "bit-rot":
			node := f.Target
			if f.Target[0] == '@' {
				node = "*" // known when it strikes
			}
			if !slices.Contains(nodes, node) {
				nodes = append(nodes, node)
			}
		}
	}
	return nodes
}
