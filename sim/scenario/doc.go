// Package scenario holds named ways to draw a plan from a seed.
//
// # Contract
//
// A [Scenario] has a name, a function that draws, and a subject. Those of the broker are
// functions here or stories ([OfBrokers] lists both). A [Story] is a YAML file in
// scenarios/. It says what the cluster is, what goes wrong and what is demanded, and leaves
// the rest to the seed. An unknown word in a file is an error. Stories are parsed when they
// are first asked for.
//
// A changed draw changes the meaning of its seeds. So additions are drawn last, or from
// their own stream.
//
//	scenario.go      the type, the lists, NewPlan
//	broker.go        draws for brokers
//	budgeted.go      draws of budgeted and unbudgeted plans
//	toy.go           the scenarios of the toy
//	planted.go       scenarios of the broker that must fail
//	story.go         a scenario as data
//	storydraw.go     the plan of a story and a seed
//	draws.go         values in a story that the seed chooses within bounds
//	reproduction.go  a plan that shows a bug, as a file
//	regression.go    seeds and plans that once showed a bug
//
// # What it deliberately does not do
//
// It runs nothing.
package scenario
