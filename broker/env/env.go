// Package env holds what the world outside tells the core: time as data, and
// random numbers from named streams. It imports nothing of ours.
package env

import (
	"math"
	"time"
)

// Instant is monotonic time in nanoseconds since an arbitrary origin of the
// machine (CLOCK_BOOTTIME: it goes on while the machine sleeps). Instants of
// different nodes are not comparable.
type Instant int64

// Never is later than every instant that is reached.
const Never Instant = math.MaxInt64

// Add returns i + d; Never stays Never.
func (i Instant) Add(d time.Duration) Instant {
	if i == Never {
		return Never
	}
	return i + Instant(d)
}

// Sub returns the time from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Time is the time at which an event is handed to a loop: the core reads no
// clock of its own.
type Time struct {
	Mono   Instant
	WallMs int64 // Unix time in milliseconds; may jump either way
}

// Entropy opens a named random stream. The same name gives the same stream
// within one incarnation of a node; in production streams are seeded from the
// operating system, in simulation from (seed, node, incarnation).
type Entropy func(subsystem, purpose string) *Rand
