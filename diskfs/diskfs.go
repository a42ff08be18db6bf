// Package diskfs says what a disk is. A loop submits operations; their
// completions come back to it later.
//
// osfs/ implements the contract on a real file system, virtual/ inside the
// simulator. Both pass the same suite, diskfstest/.
//
// # Obligations
//
//  1. Submit never blocks and never fails. Each [Op] yields exactly one
//     [Completion], with the op's Owner, Token, Handle, Path and Data, given to
//     the loop.
//  2. Operations in flight together may execute in any order and at the same
//     time, also on one file. A caller that needs an order waits for
//     completions. The disk has queues, and executes a few operations of each at
//     the same time: groups of a log (WriteSync), other operations of a log
//     (Op.Log), reads, removals, and the rest. None waits for one of another
//     queue. Two exceptions: operations on a handle begin after its Open
//     has completed (if that failed, they fail with ErrClosed), and Close
//     begins after the operations submitted before it on its handle have
//     completed.
//  3. Data belongs to the disk from Submit to the completion. A write's data
//     must not change meanwhile; afterwards it belongs to the submitter again.
//  4. Durable means: a Sync or WriteSync of the file completed without error.
//     Sync covers exactly the writes, allocations and truncations of its file
//     that had *completed* before it was submitted. WriteSync writes Data and
//     completes when those bytes are durable; it makes no other write durable.
//  5. A created, renamed or removed name is durable after SyncDir of its
//     directory, submitted after the operation completed. Syncing a file does not
//     make its name durable. SyncFS makes everything completed before it durable.
//  6. A crash keeps any subset of the unsynced sectors ([SectorSize] bytes
//     each), in any order, and any subset of the unsynced names.
//  7. A failed write leaves any mixture of old and new bytes in its range. A
//     failed sync promises nothing about any unsynced byte, now or later. The
//     caller stops: a retry may succeed although the bytes are not durable (the
//     kernel may have dropped the pages).
//  8. Errors are wrapped with operation and path; callers branch with errors.Is
//     on the sentinels below only.
//  9. A failure has one of three classes. ErrIO is about the medium: what it
//     holds cannot be read, or is not durable. ErrNoSpace is about room.
//     ErrUnavailable is about the process and its configuration: no descriptor
//     or no memory was left, or a permission is missing. It says nothing about
//     what the medium holds, and passes with time or by an operator's hand. An
//     operation with this error may be submitted again. It has changed nothing,
//     unless it is a write or a RemoveAll. No sync of a file that has begun fails
//     with it. A failure without a class is no damage either.
//
// Paths are slash-separated and relative to the root of the node's data
// directory; "." is the root. They never contain "..".
package diskfs

import (
	"errors"

	"example.com/lockstep/broker/env"
)

// SectorSize is the unit in bytes that a crash keeps or loses as a whole
// unless the disk tears it (a torn sector: any mixture of old and new bytes).
const SectorSize = 4096

// Sentinels that callers may branch on.
var (
	ErrNotExist = errors.New("diskfs: does not exist")
	ErrExist    = errors.New("diskfs: exists")
	ErrNoSpace  = errors.New("diskfs: no space left")
	ErrIO       = errors.New("diskfs: input/output error")
	ErrClosed   = errors.New("diskfs: handle not open")
	ErrLocked   = errors.New("diskfs: locked by another process")
	// ErrUnavailable: the process lacks what the operation needs (obligation 9).
	ErrUnavailable = errors.New("diskfs: not possible for this process at present")
)

// Handle names an open file. The submitter chooses it. It is unique within the
// [Disk] and never reused.
type Handle uint64

// Kind is an operation.
type Kind uint8

const (
	// Open opens Path as Handle for reading and writing. Flags: Create makes
	// the file if it is missing, Exclusive fails with ErrExist if it is there.
	// The completion's Size is the file's size in bytes.
	Open Kind = iota + 1
	// Close releases Handle. It syncs nothing.
	Close
	// Read fills Data from Offset. N is the number of bytes read; less than
	// len(Data) only at the end of the file (then Err is nil).
	Read
	// Write stores Data at Offset, growing the file as needed; a gap reads as zero.
	Write
	// WriteSync is Write followed by making exactly these bytes durable.
	WriteSync
	// Sync makes the file durable: bytes and size. With the flag Uncached,
	// later reads also show what the medium holds, as far as the system can
	// tell. Memory may hold bytes for which an earlier sync failed (obligation
	// 7).
	Sync
	// Truncate sets the file's size to Size; growth reads as zero.
	Truncate
	// Allocate writes zeros to [Offset, Offset+Size) so that later writes there
	// need no metadata update. Contents there before are lost.
	Allocate
	// Rename moves Path to To, replacing To.
	Rename
	// Remove deletes the file or empty directory Path; ErrNotExist if missing.
	Remove
	// RemoveAll deletes Path and everything below it; a missing Path is no error.
	RemoveAll
	// List returns the Entries of directory Path, sorted by name.
	List
	// Mkdir creates directory Path; its parent must exist. ErrExist if it is there.
	Mkdir
	// SyncDir makes the names in directory Path durable.
	SyncDir
	// SyncFS makes everything on the file system durable.
	SyncFS
	// Space returns the free bytes of the file system in Size.
	Space
	// Lock takes the exclusive lock of file Path, creating it, until the process
	// ends; ErrLocked if another process holds it.
	Lock
)

// Flags modify Open and Sync.
type Flags uint8

const (
	Create Flags = 1 << iota
	Exclusive
	Uncached
)

// Op is one operation. Its Kind says which fields count.
type Op struct {
	Kind   Kind
	Flags  Flags
	Log    bool   // it belongs to a write-ahead log, and does not queue behind others
	Owner  uint32 // echoed: the part of the submitting loop that waits
	Token  uint64 // echoed: what it waits for
	Handle Handle
	Path   string
	To     string
	Offset int64 // bytes
	Size   int64 // bytes
	Data   []byte
}

// Completion is the outcome of one operation.
type Completion struct {
	Kind    Kind
	Owner   uint32
	Token   uint64
	Handle  Handle
	Path    string // echoed
	Err     error
	N       int   // bytes read or written
	Size    int64 // bytes: Open, Space
	Data    []byte
	Entries []Entry
}

// Entry is a name in a directory.
type Entry struct {
	Name string
	Dir  bool
	Size int64 // bytes; 0 for directories
}

// Disk is the disk of one loop. Only that loop submits to it.
type Disk interface {
	Submit(Op)
	// Executing yields the operations that execute now: they have left their
	// queue, and the loop was not given their completion yet. There are a few
	// at most. A disk that makes no progress shows here, one with a long queue
	// does not.
	Executing(yield func(Execution))
}

// Execution is an operation that executes.
type Execution struct {
	Kind  Kind
	Owner uint32
	Token uint64
	Since env.Instant // on the monotonic clock of the loop
}

// Sink takes completions to the loop that submitted the operations. It never
// blocks: the operations in flight bound the number of completions.
type Sink func(Completion)
