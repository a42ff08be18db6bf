package checker

import (
	"math"
	"time"
)

// Moment is a point in a run. Seq orders moments of equal virtual time: a
// single-threaded world numbers its events, a real one counts under a lock.
// A recorder that leaves Seq 0 makes simultaneous moments concurrent.
type Moment struct {
	At  time.Duration `json:"at"`
	Seq uint64        `json:"seq,omitempty"`
}

// Never is the return of an operation that did not return.
var Never = Moment{At: math.MaxInt64}

// Before says whether m lies strictly before n.
func (m Moment) Before(n Moment) bool {
	return m.At < n.At || m.At == n.At && m.Seq < n.Seq
}

func (m Moment) compare(n Moment) int {
	switch {
	case m.Before(n):
		return -1
	case n.Before(m):
		return 1
	}
	return 0
}

// String is the virtual time.
func (m Moment) String() string {
	if m.At == Never.At {
		return "never"
	}
	return m.At.String()
}
