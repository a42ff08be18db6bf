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
// This package is the front door: NewPlan draws the plan of a seed, RunSeed and
// RunPlan run it, ReportPlan writes the page about it, and
//
//	go test ./sim -v -seed=N [-scenario=NAME]
//
// does so from the command line. Everything else has a room of its own.
//
// # The rooms
//
// A room imports only rooms above it in this list; cmd/corelint holds that
// (simImports).
//
//	property   the names of what the simulator judges by itself
//	plan       a run as data: machines, load, faults, limits, demands
//	world      the machine room: scheduler, hosts, ports, faults, trace, verdict.
//	           It runs a Subject and knows nothing of Kafka
//	toy        the simulator's own small subject, with planted bugs
//	kafka      the broker as subject: configuration, observation, judgement
//	  history    what clients and observer record, and how things are called there
//	  check      what brokers owe, one property a file
//	  client     simulated Kafka clients, which are nodes too
//	recording  what a run did, turn by turn, for the page about it
//	report     draws that page, from plain data: it imports none of our packages
//	scenario   names, how each draws plans, stories and regressions as files
//	sim        this package
//	pool       runs in worker processes; determinism checks; the hunt for planted bugs
//	campaign   very many runs, with a memory
//	shrink     a failing plan made small
//	explain    the moment from which a run had to fail
//
// # How a run reads
//
// A scenario draws a plan from a seed. A world builds the machines of the plan,
// runs the safety phase with its faults, heals everything, and demands that
// whatever is pending ends within the plan's bound. Then it rests without load, and
// the subject judges (world.World.Run shows all phases). The result ends with one
// line:
//
//	seed=N scenario=S events=E virtual=D trace=HASH verdict=pass|fail
//
// # Determinism
//
// Two runs of one plan by one build have equal trace hashes, in any process, on
// any machine, under any GOGC or GOMAXPROCS. What enters the hash is said in
// package world. One world lives per process, since etcd raft reads
// crypto/rand.Reader, which is a variable of the process.
//
// # What it deliberately does not do
//
// The front door has no logic of its own: how plans are drawn is for scenario to
// say, how they run for world, how many run for pool.
package sim
