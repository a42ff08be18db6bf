// Package shrink makes failing plans small: it removes and calms what a plan
// holds as long as the run still fails with the same fingerprint.
//
// # How it goes
//
//	shrink.go   the search: rounds of passes, until none finds anything
//	faults.go   fewer faults (delta debugging), then shorter, weaker, earlier,
//	            one-way, at symbolic targets, anchored at milestones
//	calm.go     the workload, the machines and everything else that is drawn:
//	            towards values at which nothing is special
//	size.go     what is counted
//
// A pass offers candidates: whole plans, each one step from the current one. The
// search runs them in worker processes, some at a time, and takes the first in
// the pass's order that fails as the original did; so the outcome does not depend
// on the number of workers. What was run is not run again.
//
// A plan's random streams are named, so what is left of a plan draws what it drew
// before. Where it does not (a node that is not killed any more has no second
// incarnation), the candidate stands or falls by its run.
//
// # What it deliberately does not do
//
// It never changes what a plan demands (liveness, expected stops, the bound on
// events): a bound that is too small fails for everybody. It looks for a plan
// without a part that can be left out, not for the smallest one.
package shrink
