package wal

import (
	"bytes"
	"errors"
	"hash/crc32"
	"slices"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/diskfs"
)

// scanner reads one segment as a stream. It keeps a window over the file, which moves with pos, and
// one chunk that is read ahead.
type scanner struct {
	segment    *found
	limit      int64 // the segment's log ends here at the latest
	pos        int64 // the next byte to judge
	headerRead bool

	buf    []byte // the file's bytes from base
	base   int64
	chunk  []byte // being read, or read and not yet in buf
	offset int64  // the place of chunk in the file; the next chunk follows it
	ready  bool   // chunk has been read
	busy   bool   // chunk belongs to the disk
	// A chunk that could not be read as a whole is read again sector by sector. salvaged is the
	// place in chunk of the sector that is being read.
	salvaging bool
	salvaged  int

	probe probe
}

// probe looks ahead and delivers nothing. It begins at a valid record that comes after a hole in
// its own group. If the group was torn, the log ends at the hole, and the record must not come
// back. If the group is damaged, the record is good. A later group or segment decides, and then the
// scan returns to the record.
type probe struct {
	active bool
	rewind bool  // it is decided; the scan returns when the read in flight has ended
	pos    int64 // of the record
	hole   hole  // as it was at the record
	// Every group that begins below this was submitted whole, so a hole in it is damage.
	proven Seq
}

type scanOutcome uint8

const (
	scanRecord scanOutcome = iota + 1
	scanWait               // for the disk
	scanEnd                // of this segment
)

// hole is a run of bytes that are no valid records, with what is known of the records that were
// there. It is damage if a later record is found, and the end of the log if not.
type hole struct {
	open    bool
	at      Position
	seqs    int // records in it that have a whole header
	handles []uint32
}

// handlesMax bounds the handles that are kept for one hole. A hole with more is unattributed.
const handlesMax = 1 << 16

// next returns the next valid record, in sequence.
func (s *scanner) next(l *Log) (Record, scanOutcome) {
	r := &l.recovery
	for {
		if s.probe.rewind && !s.rewind(r) {
			return Record{}, scanWait
		}
		if !s.headerRead {
			if !s.want(l, s.segment.header.headerBytes) {
				return Record{}, scanWait
			}
			s.readBindings(l)
			continue
		}
		if s.pos+recordHeaderBytes > s.limit {
			if s.busy { // the completion belongs to this scanner
				return Record{}, scanWait
			}
			return Record{}, scanEnd
		}
		if !s.want(l, recordHeaderBytes) {
			return Record{}, scanWait
		}
		h, ok := parseRecord(s.view(recordHeaderBytes))
		if !ok || !s.belongs(r, &h) {
			s.skipInvalid(r)
			continue
		}
		size := int64(recordBytes(int(h.length)))
		whole := s.pos+size <= s.limit
		if whole && !s.want(l, size) {
			return Record{}, scanWait
		}
		at := Position{h.number, h.offset + recordHeaderBytes}
		damaged := !whole ||
			crc32.Checksum(s.view(size)[recordHeaderBytes:][:h.length], castagnoli) != h.payloadCRC
		if damaged {
			r.openHole(s.here())
			r.hole.seqs++
			if len(r.hole.handles) < handlesMax {
				r.hole.handles = append(r.hole.handles, h.handle)
			}
			s.tornAt(r)
			s.pos += size
			continue
		}
		if !s.settled(r, &h) {
			if !s.probe.rewind {
				s.pos += size
			}
			continue
		}
		payload := s.view(size)[recordHeaderBytes:][:h.length:h.length]
		s.pos += size
		s.accept(r, &h)
		return Record{Seq: h.seq, Type: h.typ, Handle: h.handle, Payload: payload, At: at},
			scanRecord
	}
}

// settled reports whether a valid record may be delivered: nothing is missing before it, or the
// missing records are known to be damage.
func (s *scanner) settled(r *recovery, h *recordHeader) bool {
	p := &s.probe
	sameGroup := h.groupFirst() <= r.next
	switch {
	case r.next == 0 || h.seq == r.next || r.next < p.proven:
		return true
	case sameGroup && !p.active:
		p.active, p.pos, p.hole = true, s.pos, r.hole
		p.hole.handles = slices.Clone(r.hole.handles)
		s.tornAt(r)
		return false
	case sameGroup:
		return false
	case p.active:
		mark.Hit(mark.WALProbed)
		p.active, p.rewind, p.proven = false, true, h.groupFirst()
		return false
	}
	return true
}

// rewind goes back to where the probe began. It returns false while the disk uses the chunk.
func (s *scanner) rewind(r *recovery) bool {
	if s.busy {
		return false
	}
	p := &s.probe
	s.pos, r.hole = p.pos, p.hole
	s.offset = p.pos &^ (sectorBytes - 1)
	s.buf, s.ready = s.buf[:0], false
	p.rewind = false
	return true
}

// belongs reports whether a record header is from this use of the file, at its own place, and not
// older than the expected one.
func (s *scanner) belongs(r *recovery, h *recordHeader) bool {
	f := s.segment
	if h.number != f.file.number || h.offset != s.pos || f.id != 0 && h.id != f.id ||
		h.seq < r.next {
		return false
	}
	next := r.successor()
	return next == nil || h.seq < next.header.first
}

// accept closes the hole before a valid record and expects the next sequence.
func (s *scanner) accept(r *recovery, h *recordHeader) {
	f := s.segment
	f.id, f.used = h.id, true // the header that says the id may be lost
	r.headerProven()
	if r.next == 0 {
		r.next, r.report.FirstSeq = h.seq, h.seq
	}
	reason := BeforeValid
	if h.durable >= r.next {
		reason = BelowDurable
	}
	r.missingBefore(h.seq, reason, s.here())
	r.proveDurable(h.number, h.durable)
	r.report.Torn = false
	r.next = h.seq + 1
	f.end = roundUp(s.pos)
	r.tail = s.here()
}

// proveDurable makes certain what was only likely. The process that wrote a damaged range of
// segment number said later that everything up to durable was durable. The word of a later process
// does not count: it knew only what it recovered.
func (r *recovery) proveDurable(number uint64, durable Seq) {
	for i := len(r.report.Damage) - 1; i >= 0; i-- {
		d := &r.report.Damage[i]
		if d.At.Segment != number {
			return
		}
		if d.Reason == BeforeValid && d.First <= durable {
			mark.Hit(mark.WALDamageProven)
			d.Reason = BelowDurable
		}
	}
}

// skipInvalid moves to the next place where a group can begin. Zeros after a record are padding.
func (s *scanner) skipInvalid(r *recovery) {
	boundary := roundUp(s.pos + 1)
	if s.pos%sectorBytes != 0 {
		rest := s.buf[s.pos-s.base : min(boundary-s.base, int64(len(s.buf)))]
		if len(bytes.Trim(rest, "\x00")) > 0 {
			r.openHole(s.here())
			s.tornAt(r)
		}
	} else {
		r.openHole(s.here())
	}
	s.pos = boundary
}

func (s *scanner) here() Position { return Position{s.segment.file.number, s.pos} }

// tornAt notes that the hole, if the log ends there, is a torn group and not unused space.
func (s *scanner) tornAt(r *recovery) {
	if !r.report.Torn {
		r.report.Torn, r.report.TornAt = true, r.hole.at
	}
}

// readBindings takes the bindings of the segment's header, which are all that existed at its
// beginning.
func (s *scanner) readBindings(l *Log) {
	h := &s.segment.header
	view, ok := h.bindingsOf(s.view(h.headerBytes))
	if ok {
		l.bindings.Clear()
		for ; len(view) > 0; view = view[bindingBytes:] {
			handle := uint32(view[0]) | uint32(view[1])<<8 | uint32(view[2])<<16 |
				uint32(view[3])<<24
			l.bindings.Set(handle, ID(view[4:bindingBytes]))
		}
	} else {
		l.recovery.headerLost(s.segment)
	}
	l.nextHandle = max(l.nextHandle, h.nextHandle)
	s.headerRead = true
	s.pos = h.headerBytes
}

func (r *recovery) openHole(at Position) {
	if !r.hole.open {
		r.hole.open, r.hole.at = true, at
	}
}

// missingBefore closes the hole. The record seq exists, so the records that are missing before it
// are damage.
func (r *recovery) missingBefore(seq Seq, reason Reason, at Position) {
	h := r.hole
	r.hole = hole{handles: h.handles[:0]}
	if r.next == 0 || seq <= r.next {
		return
	}
	if h.open {
		at = h.at
	}
	handles := slices.Clone(h.handles)
	slices.Sort(handles)
	r.addDamage(Damage{
		First: r.next, Last: seq - 1, At: at, Reason: reason, Handles: slices.Compact(handles),
		Attributed: h.seqs == len(h.handles) && Seq(h.seqs) == seq-r.next,
	})
}

// addDamage reports damage. When the report is full, the last range grows to cover the new one.
func (r *recovery) addDamage(d Damage) {
	mark.Hit(mark.WALDamage)
	n := len(r.report.Damage)
	if n < damageMax {
		r.report.Damage = append(r.report.Damage, d)
		return
	}
	last := &r.report.Damage[n-1]
	last.First, last.Last = min(last.First, d.First), max(last.Last, d.Last)
	last.Attributed, last.Handles = false, nil
}

// unreadableTail returns the place of a sector at or after the end of the last valid record that
// could not be read.
func (r *recovery) unreadableTail() (Position, bool) {
	bad := r.unreadable
	return bad, bad.Segment > r.tail.Segment ||
		bad.Segment == r.tail.Segment && bad.Offset >= r.tail.Offset && bad.Segment != 0
}

// view returns n bytes from pos. The caller has made them available with want.
func (s *scanner) view(n int64) []byte { return s.buf[s.pos-s.base:][:n] }

// want makes n bytes from pos available in the window. It returns false if the disk has to read
// first. It keeps one read ahead in flight.
func (s *scanner) want(l *Log, n int64) bool {
	for {
		if s.pos >= s.base && s.pos+n <= s.base+int64(len(s.buf)) {
			s.readAhead(l)
			return true
		}
		if !s.ready {
			s.readAhead(l)
			return false
		}
		s.slide()
	}
}

// slide drops the bytes before pos and adds the chunk to the window.
func (s *scanner) slide() {
	drop := min(max(s.pos-s.base, 0), int64(len(s.buf)))
	if drop > 0 {
		rest := copy(s.buf, s.buf[drop:])
		s.buf = s.buf[:rest]
		s.base += drop
	}
	if len(s.buf) == 0 {
		s.base = s.offset
		if cap(s.buf) > 4*cap(s.chunk) {
			s.buf = nil // it had grown for a long record
		}
	}
	s.buf = append(s.buf, s.chunk...)
	s.offset += int64(len(s.chunk))
	s.ready = false
}

// readAhead submits the next read if none is in flight or waiting.
func (s *scanner) readAhead(l *Log) {
	if s.busy || s.ready || s.offset >= s.limit {
		return
	}
	n := min(int64(l.cfg.ReadBytes), s.limit-s.offset)
	if int64(cap(s.chunk)) < n {
		s.chunk = make([]byte, n)
	}
	s.chunk = s.chunk[:n]
	s.read(l, 0, int(n))
}

func (s *scanner) read(l *Log, from, n int) {
	s.busy = true
	l.submit(diskfs.Op{
		Kind: diskfs.Read, Handle: s.segment.file.handle,
		Offset: s.offset + int64(from), Data: s.chunk[from : from+n],
	}, pendingOp{role: roleRecovery, what: recoveryStepName[stepStream]})
}

// unreadableFill replaces bytes that the disk cannot return. It is neither a header nor padding.
const unreadableFill = 0xEE

// completed takes a chunk. If the chunk could not be read, its sectors are tried one by one: one
// bad sector must not hide the others, and must not stop the node.
func (s *scanner) completed(l *Log, c diskfs.Completion) error {
	s.busy = false
	if c.Err != nil && !errors.Is(c.Err, diskfs.ErrIO) {
		return c.Err
	}
	switch {
	case !s.salvaging && c.Err != nil:
		mark.Hit(mark.WALSectorUnread)
		s.salvaging, s.salvaged = true, 0
	case !s.salvaging:
		clear(s.chunk[c.N:]) // the file is shorter than when it was opened
		s.ready = true
		return nil
	default:
		if c.Err != nil {
			for i := range c.Data {
				c.Data[i] = unreadableFill
			}
			l.recovery.report.Unread = true
			l.recovery.unreadable = Position{s.segment.file.number, s.offset + int64(s.salvaged)}
		} else {
			clear(c.Data[c.N:])
		}
		s.salvaged += len(c.Data)
	}
	if s.salvaged < len(s.chunk) {
		s.read(l, s.salvaged, min(sectorBytes, len(s.chunk)-s.salvaged))
		return nil
	}
	s.salvaging, s.ready = false, true
	return nil
}
