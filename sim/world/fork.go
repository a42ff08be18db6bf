package world

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
)

// Fork lets a run be itself up to an event, and from there on draw other random
// numbers: one of the futures that the moment had.
type Fork struct {
	// Event is the number of events after which it forks; 0 is before the first.
	Event uint64 `json:"event"`
	// Key chooses the future. 0 changes nothing: the run is only looked at there.
	Key uint64 `json:"key"`
}

// ForkPoint is what a forked run was when it forked. Forks of one run at one
// event have equal ones.
type ForkPoint struct {
	At      plan.Duration `json:"at"`
	Trace   string        `json:"trace"`   // the hash so far
	Records uint64        `json:"records"` // of the trace, so far
}

// forkStreams is what a fork does to random streams.
type forkStreams struct {
	opened []*env.Rand
	key    uint64 // 0: it has not forked
}

// take is told of each stream that is opened.
func (f *forkStreams) take(r *env.Rand) *env.Rand {
	if f.key != 0 {
		refork(r, f.key)
		return r
	}
	f.opened = append(f.opened, r)
	return r
}

// refork makes a stream another one, which depends on where it stood: so the
// streams stay independent of each other, and their order does not matter.
func refork(r *env.Rand, key uint64) {
	hi, lo := r.State()
	a, b := env.Key(hi^key, "fork")
	*r = *env.NewRand(a^lo, b)
}

// forkDue reports whether the run has come to its fork.
func (w *World) forkDue() bool {
	return w.fork != nil && w.forked == nil && w.sched.Ran() >= w.fork.Event
}

// forkNow notes where the run stands and changes its streams.
func (w *World) forkNow() {
	w.forked = &ForkPoint{At: plan.Duration(w.Now()), Trace: hex64(w.trace.Sum()),
		Records: w.trace.count}
	if key := w.fork.Key; key != 0 {
		for _, r := range w.streams.fork.opened {
			refork(r, key)
		}
		w.streams.fork.key, w.streams.fork.opened = key, nil
		w.hardware.fabric.Fork(func(r *env.Rand) { refork(r, key) })
	}
}
