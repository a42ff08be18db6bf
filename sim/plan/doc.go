// Package plan describes runs as data. A run is a function of its plan. A plan is drawn from a
// scenario's name and a seed, shrunk from another plan, or written by hand.
//
// # Contract
//
// A [Plan] prints as YAML and reads back the same. Unknown fields are errors, so that a typing
// mistake does not make an easier run. [Plan.Validate] reports what makes a plan impossible to run.
// The words of plans are explained here: the kinds of faults ([FaultKinds]), the options of the
// load ([Options]), the milestones that a fault can wait for ([Anchor], [MilestoneKind]), and the
// budgets ([Budgeted], [Unbudgeted]).
//
// A function that draws takes its random numbers from the stream that it is given, in a fixed
// order. If it takes one more number, every seed means another plan.
//
//	plan.go        Plan, its machines, limits and demands
//	workload.go    what clients do, and the options that a plan may leave out
//	machines.go    networks and disks
//	faultkinds.go  the kinds of faults; drawfaults.go draws from menus of them
//	anchor.go      faults that wait for a milestone; milestone.go: the kinds of milestones
//	budget.go      how much may be broken at a time
//	duration.go    durations that people can read
//
// # What it deliberately does not do
//
// It runs nothing: package world carries out the faults, and package sim/kafka the options. It does
// not know the scenarios.
package plan
