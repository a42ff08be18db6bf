package check

import (
	"slices"
	"strings"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// Circumstances is what checks need beyond the history to judge brokers: the faults that
// are or were active, the leaders, the replicas in sync.
type Circumstances struct {
	Plan    *plan.Plan
	World   *world.World
	History *checker.History
	Brokers []string // names
	// the newest metadata of all brokers that run; nil if there is none
	Image      func() *meta.Image
	ClientName func(number int) string // the machine of a client, by its number in the history
}

// struck reports whether a fault was active on a broker, or on a link of it, at a moment.
func (c *Circumstances) struck(id checker.NodeID, at time.Duration) bool {
	for _, f := range c.World.FaultSpans() {
		on := time.Duration(f.From) <= at && env.Instant(at) <= f.To
		if on && (history.NodeOf(f.Node) == id || f.Peer != "" && history.NodeOf(f.Peer) == id) {
			return true
		}
	}
	return false
}

// mayServe reports whether a produce that a broker got at that time had a way to the
// leader. A fault on the broker, or between it and the leader, at that time or shortly
// before, takes the way. So does the loss of the leadership: an earlier leader may not know
// its successor yet.
func (c *Circumstances) mayServe(p checker.Partition, node checker.NodeID, at time.Duration) bool {
	leader, led := checker.NodeID(-1), false
	for i := range c.History.Leaders {
		if f := &c.History.Leaders[i]; f.Partition == p && f.At.At <= at {
			leader = f.Node
			led = led || f.Node == node
		}
	}
	if led && leader != node {
		return false
	}
	name, peer := history.BrokerName(kafka.NodeID(node)), history.BrokerName(kafka.NodeID(leader))
	for _, f := range c.World.FaultSpans() {
		if time.Duration(f.From) > at || settled(at) > f.To {
			continue
		}
		if f.Node == name && (f.Peer == "" || f.Peer == peer) || f.Node == peer && f.Peer == name {
			return false
		}
	}
	return true
}

// quorumStands reports whether no fault reached anything that an acknowledgement needs, for
// a produce and all produces before it from a moment on. It needs the leaders of the
// partition, enough replicas, the broker that the produce went to, its client, and a
// majority of all brokers. Faults that ended shortly before count too.
func (c *Circumstances) quorumStands(op *checker.Produce, from time.Duration) bool {
	since := settled(from)
	stands := func(name string) bool { return c.untouched(name, since) }
	whole := 0
	for _, name := range c.Brokers {
		if stands(name) {
			whole++
		}
	}
	if whole <= len(c.Brokers)/2 || !stands(history.BrokerName(kafka.NodeID(op.Node))) ||
		!stands(c.ClientName(op.Client)) {
		return false
	}
	image := c.Image()
	if image == nil || !c.ledSoundly(op.Partition, since, stands) {
		return false
	}
	p := image.Partition(history.PartitionID(op.Partition))
	if p == nil {
		return false
	}
	sound := 0
	for _, r := range p.Replicas {
		if stands(history.BrokerName(r)) {
			sound++
		}
	}
	return sound >= min(int(c.Plan.Workload.Options.MinISR.Or(1)), len(p.Replicas))
}

// settled is the moment since which no fault may have been active on what counts as sound
// at another moment.
func settled(at time.Duration) env.Instant { return env.Instant(max(0, at-2*time.Second)) }

// ledSoundly reports whether every leader of a partition since a moment is sound.
func (c *Circumstances) ledSoundly(p checker.Partition, since env.Instant,
	stands func(string) bool) bool {
	last := checker.NodeID(-1)
	for i := range c.History.Leaders {
		f := &c.History.Leaders[i]
		if f.Partition != p {
			continue
		}
		if env.Instant(f.At.At) >= since && last >= 0 &&
			!stands(history.BrokerName(kafka.NodeID(last))) {
			return false
		}
		last = f.Node
	}
	return last >= 0 && stands(history.BrokerName(kafka.NodeID(last)))
}

// untouched reports whether a machine has run without a fault since a moment.
func (c *Circumstances) untouched(name string, since env.Instant) bool {
	n := c.World.Node(name)
	if n == nil || !n.Up() || n.EndedSince(since) {
		return false
	}
	for _, f := range c.World.FaultSpans() {
		if (f.Node == name || f.Peer == name) && (f.To >= since || lingers(f.Kind)) {
			return false
		}
	}
	return true
}

// lingers reports whether a kind of fault may have effects after its end.
func lingers(kind string) bool {
	switch kind {
	case "lose-write", "misdirect-write", "bit-rot", "no-space", "disk-full", "clock-drift":
		return true
	}
	return strings.HasSuffix(kind, "error") || strings.HasSuffix(kind, "errors")
}

// slowInSync reports whether a replica in sync has a slow disk. The bounds assume that a
// leader gives a replica up after AckTimeout. But a replica that makes progress, however
// slow, stays for LagTimeout. If its disk takes less than what is produced, every
// acknowledgement waits for the records before it in the log, and may come after the client
// has given up.
func (c *Circumstances) slowInSync(id checker.Partition) bool {
	var slow []string
	for _, f := range c.World.FaultSpans() {
		if f.Kind == "disk-slow" && f.To > c.World.Now() {
			slow = append(slow, f.Node)
		}
	}
	if len(slow) == 0 {
		return false
	}
	image := c.Image()
	if image == nil {
		return false
	}
	p := image.Partition(history.PartitionID(id))
	return p != nil && slices.ContainsFunc(p.ISR,
		func(n kafka.NodeID) bool { return slices.Contains(slow, history.BrokerName(n)) })
}

// Excuse names a fault that excuses a broker if an answer to a client, asked since a
// moment, does not come; "" if there is none. Trouble with a disk, a peer or the controller
// is no excuse, since deadlines are kept by timers.
func (c *Circumstances) Excuse(client, name string, since env.Instant) string {
	now := c.World.Now()
	for _, f := range c.World.FaultSpans() {
		if f.To != env.Never && f.To.Add(2*time.Second) < since || f.From > now {
			continue
		}
		switch f.Kind {
		case "freeze", "freeze-loop", "slow", "kill", "power-off", "torn-power-off", "crash-loop",
			"clean-stop", "rolling-restart", "rack-power-off",
			"reshard", "isolate", "reset-connections", "half-open", "refuse":
			if f.Node == name || f.Node == client {
				return f.Kind + " of " + f.Node
			}
		case "cut", "flap", "stall-link", "slow-link", "limit-link", "spike-link", "sever":
			if (f.Node == name || f.Peer == name) && (f.Node == client || f.Peer == client) {
				return f.Kind
			}
		case "clock-drift":
			if f.Node == name && (f.To == env.Never || f.To >= since) {
				return f.Kind
			}
		}
	}
	return ""
}

// ReadsStuck reports whether reads of a broker may have waited for its disk at any
// time since a moment.
func (c *Circumstances) ReadsStuck(name string, since env.Instant) bool {
	return slices.ContainsFunc(c.World.FaultSpans(), func(f world.FaultSpan) bool {
		return f.Node == name && f.To >= since && slices.Contains(readHolders, f.Kind)
	})
}

// readHolders are the kinds of faults during which reads may wait. A sync that the process lacks
// the means for is postponed, and its flush keeps files open that reads wait for.
var readHolders = []string{"disk-stall", "disk-slow", "hold-completions", "no-descriptors",
	"no-permission"}
