// Package kafka is the broker as a subject of worlds: the real broker on machines of
// role "broker", simulated Kafka clients on the others, and the judgement.
//
// # Contract
//
// [New] makes the subject of one run. While the world runs, what is seen inside
// brokers at the end of each turn becomes facts in the history; what one more fact
// can show to be broken is reported at once, the rest is judged at the end
// (package checker over the history, package check over the circumstances). The
// subject changes nothing in a loop that it looks into.
//
//	cluster.go     the subject; clientjudge.go: what clients tell it
//	config.go      what brokers are started with
//	facts.go       what is seen inside them, turn by turn; damage.go: on their disks
//	timeline.go    turning points between two images of the metadata; features.go
//	convergence.go when nothing is pending any more; waits.go: and why it is
//	targets.go     what "@leader" means in a plan
//	operator.go barriers.go  questions from outside of a node
//	spells.go      readiness between the spells of a budgeted plan
//	rest.go        the phase without load
//	verdict.go     what is collected at the end, and the judgement
//	demands.go bounds.go  what the plan demands besides safety; what may be held
//
// # What it deliberately does not do
//
// It draws no plans (package scenario), and it never looks into a loop in the
// middle of a turn, but for metadata that ends a leadership there.
package kafka
