// Package kafka is the broker as a subject of worlds: the real broker on machines of role
// "broker", simulated Kafka clients on the others, and the judgement.
//
// # Contract
//
// [New] makes the subject of one run. After each turn the subject looks into the broker's
// loop and adds what it sees to the history as facts. If one more fact can show that a
// promise is broken, the fact is judged at once. The rest is judged at the end: package
// checker judges the history, package check what depends on circumstances. The subject
// changes nothing in a loop that it looks into.
//
//	cluster.go      the subject
//	clientjudge.go  what clients report to it and ask it
//	config.go       the configuration of brokers
//	facts.go        what is seen inside brokers, turn by turn
//	damage.go       what is seen of their disks and clocks
//	timeline.go     milestones: what changed between two images of the metadata
//	features.go     states of replicas that a run's coverage counts
//	convergence.go  what is still pending
//	waits.go        the operations that what is pending waits for
//	targets.go      what "@leader" means in a plan
//	operator.go     questions of an operator to control loops
//	barriers.go     reads behind barriers
//	spells.go       readiness between the spells of a budgeted plan
//	rest.go         the phase without load
//	verdict.go      what is collected at the end, and the judgement
//	demands.go      what the plan demands besides safety
//	bounds.go       what brokers may hold in memory
//	statetext.go    metadata images in dumps of loop states
//
// # What it deliberately does not do
//
// It draws no plans (package scenario does). It does not look into a loop in the middle of
// a turn, with one exception: before metadata, which may end a leadership there.
package kafka
