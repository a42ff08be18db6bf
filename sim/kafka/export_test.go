package kafka

import (
	"example.com/lockstep/checker"

	"example.com/lockstep/sim/world"
)

// RequestOverdue is a request of the history that is on its way, as a root of a
// stall's graph.
func RequestOverdue(s world.Subject, r *checker.Request) []world.Overdue {
	return s.(*cluster).requestOverdue(r)
}
