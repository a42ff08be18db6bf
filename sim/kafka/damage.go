package kafka

import (
	"strconv"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
	"example.com/lockstep/diskfs"
	diskvirtual "example.com/lockstep/diskfs/virtual"
	"example.com/lockstep/sim/kafka/check"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// Facts about what disks and clocks did that no protocol survives. In an unbudgeted run
// these alone excuse a loss. In every other run nothing excuses one.

// leaseDriftPpm is ρ, the drift that leases allow for (PROTOCOL 25).
const leaseDriftPpm = 50_000

// Forgives implements Forgiver. A broker that lost something silently, or that talks to
// such a broker, may meet a state that its assertions exclude.
func (c *cluster) Forgives() bool { return len(c.facts.lostSilently) > 0 }

// seeDamages calls seeDamage for every broker.
func (f *facts) seeDamages(w *world.World) {
	for _, name := range f.cluster.Brokers {
		f.seeDamage(w.Node(name))
	}
}

// seeDamage adds to the history what the disk of a node has done since the last call, and
// once a clock that drifts too fast.
func (f *facts) seeDamage(n *world.Node) {
	c := f.cluster
	if c.Plan.Budget != plan.Unbudgeted {
		return
	}
	if ppm := n.DriftPpm(); (ppm > leaseDriftPpm || ppm < -leaseDriftPpm) && !f.runaways[n] {
		f.runaways[n] = true
		fact := checker.ClockFact{At: c.Rec.Moment(), Node: checker.NodeID(nodeID(n)),
			DriftPpm: ppm}
		c.Rec.History.Clocks = append(c.Rec.History.Clocks, fact)
		c.watch.Clock(fact)
	}
	faults := n.FS().Injected()
	for _, fault := range faults[f.damages[n]:] {
		if !breaksPromise(&fault) {
			continue
		}
		if fault.Effect == diskvirtual.MisdirectWrite && fault.ToPath != "" {
			f.damaged(n, fault.ToPath, false, fault.String())
		}
		// A lost write leaves nothing that the broker could find.
		f.damaged(n, fault.Path, fault.Effect == diskvirtual.LoseWrite ||
			fault.Effect == diskvirtual.MisdirectWrite, fault.String())
	}
	f.damages[n] = len(faults)
}

// damaged adds to the history that a file of a node lost part of what was durable in it.
// hidden says that the node cannot find out.
func (f *facts) damaged(n *world.Node, path string, hidden bool, what string) {
	if hidden {
		f.lostSilently[n] = true
	}
	note := func(of checker.DamageFact) {
		of.At, of.Node, of.Hidden, of.What = f.cluster.Rec.Moment(), checker.NodeID(nodeID(n)),
			hidden, what
		f.cluster.Rec.History.Damages = append(f.cluster.Rec.History.Damages, of)
		f.cluster.watch.Damage(of)
	}
	top, rest, _ := strings.Cut(path, "/")
	dir, _, _ := strings.Cut(rest, "/")
	// Any other file counts for all partitions.
	struck := func(kafka.PartitionID) bool { return true }
	switch id, isPartition := shard.ParseDir(dir); {
	case top == "control":
		note(checker.DamageFact{Metadata: true})
		return
	case top == check.PartitionsDir && isPartition:
		note(checker.DamageFact{Partition: history.Partition(id)})
		return
	case strings.HasPrefix(top, "shard-"):
		number, _ := strconv.Atoi(strings.TrimPrefix(top, "shard-"))
		struck = func(id kafka.PartitionID) bool {
			return shard.Place(id, len(n.Loops())-1) == loop.ID(number)
		}
	}
	for _, key := range f.keys {
		if key.node == nodeID(n) && struck(key.id) {
			note(checker.DamageFact{Partition: history.Partition(key.id)})
		}
	}
}

// breaksPromise reports whether a fault takes away what was durable. A failed read counts,
// since nothing can tell what was there.
func breaksPromise(f *diskvirtual.Fault) bool {
	return f.Effect.Dishonest() || f.Effect == diskvirtual.FailIO && f.Op == diskfs.Read
}

// dishonest reports whether the disk of the node has taken away what was durable.
func dishonest(n *world.Node) bool {
	faults := n.FS().Injected()
	for i := range faults {
		if breaksPromise(&faults[i]) {
			return true
		}
	}
	return false
}
