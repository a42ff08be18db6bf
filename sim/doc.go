// Package sim runs worlds: clusters of nodes on virtual disks, networks and
// clocks, in one thread, as a function of a seed.
//
// # Purpose
//
// The loops of a node run here unchanged (package broker/loop is the contract).
// What production leaves to chance is drawn from named streams of the seed: how
// long a turn takes, how many events it gets, how long mail travels, which
// sectors a crash keeps, what goes wrong and when. So a seed that shows a bug
// shows it again.
//
// # How a run reads
//
// A [scenario.Scenario] draws a [plan.Plan] from a seed: nodes, limits, workload, faults. A
// [world.World] builds the machines of the plan, runs the safety phase with its faults,
// heals everything, and then demands that whatever is pending ends within the
// plan's bound. A [world.Subject] brings the nodes' code, the clients (which are nodes,
// too) and the judgement. The [world.Result] ends with one line:
//
//	seed=N scenario=S events=E virtual=D trace=HASH verdict=pass|fail
//
//	the world
//	scheduler.go     the only clock and the only order of events
//	streams.go       named random streams; crypto/rand.Reader of the live world
//	clock.go         what a machine shows of the world's time; duration.go: in plans
//	node.go          a machine and the lives of its process
//	host.go          one loop's host: inbox and turns
//	mail.go ports.go what goes in and out of a loop: mail, disk, network
//	hardware.go      how lives and virtual hardware hang together
//	faults.go        faults in time, and what they hit; their kinds are in
//	processfaults.go operatorfaults.go networkfaults.go diskfaults.go
//	anchor.go        faults that wait for a milestone
//	trace.go         the rolling hash (hasher.go) over inputs, outputs and state
//	plan.go          runs as data; machines.go: its networks and disks
//	world.go         the phases of a run; result.go: how it ended
//	toy*.go          the simulator's own test subject; planted.go: worlds that must fail
//
//	many runs
//	scenario.go      names, and how each draws plans
//	campaign.go      runs in worker processes; package campaign: very many, remembered
//	coverage.go      what a run has reached: marks, states, faults, judgements
//	mutants.go       planted bugs, and the hunt for each
//	canary.go        each seed under several settings of the Go runtime
//	determinism.go   where two runs of one seed part, in their traces and states
//	statelog.go statedump.go  states of loops as text, turn by turn
//
//	failures explained
//	milestone.go     the turning points of a run
//	fingerprint.go   what two failures of one bug have in common
//	tale.go          a failed run in twenty lines
//	stall.go         why something does not end: the chains of the wait-for graph
//	stallgraph.go stallhost.go kafkawaits.go  the graph: what brokers and clients
//	                 list (package wait), who does not run, and by which fault
//	recording.go recordedframes.go record.go  what pages are made of, turn by turn
//	chain.go operations.go  what an operation of a client brought about, and what ended it
//	reportdocument.go  the page about a run; package report draws it
//	reproduction.go  a plan that shows a bug, as a file; package shrink makes it small
//	fork.go          other futures of a run; package explain compares them
//
//	the real broker
//	cluster.go       as a subject: factories, convergence, targets
//	clusterconfig.go what its nodes are started with
//	clusterfacts.go  what is seen inside them, turn by turn
//	clusterverdict.go what is collected at the end, and the judgement
//	clusterbounds.go what brokers may hold, and whom they let wait
//	clusterproducers.go what replicas remember of idempotent producers
//	progress.go pauses.go creation.go  what it owes besides safety: to go on
//	damage.go        what excuses a loss in a run in which anything breaks
//	leases.go terms.go leftovers.go barriers.go fairness.go  what is held against what was seen
//	recorder.go      the history
//	kafkaclient.go kafkaconn.go  simulated Kafka clients: metadata, connections
//	kafkaproducer.go kafkaconsumer.go kafkareader.go kafkaadmin.go  what they do
//	kafkavandal.go kafkasloth.go  clients that behave as none should
//	scenarios.go     how its plans are drawn; budget.go: those in which a quorum core
//	                 stays healthy, and what that demands
//	story.go         stories, which are data files in scenarios/; draws.go,
//	storydraw.go     what they leave to the seed
//	regression.go    seeds that once showed a bug, also in scenarios/
//
// # Determinism
//
// Two runs of one plan by one build have equal trace hashes, in any process, on
// any machine, under any GOGC or GOMAXPROCS. What enters the hash: for each event
// its time, node, incarnation, loop, kind and content; for each effect the same;
// at intervals the state of loops that implement [world.StateAppender]. What never
// does: texts of errors (only their sentinels), floats, map order, addresses.
//
// One world lives per process, since etcd raft reads crypto/rand.Reader, which
// is a variable of the process.
//
// # Buffers
//
// The virtual disk and network own buffers as the contracts say and check that
// nobody changes one meanwhile; mail is hashed when it is sent and again when it
// arrives. A broken rule is a failure of the run.
//
// # What it deliberately does not do
//
// It models no CPU (turns cost drawn times), no memory limit and no thread
// preemption within a turn; the effects of a turn leave at its beginning.
package sim
