package world

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	diskvirtual "example.com/lockstep/diskfs/virtual"
	netvirtual "example.com/lockstep/netsim/virtual"
	"example.com/lockstep/sim/plan"
)

// hardware is the virtual network and the virtual disks of a world, joined to the starts and ends
// of its nodes. The two virtual packages call a [Node] a host or a machine; its name is the same.
type hardware struct {
	world  *World
	fabric *netvirtual.Fabric
}

// machine is the hardware that belongs to one node.
type machine struct {
	fs      *diskvirtual.FS
	process *diskvirtual.Process // of the current incarnation; nil if the node is down
}

func (h *hardware) init(w *World) {
	h.world = w
	h.fabric = netvirtual.New(networkConfig(w.plan.Network), &w.sched,
		w.streams.Open("world", "network"))
}

// build makes the machine of a node, without a running process.
func (h *hardware) build(n *Node) {
	// The disk outlives the node's incarnations, so its streams belong to none of them.
	entropy := func(subsystem, purpose string) *env.Rand {
		return h.world.streams.Open("machine", n.spec.Name, subsystem, purpose)
	}
	n.machine.fs = diskvirtual.New(&h.world.sched, entropy, DiskOptions(h.world.plan.Disk))
	h.fabric.Host(n.spec.Name)
}

// boot starts a process on the node's machine.
func (h *hardware) boot(n *Node) {
	h.fabric.Restart(n.spec.Name)
	n.net = h.fabric.Host(n.spec.Name)
	n.machine.process = n.machine.fs.Start()
}

// disk opens the disk for one loop of the current process.
func (h *hardware) disk(n *Node, sink diskfs.Sink) diskfs.Disk {
	return n.machine.process.Disk(sink)
}

// end ends the process of a node, or turns its machine off.
func (h *hardware) end(n *Node, how Ending) {
	h.fabric.Crash(n.spec.Name, how == PowerLost)
	switch {
	case how == PowerLost && n.tear > 0:
		n.machine.fs.CrashTorn(n.tear)
	case how == PowerLost:
		n.machine.fs.Crash()
	default:
		n.machine.process.Kill()
	}
	n.machine.process = nil
}

// heal ends the faults that the network and the disks still have. Damage of data stays.
func (h *hardware) heal() {
	h.fabric.Heal()
	for _, n := range h.world.nodes {
		n.machine.fs.Heal()
		n.machine.fs.SetCapacity(h.world.plan.Disk.Capacity)
	}
}

// Fabric is the world's network.
func (w *World) Fabric() *netvirtual.Fabric { return w.hardware.fabric }

// FS is the node's file system, for faults and for checkers that look at disks.
func (n *Node) FS() *diskvirtual.FS { return n.machine.fs }

// networkConfig turns a plan's network into the configuration of the virtual one.
func networkConfig(n plan.Network) netvirtual.Config {
	c := netvirtual.DefaultConfig()
	span := func(to *netvirtual.Span, r plan.Range) {
		if r.High > 0 {
			*to = netvirtual.Span{Min: r.Low.Std(), Max: max(r.Low, r.High).Std()}
		}
	}
	set(&c.Link.Latency, n.Latency.Std())
	set(&c.Link.Jitter, n.Jitter.Std())
	set(&c.Link.Bandwidth, n.Bandwidth)
	span(&c.ResetAfter, n.Patience)
	span(&c.ConnectTimeout, n.Connect)
	if n.Chopped > 0 {
		chopped := min(n.Chopped, 1000)
		c.Link.Cut = netvirtual.Cut{OneByte: chopped / 10, Tiny: chopped / 5,
			Any: chopped - chopped/10 - chopped/5}
	}
	return c
}

// DiskOptions turns a plan's disk into the options of a virtual one.
func DiskOptions(d plan.Disk) diskvirtual.Options {
	o := diskvirtual.Options{Sync: diskvirtual.DefaultOptions.Sync,
		Remove: diskvirtual.DefaultOptions.Remove, BytesPerSecond: d.Bandwidth, Workers: d.Workers,
		Capacity: d.Capacity, NoTear: d.WholeCrash, Ruin: d.RuinousCrash}
	set(&o.Sync.Base, d.Sync.Std())
	set(&o.Sync.Jitter, d.SyncJitter.Std())
	set(&o.Remove.Base, d.Removal.Std())
	set(&o.Sync.SpikeOneIn, d.SpikeOneIn)
	set(&o.Sync.Spike, d.Spike.Std())
	return o
}

// set overrides a default, unless value is zero.
func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}
