// Package env holds what the core knows of the world outside as data: time, and random numbers from
// named streams. It imports no other package of this module.
package env

import (
	"math"
	"time"
)

// Instant is monotonic time in nanoseconds since an arbitrary origin of the machine
// (CLOCK_BOOTTIME: it goes on while the machine is suspended). Instants of different nodes are not
// comparable.
type Instant int64

// Never is later than every other instant.
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

// Time is the time at which a loop gets an event: the core reads no clock of its own.
type Time struct {
	Mono   Instant
	WallMs int64 // Unix time in milliseconds; may jump forward and back
}

// Entropy opens a named random stream. The same name gives the same stream within one incarnation
// of a node. In production streams are seeded from the operating system, in simulation from (seed,
// node, incarnation).
type Entropy func(subsystem, purpose string) *Rand
