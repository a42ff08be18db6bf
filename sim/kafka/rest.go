package kafka

import (
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/client"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/world"
)

// rest is what is known of the phase without load (P12).
type rest struct {
	// Of the time in which brokers finish what the load has left behind.
	asked   bool
	stopped env.Instant
	least   int64 // the least bytes that were left to move so far
	stuck   int   // seconds since least became smaller
	diskOps []uint64
	oldAt   env.Instant // all records that the load has left behind are too old

	// Of the time in which they should do almost nothing.
	from    env.Instant
	wakeUps []uint64 // of each broker, at the beginning
}

// StopLoad implements Rester.
func (c *cluster) StopLoad(w *world.World) {
	c.rest.stopped = w.Now()
	for _, k := range c.Clients {
		w.Node(k.Name).Enter(loop.Control, k.Stop)
	}
}

// settlePatience is for how many seconds brokers may work without progress.
const settlePatience = 30

// Settled implements Rester. It lets brokers finish what the load has left behind, such as
// moving batches to segments. The time for that depends on the disk and on the plan's
// limits: a flush waits for two syncs and moves half a segment, so megabytes take a minute
// in segments of 16 KiB. Brokers may go on as long as the bytes left to move reach a new
// least value, which ends by itself. If disks are busy without that progress, Settled gives
// up, and the checks of the rest judge what they do.
func (c *cluster) Settled(w *world.World) bool {
	r, ops := &c.rest, c.diskOps(w)
	if w.Now().Sub(r.stopped) < client.GroupsEnd && client.Members(c.Clients) {
		return false // coordinators have not missed the members yet
	}
	if !r.asked {
		r.asked, r.least, r.diskOps = true, c.tailBytes(w), ops
		// What the load has left behind grows old, and goes.
		ages := time.Duration(c.Options().RetentionMs.Or(0)) * time.Millisecond
		r.oldAt = w.Now().Add(ages + 4*retentionCheck)
		return false
	}
	if c.Options().RetentionMs.Or(0) > 0 && w.Now() < r.oldAt {
		r.diskOps = ops
		return false
	}
	if slices.Equal(r.diskOps, ops) {
		return true
	}
	r.diskOps = ops
	r.stuck++
	if left := c.tailBytes(w); left < r.least { // a value that falls and rises is no progress
		r.least, r.stuck = left, 0
	}
	return r.stuck == settlePatience
}

// RestBegins implements Rester.
func (c *cluster) RestBegins(w *world.World) {
	c.rest.from, c.rest.diskOps = w.Now(), c.diskOps(w)
	for _, name := range c.Brokers {
		c.rest.wakeUps = append(c.rest.wakeUps, w.Node(name).TimerTurns())
	}
}

// idleWakeUps is the number of wake-ups per second that P12 allows.
const idleWakeUps = 10

// RestEnds implements Rester. It adds to the history how often timers woke each broker and
// how many disk operations it submitted.
func (c *cluster) RestEnds(w *world.World) {
	from := c.rest.from
	c.facts.told.rests(w, from)
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

// tailBytes is the number of bytes of all replicas that are not in segments yet.
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

// diskOps is how many disk operations each broker has submitted.
func (c *cluster) diskOps(w *world.World) (ops []uint64) {
	for _, name := range c.Brokers {
		ops = append(ops, w.Node(name).Did(world.DiskSubmitted))
	}
	return ops
}
