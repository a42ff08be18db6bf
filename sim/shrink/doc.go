// Package shrink makes failing plans small: it removes parts of a plan and calms its
// settings as long as the run still fails with the same fingerprint. A setting is calm
// at the value at which nothing is special ([Knobs]).
//
// # How it works
//
//	shrink.go   the search: rounds of passes, until none makes the plan smaller
//	faults.go   fewer faults (delta debugging); then shorter, weaker and earlier
//	            ones, in one direction, at symbolic targets, anchored at milestones
//	calm.go     calmer settings, fewer machines, less load
//	size.go     the size of a plan
//
// A pass offers candidates: complete plans, each one step from the current one. The
// search runs them in worker processes, several at a time, and takes the first in
// the pass's order that fails as the original did. So the outcome does not depend
// on the number of workers. A candidate that did not fail so is not run again.
//
// A plan's random streams are named, so the remaining parts of a plan draw the same
// numbers as before. Sometimes they cannot: a node that is no longer killed has no
// second incarnation. Only the run of a candidate says whether it still fails.
//
// # What it deliberately does not do
//
// It never changes what a plan demands (liveness, expected stops, the bound on events):
// with too small a bound, every broker would fail. It looks for a plan from which no
// part can be left out, not for the smallest plan.
package shrink
