package shard

import (
	"errors"
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/diskfs"
)

// openFiles bounds the files that the partitions of a shard have open (limits.OpenFiles). An Open
// beyond the bound waits for its turn, in the order of submission. This cannot lock up: a partition
// submits all Opens of a task together, when the task has no file open (partition.FilesOfTask). So
// the first task that waits needs only what other tasks close when they end.
type openFiles struct {
	bound   int
	open    int // Opens that were submitted, less those that failed and those that are closed
	waiting []diskfs.Op
}

// admit reports whether an Open may go to the disk now. If not, ended returns it later.
func (f *openFiles) admit(op diskfs.Op) bool {
	if len(f.waiting) > 0 || f.open >= f.bound {
		f.waiting = append(f.waiting, op)
		return false
	}
	f.open++
	return true
}

// ended takes the completion of a partition, and returns the next Open, if it is its turn. A Close
// of a file that did not open ends nothing: the failure of its Open did.
func (f *openFiles) ended(c *diskfs.Completion) (next diskfs.Op, ok bool) {
	failed := c.Kind == diskfs.Open && c.Err != nil
	closed := c.Kind == diskfs.Close && !errors.Is(c.Err, diskfs.ErrClosed)
	if !failed && !closed {
		return next, false
	}
	f.open--
	if len(f.waiting) == 0 {
		return next, false
	}
	next = f.waiting[0]
	f.waiting = f.waiting[1:]
	f.open++
	return next, true
}

// holds reports whether an Open of an owner waits for its turn.
func (f *openFiles) holds(owner uint32) bool {
	for i := range f.waiting {
		if f.waiting[i].Owner == owner {
			return true
		}
	}
	return false
}

// turnToOpen names what an Open waits for that may not go to the disk yet.
const turnToOpen = "turn to open a file"

// diskWait is what the operations of a partition wait for.
func (s *Shard) diskWait(p *part) (what string, on wait.Target) {
	if s.files.holds(p.owner) {
		return fmt.Sprintf("its turn to open a file, behind %d", len(s.files.waiting)),
			wait.Of(turnToOpen)
	}
	return "the disk", wait.OfDisk(p.owner, wait.AnyToken)
}

// fileWaits lists what the first Open that waits for its turn waits for.
func (s *Shard) fileWaits(yield func(wait.Wait)) {
	if len(s.files.waiting) == 0 {
		return
	}
	w := wait.Wait{
		Who: turnToOpen, Since: wait.Unknown, Until: env.Never,
		For: fmt.Sprintf("one of %d open files to be closed", s.files.open),
		On:  wait.Of(wait.WakeUp),
	}
	if len(s.ops.ops) > 0 {
		w.On = s.ops.OldestTarget()
	}
	yield(w)
}

// Postponed returns the operation of a completion, to be submitted again after a pause: a sync of
// names or of the file system that this process could not begin, for example for lack of a
// descriptor. What such a sync would make durable is as before, so waiting is safe, and giving up
// is not: the node would have to stop. The operation counts as unfinished meanwhile (see OpClock).
func Postponed(c *diskfs.Completion) (op diskfs.Op, postponed bool) {
	if c.Kind != diskfs.SyncDir && c.Kind != diskfs.SyncFS ||
		!errors.Is(c.Err, diskfs.ErrUnavailable) {
		return op, false
	}
	return diskfs.Op{Kind: c.Kind, Owner: c.Owner, Token: c.Token, Path: c.Path}, true
}
