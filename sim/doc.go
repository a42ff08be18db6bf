// Package sim runs worlds. A world is a cluster of nodes on virtual disks, networks and
// clocks. It runs in one thread, and it is a function of a seed.
//
// # Purpose
//
// The loops of a node run here unchanged (package broker/loop is the contract). Named
// streams of the seed decide what chance decides in production: how long a turn takes, how
// many events it gets, how long mail travels, which sectors survive a crash, what goes
// wrong and when. So a seed that shows a bug shows it every time.
//
// This package is the front door. NewPlan draws the plan of a seed. RunSeed and RunPlan run
// it. ReportPlan writes the page about it. The command
//
//	go test ./sim -v -seed=N [-scenario=NAME]
//
// does the same. All other work is in the packages below.
//
// # The packages
//
// A package imports only packages that stand above it in this list, and kafka imports
// its three parts. The lint cmd/corelint enforces this (simImports).
//
//	property   the names of the properties that the simulator judges itself
//	plan       a run as data: machines, load, faults, limits, demands
//	world      scheduler, hosts, ports, faults, trace, verdict. It runs a Subject
//	           and knows nothing of Kafka
//	toy        the simulator's small test subject, with planted bugs
//	kafka      the broker as subject: configuration, observation, judgement
//	  history    records what clients and the observer see, and names things there
//	  check      what brokers owe, one property a file
//	  client     simulated Kafka clients, which are nodes too
//	report     draws the page about a run from plain data; imports none of our packages
//	recording  what a run did, turn by turn, for the page about it
//	scenario   named ways to draw a plan; scenarios and regressions as files
//	sim        this package
//	pool       runs in worker processes; determinism checks; the hunt for planted bugs
//	campaign   very many runs, and what they found, kept between campaigns
//	shrink     makes a failing plan small
//	explain    finds the moment from which a run had to fail
//
// # How a run proceeds
//
// A scenario draws a plan from a seed. A world builds the machines of the plan and runs the
// safety phase with its faults. Then it heals everything, and demands that all pending work
// ends within the plan's bound. Then it rests without load, and the subject judges
// (world.World.Run shows all phases). The result ends with one line:
//
//	seed=N scenario=S events=E virtual=D trace=HASH verdict=pass|fail
//
// # Determinism
//
// Two runs of one plan by one build have equal trace hashes, in any process, on any
// machine, under any GOGC or GOMAXPROCS. Package world says what enters the hash. A process
// runs one world at a time, because etcd raft reads crypto/rand.Reader, which is a variable
// of the process.
//
// # What it deliberately does not do
//
// The front door has no logic of its own. Package scenario decides how plans are drawn,
// world how they run, and pool how many run at once.
package sim
