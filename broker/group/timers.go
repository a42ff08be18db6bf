package group

import (
	"github.com/tidwall/btree"

	"example.com/lockstep/broker/env"
)

// timer is a deadline of the coordinator. It fires once, in [Coordinator.Tick].
type timer struct {
	at   env.Instant
	seq  uint64 // of those that are due at the same time, the one that was set first fires first
	fire func(now env.Time)
}

// timers holds the timers that are set.
type timers struct {
	set  *btree.BTreeG[*timer]
	last uint64
}

func newTimers() timers {
	less := func(a, b *timer) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }
	return timers{set: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})}
}

// start sets t, again if it was set.
func (ts *timers) start(t *timer, at env.Instant) {
	ts.stop(t)
	ts.last++
	t.at, t.seq = at, ts.last
	ts.set.Set(t)
}

// stop does nothing if t is not set.
func (ts *timers) stop(t *timer) {
	if t.seq != 0 {
		ts.set.Delete(t)
		t.seq = 0
	}
}

// next is when the first timer is due, env.Never if none is set.
func (ts *timers) next() env.Instant {
	if t, ok := ts.set.Min(); ok {
		return t.at
	}
	return env.Never
}

// tick fires what is due.
func (ts *timers) tick(now env.Time) {
	for ts.next() <= now.Mono {
		t, _ := ts.set.PopMin()
		t.seq = 0
		t.fire(now)
	}
}
