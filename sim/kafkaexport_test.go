package sim

import "example.com/lockstep/checker"

// RequestOverdue is a request of the history that is on its way, as a root of a
// stall's graph.
func RequestOverdue(s Subject, r *checker.Request) []Overdue {
	return s.(*cluster).requestOverdue(r)
}
