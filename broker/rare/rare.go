// Package rare holds named points of the broker at which it may choose something legal that seldom
// happens: a group of one record, a mailbox that seems full, a snapshot long before it is needed. A
// simulated world, or a test cluster, that switches some on soon meets what production meets once
// in a year.
//
// # Contract
//
// A point never chooses what the protocol forbids: with all of them on, every promise of the broker
// holds, and it makes progress. Points are configuration: a field of the node's config ([Settings])
// says which are on, and how often each one chooses. Without it none are on. The choices come from
// a random stream of the loop's own (loop.Host.Entropy), so that they depend on nothing else.
//
// A point that is off costs a nil check.
//
// # A new point
//
// Add a constant and a line in points.go, and a call of [Chooser.Choose] where the choice is. A
// test of the simulator checks that every point is reached, so it finds a point without a call.
package rare

import (
	"fmt"

	"example.com/lockstep/broker/env"
)

// Point names a place.
type Point uint8

// Settings say which points are on. A point with the value n chooses about once in n times; a point
// without a value is off.
type Settings map[string]uint64

// Chooser makes the choices of one loop. A nil Chooser never chooses.
type Chooser struct {
	oneIn [points]uint64
	rand  *env.Rand
	taken [points]uint64
}

// New returns the chooser of a loop, nil if no point is on.
func New(s Settings, rand *env.Rand) *Chooser {
	if len(s) == 0 {
		return nil
	}
	c := &Chooser{rand: rand}
	for p, name := range names {
		c.oneIn[p] = s[name]
	}
	return c
}

// Choose reports whether to do the rare thing now.
func (c *Chooser) Choose(p Point) bool { return c != nil && c.choose(p) }

func (c *Chooser) choose(p Point) bool {
	if c.oneIn[p] == 0 || !c.rand.Chance(1, c.oneIn[p]) {
		return false
	}
	c.taken[p]++
	return true
}

// Taken visits the points that have chosen, and says how often. A nil Chooser has none.
func (c *Chooser) Taken(visit func(name string, times uint64)) {
	if c == nil {
		return
	}
	for p, n := range c.taken {
		if n > 0 {
			visit(names[p], n)
		}
	}
}

// All lists the names of all points.
func All() []string { return append([]string(nil), names[:]...) }

// Check returns an error if a name belongs to no point.
func (s Settings) Check() error {
	known := 0
	for _, name := range names {
		if _, ok := s[name]; ok {
			known++
		}
	}
	if known != len(s) {
		return fmt.Errorf("rare: %d of %d settings name no point", len(s)-known, len(s))
	}
	return nil
}
