package history

import (
	"time"

	"example.com/lockstep/checker"
	"example.com/lockstep/sim/world"
)

// Recorder writes the history of a run: clients add what they did and saw, and the observer
// adds facts from inside the brokers. Its moments are totally ordered, since one thread
// runs the world.
type Recorder struct {
	World   *world.World
	History checker.History
	seq     uint64
	ids     int
	value   checker.Value
}

// Moment is the present moment. Each call returns a later one.
func (r *Recorder) Moment() checker.Moment {
	r.seq++
	return checker.Moment{At: time.Duration(r.World.Now()), Seq: r.seq}
}

// ID is the next unique number of an event or a connection.
func (r *Recorder) ID() int {
	r.ids++
	return r.ids
}

// OutsideOfLoops implements Outside.
func (*Recorder) OutsideOfLoops() {}

// NewValue is the next unique value for a test record.
func (r *Recorder) NewValue() checker.Value {
	r.value++
	return r.value
}
