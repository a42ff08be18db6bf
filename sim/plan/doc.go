// Package plan is runs as data. A run is a function of its plan, and a plan is
// drawn from a scenario's name and a seed, shrunk from another plan, or written by
// hand.
//
// # Contract
//
// A [Plan] prints as YAML and reads back the same; unknown fields are errors, so
// that a typing mistake does not make an easier run. Validate reports what makes a
// plan impossible to run. A reader of a plan finds its words here: kinds of faults
// ([FaultKinds]), options of the load ([Options]), turning points of runs that a
// fault can wait for ([Anchor], [MilestoneKind]), and what it means that a plan is
// budgeted.
//
// Draws take their numbers from the stream that is handed in, in a fixed order. A
// draw that takes one more number changes the meaning of every seed after it.
//
//	plan.go        Plan, its machines, limits and demands
//	workload.go    what clients do, and the options that a plan may leave out
//	machines.go    networks and disks
//	faultkinds.go  the kinds of faults; drawfaults.go draws from menus of them
//	anchor.go      faults that wait for a milestone; milestone.go: their words
//	budget.go      how much may be broken at a time
//	duration.go    durations that read for people
//
// # What it deliberately does not do
//
// It runs nothing: what a kind of fault does is in package world, what an option
// means in package kafka. It does not know scenarios.
package plan
