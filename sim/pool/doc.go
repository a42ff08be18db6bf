// Package pool runs worlds in worker processes. A process holds one live world, so
// many runs at a time are many processes.
//
// # Contract
//
// A [Pool] hands jobs to workers, as JSON lines; a run whose worker died or hung has
// failed, with what the worker said last. A program becomes a worker by calling
// [ServeIfWorker] first in main, or in TestMain. A [DeterminismCheck] runs each seed
// under several settings of the Go runtime, in fresh processes, and says where two
// runs part: the first trace record and the first state of a loop. [Hunt] runs the
// scenarios of a planted bug until a run fails as expected.
//
//	pool.go        jobs, workers
//	settings.go    determinism checks; determinism.go: where two runs part
//	statedifference.go  in the states of loops
//	mutants.go     planted bugs
//
// # What it deliberately does not do
//
// It remembers nothing between two calls: package campaign does.
package pool
