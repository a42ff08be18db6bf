package sim

import (
	"time"

	"example.com/lockstep/checker"
)

// recorder writes down what the clients and the observer of a cluster see. Its
// moments are totally ordered, since one thread runs the world.
type recorder struct {
	world *World
	h     checker.History
	seq   uint64
	ids   int
	value checker.Value
}

func (r *recorder) moment() checker.Moment {
	r.seq++
	return checker.Moment{At: time.Duration(r.world.Now()), Seq: r.seq}
}

func (r *recorder) id() int {
	r.ids++
	return r.ids
}

// OutsideOfLoops implements Outside.
func (*recorder) OutsideOfLoops() {}

// newValue is the next unique content of a test record.
func (r *recorder) newValue() checker.Value {
	r.value++
	return r.value
}
