// Package pool runs worlds in worker processes. A process holds one live world, so
// parallel runs need several processes.
//
// # Contract
//
// A [Pool] hands jobs to workers, as JSON lines. If a worker dies or hangs, its run
// has failed; the failure quotes what the worker wrote to stderr. A program that calls
// [ServeIfWorker] first in main, or in TestMain, can be a worker.
//
// A [DeterminismCheck] runs each seed under several settings of the Go runtime, in
// fresh processes. Where two runs differ it names the first trace record and the first
// state of a loop that do. [Hunt] runs the scenarios of a planted bug until a run
// fails as expected.
//
//	pool.go             jobs, workers
//	settings.go         determinism checks
//	determinism.go      where two runs differ: in their records
//	statedifference.go  and in the states of their loops
//	mutants.go          planted bugs
//	mutanttests.go      those that tests catch
//
// # What it deliberately does not do
//
// It keeps nothing between two calls: package campaign does.
package pool
