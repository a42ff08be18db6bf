package wal

import (
	"encoding/binary"
	"hash/crc32"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/diskfs"
)

// group is what one WriteSync commits: records one after the other from a sector boundary, padded
// to the next boundary.
type group struct {
	segment     *segment
	offset      int64
	buf         []byte
	first, last Seq
	owned       bool // holds more than a mark
	done        bool // its sync has completed
}

// keptBufferBytes is the largest buffer that is kept for later groups.
const keptBufferBytes = 4 << 20

// Append copies a record into the open group and returns its sequence and the
// place of its payload. The payload is the concatenation of parts, at most
// MaxRecordBytes. The record is durable once Durable() has reached its sequence.
func (l *Log) Append(typ uint8, handle uint32, parts ...[]byte) (Seq, Position) {
	assert.That(typ >= 1 && typ <= MaxType, "wal: record type %d", typ)
	return l.append(typ, handle, parts...)
}

func (l *Log) append(typ uint8, handle uint32, parts ...[]byte) (Seq, Position) {
	assert.That(l.phase == Ready || l.phase == Failed, "wal: append in phase %d", l.phase)
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	assert.That(length <= MaxRecordBytes, "wal: record of %d bytes", length)
	g := l.groupFor(recordBytes(length))

	at := len(g.buf)
	g.buf = append(g.buf, make([]byte, recordHeaderBytes)...)
	for _, p := range parts {
		g.buf = append(g.buf, p...)
	}
	payload := g.buf[at+recordHeaderBytes:]
	h := recordHeader{
		id: g.segment.id, number: g.segment.file.number, offset: g.offset + int64(at),
		seq: l.next, handle: handle, length: uint32(length),
		payloadCRC: crc32.Checksum(payload, castagnoli), typ: typ, index: uint32(l.next - g.first),
	}
	for len(g.buf)%recordAlign != 0 {
		g.buf = append(g.buf, 0)
	}
	h.put(g.buf[at:]) // durable_through is stamped when the group is submitted
	g.last = l.next
	g.owned = g.owned || typ != typeMark
	l.next++
	if l.cfg.Rare.Choose(rare.WALSealEarly) {
		l.seal()
	}
	return h.seq, Position{h.number, h.offset + recordHeaderBytes}
}

// Bind allots a handle to id, for records of this partition. The binding is a record of its own. It
// is durable no later than the records that are appended after it.
func (l *Log) Bind(id ID) (handle uint32) {
	handle = l.nextHandle
	assert.That(handle != 0, "wal: no handle is left")
	l.nextHandle++
	// The append comes first: it may begin a segment, and a header must name only durable bindings.
	l.append(typeBind, handle, id[:])
	l.bindings.Set(handle, id)
	return handle
}

// Unbind ends a binding. The handle is not used again.
func (l *Log) Unbind(handle uint32) {
	_, ok := l.bindings.Get(handle)
	assert.That(ok, "wal: unbind of free handle %d", handle)
	l.append(typeUnbind, handle)
	l.bindings.Delete(handle)
}

// Bound is the id that a handle is bound to. During recovery it is as of the record that was
// delivered last.
func (l *Log) Bound(handle uint32) (ID, bool) { return l.bindings.Get(handle) }

// Bindings calls yield for each live binding by rising handle until it returns false.
func (l *Log) Bindings(yield func(handle uint32, id ID) bool) { l.bindings.Scan(yield) }

// groupFor returns the open group if it has room for n more bytes. Otherwise it begins another
// group and, if needed, another segment.
func (l *Log) groupFor(n int) *group {
	if g := l.open; g != nil {
		after := len(g.buf) + n
		if after <= l.cfg.GroupBytes && l.next-g.first < 1<<24 &&
			g.offset+roundUp(int64(after)) <= g.segment.file.size {
			return g
		}
		l.seal()
	}
	s := l.segmentFor(roundUp(int64(n)))
	l.open = &group{segment: s, offset: s.end, buf: l.takeBuffer(), first: l.next}
	return l.open
}

// seal closes the open group and queues it.
func (l *Log) seal() {
	g := l.open
	padding := int(roundUp(int64(len(g.buf)))) - len(g.buf)
	g.buf = append(g.buf, zeros[:padding]...)
	g.segment.end = g.offset + int64(len(g.buf))
	assert.That(g.segment.end <= g.segment.file.size, "wal: group past the end of segment %d",
		g.segment.file.number)
	l.queue = append(l.queue, g)
	l.open = nil
}

var zeros [sectorBytes]byte

// EndTurn submits the groups that the window allows, and writes the mark if it is due.
func (l *Log) EndTurn(now env.Instant) {
	if l.phase != Ready {
		return
	}
	l.pump()
	if l.idle() && l.markAt <= now {
		l.append(typeMark, 0)
		l.markDue = false
		l.pump()
	}
	switch {
	case !l.idle() || !l.markDue:
		l.markAt = env.Never
	case l.markAt == env.Never && l.cfg.Rare.Choose(rare.WALMarkSoon):
		l.markAt = now
	case l.markAt == env.Never:
		l.markAt = now.Add(l.cfg.MarkDelay)
	}
}

// Gathering reports whether records wait because the window is full, or because their segment is
// not ready. The next group still grows.
func (l *Log) Gathering() bool { return l.open != nil || len(l.queue) > 0 }

func (l *Log) idle() bool { return l.open == nil && len(l.queue) == 0 && len(l.inflight) == 0 }

// pump submits groups in order, as far as the window and their segments allow.
func (l *Log) pump() {
	l.prepareSpare()
	for len(l.inflight) < l.cfg.InFlight {
		var s *segment
		switch {
		case len(l.queue) > 0:
			s = l.queue[0].segment
		case l.open != nil:
			s = l.open.segment
		default:
			return
		}
		if !l.segmentReady(s) {
			return
		}
		if len(l.queue) == 0 {
			l.seal()
		}
		g := l.queue[0]
		l.queue = popFront(l.queue)
		l.submitGroup(g)
	}
}

func (l *Log) submitGroup(g *group) {
	at := 0
	for at+recordHeaderBytes <= len(g.buf) {
		if binary.LittleEndian.Uint32(g.buf[at:]) != recordMagic {
			break // the padding
		}
		sealRecord(g.buf[at:], l.durable)
		at += recordBytes(int(binary.LittleEndian.Uint32(g.buf[at+52:])))
	}
	if g.owned {
		l.markDue = true
	}
	l.groups++
	l.groupBytes += uint64(len(g.buf))
	l.inflight = append(l.inflight, g)
	l.submit(diskfs.Op{
		Kind: diskfs.WriteSync, Handle: g.segment.file.handle, Offset: g.offset, Data: g.buf,
	}, pendingOp{role: roleGroup, group: g})
}

// groupCompleted moves the end of the durable prefix.
func (l *Log) groupCompleted(g *group, c diskfs.Completion) error {
	if c.Err != nil {
		return c.Err
	}
	g.done = true
	for len(l.inflight) > 0 && l.inflight[0].done {
		head := l.inflight[0]
		l.inflight = popFront(l.inflight)
		assert.That(head.first == l.durable+1, "wal: group from %d completes after %d",
			head.first, l.durable)
		l.durable = head.last
		l.keepBuffer(head.buf)
		head.buf = nil
	}
	return nil
}

func (l *Log) takeBuffer() []byte {
	if n := len(l.buffers); n > 0 {
		b := l.buffers[n-1]
		l.buffers = l.buffers[:n-1]
		return b[:0]
	}
	return nil
}

func (l *Log) keepBuffer(b []byte) {
	if len(l.buffers) <= l.cfg.InFlight && cap(b) <= keptBufferBytes {
		l.buffers = append(l.buffers, b)
	}
}

// popFront removes the first element and keeps the slice's array.
func popFront[T any](s []T) []T {
	var none T
	copy(s, s[1:])
	s[len(s)-1] = none
	return s[:len(s)-1]
}
