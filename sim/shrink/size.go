package shrink

import (
	"fmt"
	"time"

	"example.com/lockstep/sim/plan"
)

// Size counts the parts of a plan that a reader must think about.
type Size struct {
	Nodes   int // machines, clients included
	Faults  int
	Knobs   int // values that are not calm (see [Knobs])
	Seconds int // of the safety phase, rounded up
}

// SizeOf measures a plan.
func SizeOf(p *plan.Plan) Size {
	s := Size{Nodes: len(p.Nodes), Faults: len(p.Faults),
		Seconds: int((p.Duration.Std() + time.Second - 1) / time.Second)}
	for _, k := range Knobs(p) {
		if k.Counts {
			s.Knobs++
		}
	}
	return s
}

// Total is the size as one number.
func (s Size) Total() int { return s.Nodes + s.Faults + s.Knobs + s.Seconds }

func (s Size) String() string {
	return fmt.Sprintf("%d (%d nodes, %d faults, %d settings, %d s)", s.Total(), s.Nodes, s.Faults,
		s.Knobs, s.Seconds)
}
