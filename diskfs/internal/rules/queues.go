package rules

import "example.com/lockstep/diskfs"

// Queue is one of the queues of a Disk. Each has workers of its own.
type Queue uint8

const (
	// LogWrites are the groups of a log: a commit never waits for anything else.
	LogWrites Queue = iota
	// Log is everything else that a log does: a log that needs a new file does not wait for a
	// flush.
	Log
	// Reads are reads of other files: clients that read old records delay nobody else.
	Reads
	// Files is what writes and opens other files.
	Files
	// Removals delete files. There may be thousands of them, and nobody waits for them.
	Removals
	queueCount
)

// Workers is how many operations of each queue execute at the same time.
var Workers = [queueCount]int{LogWrites: 2, Log: 1, Reads: 3, Files: 2, Removals: 2}

// QueueOf returns the queue of an operation.
func QueueOf(op *diskfs.Op) Queue {
	switch {
	case op.Kind == diskfs.WriteSync:
		return LogWrites
	case op.Log:
		return Log
	case op.Kind == diskfs.Read:
		return Reads
	case op.Kind == diskfs.Remove || op.Kind == diskfs.RemoveAll:
		return Removals
	}
	return Files
}

// Queues are the queues of one Disk: first in, first out. T is what the implementation keeps for an
// operation.
type Queues[T any] struct {
	// Most is how many operations of each queue execute at the same time; 0: see Workers.
	Most   int
	queues [queueCount]queue[T]
}

type queue[T any] struct {
	executing int
	waiting   []T
	head      int
}

// Submit reports whether an operation executes now. If not, an Ended returns it later.
func (q *Queues[T]) Submit(op *diskfs.Op, t T) (now bool) {
	kind := QueueOf(op)
	most := Workers[kind]
	if q.Most > 0 {
		most = q.Most
	}
	own := &q.queues[kind]
	if own.executing >= most {
		own.waiting = append(own.waiting, t)
		return false
	}
	own.executing++
	return true
}

// Ended ends an operation that has executed, and returns the one that executes next in its place.
func (q *Queues[T]) Ended(op *diskfs.Op) (next T, ok bool) {
	own := &q.queues[QueueOf(op)]
	if own.head == len(own.waiting) {
		own.executing--
		return next, false
	}
	var zero T
	next, own.waiting[own.head] = own.waiting[own.head], zero // let go of its buffer
	own.head++
	switch {
	case own.head == len(own.waiting):
		own.waiting, own.head = own.waiting[:0], 0
	case own.head >= 1024 && own.head*2 >= len(own.waiting):
		own.waiting = append(own.waiting[:0], own.waiting[own.head:]...)
		own.head = 0
	}
	return next, true
}
