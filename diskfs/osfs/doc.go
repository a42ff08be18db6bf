// Package osfs is the disk contract of package diskfs on a real file system.
//
// One [Disk] serves one loop. Submit takes a short lock, appends to a queue and
// returns; worker goroutines make the system calls, which block, and hand each
// completion to the sink. The sink is therefore called from several
// goroutines, also at the same time.
//
// # The hot path
//
// A WriteSync is one system call: pwritev2 with RWF_DSYNC, which writes and
// makes exactly that range durable. Where the kernel or file system does not
// support it, the disk falls back to pwrite and fdatasync, permanently. Two
// workers serve only WriteSync, so that a group commit never queues behind a
// slow sync of a segment or the zeroing of a new file. The other queues have
// one worker (other operations of a log, removals), two (files) or three (reads).
//
// # SyncFS
//
// A SyncFS uses one descriptor that is open from New to Close, because the kernel
// reports a failed write-back once to each descriptor that is open at the time.
// Before Linux 5.8 it reports none; there, the disk syncs file by file.
//
// # Ownership
//
// Op.Data is used by a worker between Submit and the completion, never after.
//
// # Limits
//
// Nine goroutines and system calls at a time. The queues have no bound of their
// own: the submitter bounds its operations in flight.
//
// # What it does not do
//
// No retries, no caches, no timeouts: a system call that hangs for hours keeps
// its operation in flight for hours, and the loop that submitted it notices.
// The disk does not remember failed syncs; the caller has to (obligation 7).
package osfs
