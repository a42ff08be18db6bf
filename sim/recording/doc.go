// Package recording writes down a run, turn by turn, for the page about it: what every loop
// did, what flowed from one turn to another (mail, frames, disk operations), and how
// replicas changed. From this it finds the causal chains of operations, and makes the plain
// data that package report draws.
//
// A recording is not the history of a run. Package sim/kafka/history records the history,
// which package checker judges. A recording refers to the history's entries by their
// indices.
//
// # Contract
//
// A [Recording] is a world.Recorder: a run with a recording has the same trace as a run
// without one. Of the whole run it keeps how busy the loops were. Turns and flows it keeps
// only in the chosen slices of time. [Record] runs a plan twice and chooses the slices
// after the first run.
//
//	recording.go   turns and flows
//	frames.go      the bytes of connections as frames
//	record.go      two runs, and which slices of time to keep in detail
//	chain.go       what led from a request to its answer, or how far the request came
//	operations.go  what clients asked, with the requests that carried it
//	document.go    the data of the page
//
// # What it deliberately does not do
//
// It draws nothing (package report does), and it judges nothing.
package recording
