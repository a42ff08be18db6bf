package kafka

import (
	"example.com/lockstep/checker"

	"example.com/lockstep/sim/world"
)

// RequestOverdue is a request of the history that has not ended, as a root of a wait-for
// graph.
func RequestOverdue(s world.Subject, r *checker.Request) []world.Overdue {
	return s.(*cluster).requestOverdue(r)
}
