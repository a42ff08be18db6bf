// Package recording takes a run down turn by turn: what every loop did, what flowed
// from one turn to another (mail, frames, disk operations), and what was seen
// inside. It makes the causal chains of operations from that, and the plain data
// that package report draws.
//
// # Contract
//
// A [Recording] is a world.Recorder: a run that has one has the same trace as one
// without. How busy loops were is kept of the whole run; turns and flows only of
// the slices of time that were asked for. [Record] runs a plan twice, and chooses
// the slices after the first run.
//
//	recording.go  turns and flows; frames.go: the bytes of connections as frames
//	record.go     which slices deserve detail
//	chain.go      what led from a request to its answer, or how far it came
//	operations.go what clients asked, with the requests that carried it
//	document.go   the data of the page about a run
//
// # What it deliberately does not do
//
// It draws nothing (package report) and it judges nothing.
package recording
