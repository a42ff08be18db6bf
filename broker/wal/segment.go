package wal

import (
	"errors"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/diskfs"
)

// file is an open segment file.
type file struct {
	number uint64 // as in its name
	handle diskfs.Handle
	size   int64
}

// segment is one use of a file. Its size, id and header are settled when the first record is placed
// in it, since the positions of records follow from them. The file may not exist yet.
type segment struct {
	file      file // handle is 0 while planned
	id        uint64
	state     segmentState
	header    []byte // until it is durable
	end       int64  // where the next group goes
	last      Seq    // its last sequence; settled when closed
	closed    bool   // takes no more groups
	recovered bool   // written by an earlier process
	pins      int
}

type segmentState uint8

const (
	segmentPlanned segmentState = iota // no file yet, or a record before it is not durable
	segmentHeading                     // its header is being synced
	segmentOpen                        // groups may be submitted
)

// segmentFor returns the segment that takes the next group, of at least n bytes.
func (l *Log) segmentFor(n int64) *segment {
	var last *segment
	if len(l.segments) > 0 {
		last = l.segments[len(l.segments)-1]
		if !last.closed && last.end+n <= last.file.size && !l.cfg.Rare.Choose(rare.WALRollEarly) {
			return last
		}
		if !last.closed {
			last.closed = true
			last.last = l.next - 1
		}
	}
	return l.planSegment(last, n)
}

// planSegment begins the segment that follows last, which may be nil.
func (l *Log) planSegment(last *segment, n int64) *segment {
	h := segmentHeader{
		id: l.newID(), number: l.nextNumber, first: l.next,
		released: l.released, nextHandle: l.nextHandle,
		firstOfIncarnation: last == nil || last.recovered,
	}
	if last != nil {
		h.previous, h.previousID, h.previousEnd = last.file.number, last.id, last.end
	}
	l.bindings.Scan(func(handle uint32, id ID) bool {
		h.bindingsView = appendBinding(h.bindingsView, handle, id)
		return true
	})
	header := h.encode()
	s := &segment{
		file:   file{number: h.number, size: max(l.cfg.SegmentBytes, h.headerBytes+n)},
		id:     h.id,
		header: header,
		end:    h.headerBytes,
	}
	l.nextNumber++
	l.segments = append(l.segments, s)
	return s
}

func (l *Log) newID() uint64 {
	for {
		if id := l.rand.Uint64(); id != 0 { // 0 stands for unknown in recovery
			return id
		}
	}
}

// firstPlanned returns the segment that takes the next spare; nil if all have a file.
func (l *Log) firstPlanned() *segment {
	for _, s := range l.segments {
		if s.state == segmentPlanned {
			return s
		}
	}
	return nil
}

// segmentReady reports whether groups of s may be submitted. If not, it starts the step that s
// needs next. Everything before s must be durable when the header of s is submitted: the "first
// sequence" in it says so.
func (l *Log) segmentReady(s *segment) bool {
	if s.state != segmentPlanned {
		return s.state == segmentOpen
	}
	if len(l.inflight) > 0 || l.spare == nil || l.spare.stage != spareReady ||
		l.spare.file.size < s.file.size {
		return false
	}
	assert.That(l.spare.file.number == s.file.number, "wal: spare %d for segment %d",
		l.spare.file.number, s.file.number)
	s.file = l.spare.file
	s.state = segmentHeading
	l.spare = nil
	l.submit(diskfs.Op{Kind: diskfs.WriteSync, Handle: s.file.handle, Data: s.header},
		pendingOp{role: roleHeader, segment: s})
	l.prepareSpare()
	return false
}

// Release says that every sequence up to through is durable elsewhere, or not needed. Segments with
// no later sequence are recycled, oldest first, up to the first that is pinned. The segment that
// takes appends stays.
func (l *Log) Release(through Seq) {
	assert.That(through <= l.durable, "wal: release of %d, durable is %d", through, l.durable)
	l.released = max(l.released, through)
	l.recycle()
}

func (l *Log) recycle() {
	if l.phase != Ready {
		return
	}
	for len(l.segments) > 1 {
		s := l.segments[0]
		if s.last > l.released || s.pins > 0 {
			break
		}
		// Until the successor's header is durable, only this file shows how far the sequences have
		// come. Without it, a log that has crashed would give the same sequences again.
		if l.segments[1].state != segmentOpen {
			break
		}
		l.segments = popFront(l.segments)
		if s.file.size != l.cfg.SegmentBytes ||
			int64(len(l.free)+1)*l.cfg.SegmentBytes > l.cfg.BudgetBytes/2 {
			l.discard(s.file)
			continue
		}
		l.free = append(l.free, s.file)
	}
	if l.spare != nil && l.spare.stage == spareBlocked && len(l.free) > 0 {
		l.beginSpare()
	}
}

// discard closes and removes a file that nothing needs.
func (l *Log) discard(f file) {
	l.close(f)
	l.submit(diskfs.Op{Kind: diskfs.Remove, Path: l.path(f.number)},
		pendingOp{role: roleTidy, what: "remove segment " + segmentName(f.number)})
}

func (l *Log) close(f file) {
	l.submit(diskfs.Op{Kind: diskfs.Close, Handle: f.handle},
		pendingOp{role: roleTidy, what: "close segment " + segmentName(f.number)})
}

// ReadOp returns the operation that reads into buf from a record's payload at the position. The
// caller tags and submits it, and gets its completion. The record must be durable, and its segment
// must stay pinned until the completion.
func (l *Log) ReadOp(at Position, buf []byte) diskfs.Op {
	s := l.segment(at.Segment)
	assert.That(s != nil && s.state == segmentOpen,
		"wal: read of segment %d, which is gone or not begun", at.Segment)
	assert.That(s.pins > 0, "wal: read of segment %d, which is not pinned", at.Segment)
	return diskfs.Op{Kind: diskfs.Read, Handle: s.file.handle, Offset: at.Offset, Data: buf}
}

// Pin keeps a segment from being recycled until Unpin is called as often as Pin.
func (l *Log) Pin(number uint64) {
	s := l.segment(number)
	assert.That(s != nil, "wal: pin of segment %d, which is gone", number)
	s.pins++
}

// Unpin undoes one Pin.
func (l *Log) Unpin(number uint64) {
	s := l.segment(number)
	assert.That(s != nil && s.pins > 0, "wal: unpin of segment %d", number)
	s.pins--
	l.recycle()
}

func (l *Log) segment(number uint64) *segment {
	for _, s := range l.segments {
		if s.file.number == number {
			return s
		}
	}
	return nil
}

func (l *Log) path(number uint64) string { return l.cfg.Dir + "/" + segmentName(number) }

func isMissing(err error) bool { return errors.Is(err, diskfs.ErrNotExist) }
