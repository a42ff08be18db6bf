// Package scenario names ways to draw a plan from a seed.
//
// # Contract
//
// A [Scenario] is a name, a draw and a subject. Those of the broker are functions
// here ([OfBrokers]) or stories: YAML files in scenarios/ that say what the cluster
// is, what goes wrong and what is demanded, and leave the rest to the seed
// ([Story]). Files are strict: an unknown word is an error. They are parsed when
// first asked for.
//
// A change of a draw changes the meaning of its seeds; what is added later is drawn
// last, or from a stream of its own.
//
//	scenario.go    the type, the lists, NewPlan
//	broker.go      draws for brokers; budgeted.go: budgeted and unbudgeted plans
//	toy.go planted.go  the toy's, and worlds that must fail
//	story.go       a scenario as data; storydraw.go draws.go: what the seed decides
//	reproduction.go a plan that shows a bug, as a file
//	regression.go  seeds and plans that once showed one
//
// # What it deliberately does not do
//
// It runs nothing.
package scenario
