package kafka

import (
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/world"
)

// rest is what is known of the phase without load (P12).
type rest struct {
	// Of the time in which brokers end what they do behind the load.
	asked   bool
	least   int64 // bytes that were left to move, at least
	vain    int   // seconds in which that did not become less
	diskOps []uint64

	// Of the time in which they should do next to nothing.
	from    env.Instant
	wakeUps []uint64 // of each broker, before
}

// StopLoad implements Rester.
func (c *cluster) StopLoad(w *world.World) {
	for _, k := range c.Clients {
		w.Node(k.Name).Enter(loop.Control, k.Stop)
	}
}

// settlePatience is for how many seconds brokers may work without getting on.
const settlePatience = 30

// Settled implements Rester: it lets brokers end what they do behind the load, such
// as moving batches to segments. How long that takes is for the disk and the plan's
// limits to say: a flush waits for two syncs and moves half a segment, so that
// megabytes take a minute in segments of 16 KiB. They may take it as long as ever
// less is left to move, which ends by itself. A disk that is not left alone without
// that is judged by what follows.
func (c *cluster) Settled(w *world.World) bool {
	r, ops := &c.rest, c.diskOps(w)
	if !r.asked {
		r.asked, r.least, r.diskOps = true, c.tailBytes(w), ops
		return false
	}
	if slices.Equal(r.diskOps, ops) {
		return true
	}
	r.diskOps = ops
	r.vain++
	if left := c.tailBytes(w); left < r.least { // than ever: what comes and goes is no progress
		r.least, r.vain = left, 0
	}
	return r.vain == settlePatience
}

// RestBegins implements Rester.
func (c *cluster) RestBegins(w *world.World) {
	c.rest.from, c.rest.diskOps = w.Now(), c.diskOps(w)
	for _, name := range c.Brokers {
		c.rest.wakeUps = append(c.rest.wakeUps, w.Node(name).TimerTurns())
	}
}

// idleWakeUps is what P12 allows in a second.
const idleWakeUps = 10

// RestEnds implements Rester: it records the timers' wake-ups of each broker.
func (c *cluster) RestEnds(w *world.World) {
	from := c.rest.from
	for i, name := range c.Brokers {
		n := w.Node(name)
		wakeUps := n.TimerTurns() - c.rest.wakeUps[i]
		if wakeUps > idleWakeUps*uint64(w.Now().Sub(from)/time.Second) {
			w.Explain("P12: "+checker.Title("P12"), name,
				func() []world.Overdue { return timersOf(n) })
		}
		c.Rec.History.Idles = append(c.Rec.History.Idles, checker.IdleFact{
			Node: history.NodeOf(name), From: time.Duration(from), To: time.Duration(w.Now()),
			WakeUps: int64(wakeUps),
			DiskOps: int64(n.Did(world.DiskSubmitted) - c.rest.diskOps[i]),
		})
	}
}

// tailBytes are the bytes of all replicas that are not in segments.
func (c *cluster) tailBytes(w *world.World) (bytes int64) {
	for _, name := range c.Brokers {
		for _, l := range w.Node(name).Loops() {
			if s, ok := l.(*shard.Shard); ok {
				bytes += s.Stats().TailBytes
			}
		}
	}
	return bytes
}

// diskOps are the operations that each broker has submitted.
func (c *cluster) diskOps(w *world.World) (ops []uint64) {
	for _, name := range c.Brokers {
		ops = append(ops, w.Node(name).Did(world.DiskSubmitted))
	}
	return ops
}
