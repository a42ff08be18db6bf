package world

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
)

// Fork leaves a run unchanged up to an event. From there on the run draws other random numbers, so
// it becomes one of the futures that were possible at that moment.
type Fork struct {
	// Event is the number of events after which the run forks; 0 is before the first.
	Event uint64 `json:"event"`
	// Key chooses the future. 0 changes nothing: the run only reports its ForkPoint.
	Key uint64 `json:"key"`
}

// ForkPoint says where a run stood when it forked. All forks of one run at one event have the same
// fork point.
type ForkPoint struct {
	At      plan.Duration `json:"at"`
	Trace   string        `json:"trace"`   // the hash so far
	Records uint64        `json:"records"` // of the trace, so far
}

// forkStreams knows the random streams of a run that forks.
type forkStreams struct {
	opened []*env.Rand // before the fork
	key    uint64      // 0: the run has not forked
}

// take takes each stream when it is opened.
func (f *forkStreams) take(r *env.Rand) *env.Rand {
	if f.key != 0 {
		refork(r, f.key)
		return r
	}
	f.opened = append(f.opened, r)
	return r
}

// refork replaces a stream by one that depends on its state and the key. So the streams stay
// independent of each other, and the order of the calls does not matter.
func refork(r *env.Rand, key uint64) {
	hi, lo := r.State()
	a, b := env.Key(hi^key, "fork")
	*r = *env.NewRand(a^lo, b)
}

// forkDue reports whether the run has come to its fork.
func (w *World) forkDue() bool {
	return w.fork != nil && w.forked == nil && w.sched.Ran() >= w.fork.Event
}

// forkNow notes the fork point and changes the streams.
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
