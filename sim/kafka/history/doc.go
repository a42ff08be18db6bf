// Package history records the history of a run, which is what package checker judges: what
// clients and the observer of a cluster see. It also says how machines, topics and
// partitions are named there. It is not the recording for the page about a run (package
// sim/recording).
//
// # Contract
//
// The moments of a [Recorder] are totally ordered, since one thread runs the world. Its ids
// and the values of test records are unique within a run. Brokers are the machines b1, b2,
// and so on. A topic is its id in hex, since a name may be used again.
//
//	recorder.go  the recorder: moments, ids, unique values
//	names.go     names of machines, topics and partitions
//
// # What it deliberately does not do
//
// It judges nothing, and it knows nothing of what writes to it.
package history
