package wire

import "encoding/binary"

// writer appends Kafka's primitive types to a slice.
type writer struct {
	dst      []byte
	flexible bool
}

// beginResponse appends room for the frame length and the response header:
//
//	v0: correlation id i32
//	v1: v0 | tagged fields
func beginResponse(dst []byte, flexibleFrom, version int16, correlationID int32) writer {
	w := writer{append(dst, 0, 0, 0, 0), version >= flexibleFrom}
	w.int32(correlationID)
	w.noTags()
	return w
}

func (w *writer) int16(v int16) { w.dst = binary.BigEndian.AppendUint16(w.dst, uint16(v)) }
func (w *writer) int32(v int32) { w.dst = binary.BigEndian.AppendUint32(w.dst, uint32(v)) }
func (w *writer) int64(v int64) { w.dst = binary.BigEndian.AppendUint64(w.dst, uint64(v)) }

func (w *writer) uvarint(v uint32) { w.dst = binary.AppendUvarint(w.dst, uint64(v)) }

// arrayLen appends the length of an array that is not null.
func (w *writer) arrayLen(n int) {
	if w.flexible {
		w.uvarint(uint32(n) + 1)
	} else {
		w.int32(int32(n))
	}
}

// bytesLen appends the length of a byte string that is not null.
func (w *writer) bytesLen(n int) { w.arrayLen(n) }

func (w *writer) nullArray() {
	if w.flexible {
		w.uvarint(0)
	} else {
		w.int32(-1)
	}
}

func (w *writer) string(s string) {
	if w.flexible {
		w.uvarint(uint32(len(s)) + 1)
	} else {
		w.int16(int16(len(s)))
	}
	w.dst = append(w.dst, s...)
}

// nullIfEmpty appends a nullable string that is null if s is empty.
func (w *writer) nullIfEmpty(s string) {
	switch {
	case s != "":
		w.string(s)
	case w.flexible:
		w.uvarint(0)
	default:
		w.int16(-1)
	}
}

// noTags ends a struct that has no tagged fields to send.
func (w *writer) noTags() {
	if w.flexible {
		w.dst = append(w.dst, 0)
	}
}

// leader appends tagged field number tag with a CurrentLeader.
func (w *writer) leader(tag uint32, l CurrentLeader) {
	w.uvarint(tag)
	w.uvarint(4 + 4 + 1)
	w.int32(int32(l.Node))
	w.int32(int32(l.Epoch))
	w.noTags()
}

// endpoints appends the tagged fields at the end of Produce and Fetch: none, or
// number 0 with the endpoints if the version has them.
func (w *writer) endpoints(has bool, endpoints []NodeEndpoint) {
	if !has || len(endpoints) == 0 {
		w.noTags()
		return
	}
	content := writer{flexible: true}
	content.arrayLen(len(endpoints))
	for i := range endpoints {
		e := &endpoints[i]
		content.int32(int32(e.Node))
		content.string(e.Host)
		content.int32(e.Port)
		content.nullIfEmpty(e.Rack)
		content.noTags()
	}
	w.uvarint(1)
	w.uvarint(0)
	w.uvarint(uint32(len(content.dst)))
	w.dst = append(w.dst, content.dst...)
}
