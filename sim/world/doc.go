// Package world runs a plan: it is the machines, the only clock and the only order
// of events, in one thread.
//
// # Contract
//
// A [World] is made from a plan and a [Subject], which brings the nodes' code, the
// clients (which are nodes, too) and the judgement. Run shows all phases: the
// safety phase with the plan's faults, the healing, the liveness phase, the rest
// without load, the verdict. What a subject may implement besides are small
// interfaces (subject.go). A [Recorder] takes a run down and changes nothing in it.
//
// Two runs of one plan by one build have equal trace hashes. What enters the hash:
// for each event its time, node, incarnation, loop, kind and content; for each
// effect the same; at intervals the state of loops that implement [StateAppender].
// What never does: texts of errors (only their sentinels), floats, map order,
// addresses. Mail enters by the name of its type, or by its label ([Labelled]).
//
//	subject.go     what a subject implements, and what it may implement besides
//	world.go       the phases of a run; result.go: how it ended; summary.go: in twenty lines
//	scheduler.go   the order of events
//	streams.go     named random streams; crypto/rand.Reader of the live world
//	clock.go       what a machine shows of the world's time
//	node.go        a machine and the incarnations of its process
//	host.go        one loop's host: inbox and turns
//	mail.go ports.go reads.go  what goes in and out of a loop
//	hardware.go    how processes and virtual hardware hang together
//	faults.go      faults in time, and what they hit; their effects are in
//	               processfaults.go operatorfaults.go networkfaults.go diskfaults.go
//	anchored.go    faults that wait for a milestone; milestone.go: turning points
//	trace.go       the rolling hash (hasher.go) over inputs, outputs and state
//	coverage.go    what a run has reached
//	recorder.go    what a recorder is told
//	stall.go       why something does not end; stallgraph.go stallhost.go: the graph
//	statedump.go statelog.go  states of loops as text, turn by turn
//	fingerprint.go what two failures of one bug have in common
//	fork.go        other futures of a run
//
// # Buffers
//
// The virtual disk and network own buffers as their contracts say and check that
// nobody changes one meanwhile; mail is hashed when it is sent and again when it
// arrives. A broken rule is a failure of the run.
//
// # What it deliberately does not do
//
// It knows nothing of Kafka: it imports leaves of the broker and the contract of
// loops. It models no CPU (turns cost drawn times), no limit of memory and no
// preemption within a turn; the effects of a turn leave at its beginning.
package world
