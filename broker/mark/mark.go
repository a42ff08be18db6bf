package mark

import "sync/atomic"

// Mark names a place.
type Mark uint8

var hits [marks]atomic.Uint64

// Hit counts one visit.
func Hit(m Mark) { hits[m].Add(1) }

// HitIf counts a visit if cond holds.
func HitIf(cond bool, m Mark) {
	if cond {
		Hit(m)
	}
}

func (m Mark) String() string { return names[m] }

// All lists the names of all marks in the order of their declaration. Counts has the same order.
func All() []string { return append([]string(nil), names[:]...) }

// Counts returns the visits since the last Reset.
func Counts() []uint64 {
	counts := make([]uint64, marks)
	for i := range counts {
		counts[i] = hits[i].Load()
	}
	return counts
}

// Reset sets all counts to zero.
func Reset() {
	for i := range hits {
		hits[i].Store(0)
	}
}
