// Package world runs a plan. It has the machines, the only clock and the only order of events, all
// in one thread.
//
// # Contract
//
// A [World] is made from a plan and a [Subject]. The subject brings the code of the nodes, the
// clients (which are nodes too) and the judgement; it may implement more of the small interfaces in
// subject.go. [World.Run] goes through all phases: the safety phase with the plan's faults, the
// healing, the liveness phase, a rest without load, and the verdict. A [Recorder] follows a run and
// changes nothing in it.
//
// Two runs of one plan by one build have equal trace hashes. The hash covers each event that a loop
// is given and each effect of a loop: its time, node, incarnation, loop, kind and content. At
// intervals it covers the state of the loops that implement [StateAppender]. Texts of errors,
// floats, map order and addresses never enter it: of an error only the sentinel does. Mail enters
// by the name of its type, or by its label ([Labelled]).
//
// Read the files in this order:
//
//	world.go       the world, and the phases of a run
//	subject.go     what a subject implements, and what it may implement besides
//	result.go      how a run ended; summary.go: the same in twenty lines
//	scheduler.go   the order of events
//	streams.go     named random streams; crypto/rand.Reader of the live world
//	clock.go       what the clocks of a machine show
//	node.go        a machine and the incarnations of its process
//	host.go        the host of one loop: its inbox and its turns
//	mail.go ports.go reads.go  what goes into a loop and out of it
//	hardware.go    the virtual network and disks, joined to the nodes
//	faults.go      when faults begin and end, and what they hit; their effects are in
//	               processfaults.go operatorfaults.go networkfaults.go diskfaults.go
//	milestone.go   the timeline of a run; anchored.go: faults that wait for a milestone
//	trace.go       the rolling hash (hasher.go) over inputs, outputs and state
//	coverage.go    what a run has reached
//	recorder.go    what a recorder is told
//	stall.go       why something does not end; stallgraph.go stallhost.go: the wait-for graph
//	statedump.go statelog.go  states of loops as text, turn by turn
//	fingerprint.go what two failures of one bug have in common
//	fork.go        other futures of a run
//
// # Buffers
//
// The virtual disk and network own buffers as their contracts say. They check that no loop changes
// a buffer while they own it. Mail is hashed when it is sent, and again when its receiver takes it.
// If a check fails, the run fails.
//
// # What it deliberately does not do
//
// It knows nothing about Kafka: of the broker it imports only leaf packages and the contract of
// loops. It does not model a CPU (the cost of a turn is drawn), a limit of memory, or preemption
// within a turn. The effects of a turn leave at the instant at which the turn begins.
package world
