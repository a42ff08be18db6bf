package wal

import (
	"errors"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/diskfs"
)

// spare is the file of the next segment, which is made ready in the background:
//
//	           new: open → allocate → sync ┐
//	                                        ├→ sync directory → ready
//	recycled: rename to the new number ────┘                      │
//	                                                               │ a longer record
//	     it failed: close and remove → blocked → (again)           │ needs more room
//	                                             allocate ← ───────┘
//
// Its name already has the number of the segment that will use it, so that the start of a segment
// needs no directory sync. Recovery knows a spare by its header, which is missing or has another
// number.
//
// A spare for which there was no room (ENOSPC), or that the process could not make
// (diskfs.ErrUnavailable), is removed and not repaired: no sync of a file is tried again, not even
// of a file that holds nothing.
type spare struct {
	file  file
	stage spareStage
	path  string // where the file is now; during a rename not yet that of its number
	want  int64  // the size that it must reach
}

type spareStage uint8

const (
	spareOpening spareStage = iota
	spareAllocating
	spareSyncing
	spareRenaming
	spareNaming // directory sync
	spareReady
	spareRemoving
	spareBlocked
)

// prepareSpare makes sure that a spare is ready, or is being made, that is large enough for the
// next segment.
func (l *Log) prepareSpare() {
	if l.spare == nil {
		l.spare = &spare{}
		l.beginSpare()
		return
	}
	if planned := l.firstPlanned(); planned != nil && l.spare.stage == spareReady &&
		l.spare.file.size < planned.file.size {
		l.spare.want = planned.file.size
		l.allocateSpare()
	}
}

// beginSpare starts to make the file. It uses a released segment if there is one.
func (l *Log) beginSpare() {
	s := l.spare
	number, size := l.nextNumber, l.cfg.SegmentBytes
	if planned := l.firstPlanned(); planned != nil {
		number, size = planned.file.number, planned.file.size
	}
	*s = spare{want: size, path: l.path(number)}
	if n := len(l.free); n > 0 {
		mark.Hit(mark.WALRecycled)
		old := l.free[n-1]
		l.free = l.free[:n-1]
		s.path = l.path(old.number)
		s.file = file{number: number, handle: old.handle, size: old.size}
		l.stepSpare(spareRenaming, diskfs.Op{Kind: diskfs.Rename, Path: s.path, To: l.path(number)})
		return
	}
	s.file = file{number: number, handle: l.disk.NewHandle()}
	l.stepSpare(spareOpening, diskfs.Op{
		Kind: diskfs.Open, Flags: diskfs.Create | diskfs.Exclusive, Handle: s.file.handle,
		Path: s.path,
	})
}

func (l *Log) allocateSpare() {
	s := l.spare
	l.stepSpare(spareAllocating, diskfs.Op{
		Kind: diskfs.Allocate, Handle: s.file.handle, Offset: s.file.size,
		Size: s.want - s.file.size,
	})
}

var spareStep = [...]string{
	spareOpening: "create", spareAllocating: "allocate", spareSyncing: "sync",
	spareRenaming: "rename", spareNaming: "sync directory", spareRemoving: "remove",
}

func (l *Log) stepSpare(stage spareStage, op diskfs.Op) {
	l.spare.stage = stage
	l.submit(op, pendingOp{role: roleSpare, what: spareStep[stage]})
}

func (l *Log) spareCompleted(c diskfs.Completion) error {
	s := l.spare
	if c.Err != nil && !(s.stage == spareRemoving && isMissing(c.Err)) {
		return l.spareFailed(c.Err)
	}
	switch s.stage {
	case spareOpening:
		l.allocateSpare()
	case spareAllocating:
		l.stepSpare(spareSyncing, diskfs.Op{Kind: diskfs.Sync, Handle: s.file.handle})
	case spareSyncing:
		s.file.size = s.want
		l.nameSpare()
	case spareRenaming:
		s.path = l.path(s.file.number)
		l.nameSpare()
	case spareNaming:
		l.spareNamed()
	case spareRemoving:
		s.stage = spareBlocked
		if len(l.free) > 0 {
			l.beginSpare()
		}
	}
	return nil
}

func (l *Log) nameSpare() {
	l.stepSpare(spareNaming, diskfs.Op{Kind: diskfs.SyncDir, Path: l.cfg.Dir})
}

func (l *Log) spareNamed() {
	l.spare.stage = spareReady
	mark.HitIf(l.noSpace, mark.WALSpaceReturned)
	l.noSpace = false
	l.prepareSpare() // a longer record may have been appended in the meantime
}

// spareFailed gives up the file if the disk has no room, or if the process cannot make it at
// present; other errors stop the node.
func (l *Log) spareFailed(err error) error {
	s := l.spare
	passes := errors.Is(err, diskfs.ErrNoSpace) || errors.Is(err, diskfs.ErrUnavailable)
	if !passes || s.stage == spareNaming || s.stage == spareRemoving {
		return err
	}
	l.noSpace = true
	mark.Hit(mark.WALNoSpace)
	if s.stage != spareOpening { // a failed Open leaves no handle
		l.submit(diskfs.Op{Kind: diskfs.Close, Handle: s.file.handle},
			pendingOp{role: roleTidy, what: "close " + s.path})
	}
	l.stepSpare(spareRemoving, diskfs.Op{Kind: diskfs.Remove, Path: s.path})
	return nil
}
