package history

import (
	"time"

	"example.com/lockstep/checker"
	"example.com/lockstep/sim/world"
)

// Recorder writes down what the clients and the observer of a cluster see. Its
// moments are totally ordered, since one thread runs the world.
type Recorder struct {
	World   *world.World
	History checker.History
	seq     uint64
	ids     int
	value   checker.Value
}

func (r *Recorder) Moment() checker.Moment {
	r.seq++
	return checker.Moment{At: time.Duration(r.World.Now()), Seq: r.seq}
}

func (r *Recorder) ID() int {
	r.ids++
	return r.ids
}

// OutsideOfLoops implements Outside.
func (*Recorder) OutsideOfLoops() {}

// NewValue is the next unique content of a test record.
func (r *Recorder) NewValue() checker.Value {
	r.value++
	return r.value
}
