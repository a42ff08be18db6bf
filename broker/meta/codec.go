package meta

import (
	"encoding/binary"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// writer appends our binary encoding: big-endian integers of fixed width, and
// byte strings and lists with a u32 length in front.
type writer struct{ b []byte }

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) i32(v int32)  { w.u32(uint32(v)) }
func (w *writer) i64(v int64)  { w.u64(uint64(v)) }
func (w *writer) bool(v bool) {
	if v {
		w.u8(1)
	} else {
		w.u8(0)
	}
}
func (w *writer) count(n int) { w.u32(uint32(n)) }
func (w *writer) bytes(v []byte) {
	w.count(len(v))
	w.b = append(w.b, v...)
}
func (w *writer) str(v string) {
	w.count(len(v))
	w.b = append(w.b, v...)
}
func (w *writer) uuid(v [16]byte)     { w.b = append(w.b, v[:]...) }
func (w *writer) node(v kafka.NodeID) { w.i32(int32(v)) }
func (w *writer) nodes(v []kafka.NodeID) {
	w.count(len(v))
	for _, n := range v {
		w.node(n)
	}
}
func (w *writer) partition(p kafka.PartitionID) {
	w.uuid(p.Topic)
	w.i32(p.Partition)
}
func (w *writer) command(id peer.CommandID) {
	w.node(id.Node)
	w.uuid(id.Incarnation)
	w.u64(id.Seq)
}

// reader reads that encoding. The first value that does not fit into the remaining bytes
// marks it bad, and from then on it returns zeros. Callers check done once, at the end.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() uint8 {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if v := r.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if v := r.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (r *reader) i32() int32 { return int32(r.u32()) }
func (r *reader) i64() int64 { return int64(r.u64()) }

// bool takes 0 and 1 only, so that a value has one encoding.
func (r *reader) bool() bool {
	v := r.u8()
	if v > 1 {
		r.bad = true
	}
	return v == 1
}

// count reads a list's length; every element takes at least width bytes, so a
// length that the remaining bytes cannot hold is refused before allocating.
func (r *reader) count(width int) int {
	n := int(r.u32())
	if r.bad || n > len(r.b)/width {
		r.bad, r.b = true, nil
		return 0
	}
	return n
}

// bytes returns a copy, nil if empty.
func (r *reader) bytes() []byte {
	v := r.take(r.count(1))
	if len(v) == 0 {
		return nil
	}
	return append([]byte(nil), v...)
}

func (r *reader) str() string { return string(r.take(r.count(1))) }

func (r *reader) uuid() (v [16]byte) {
	copy(v[:], r.take(16))
	return v
}

func (r *reader) node() kafka.NodeID { return kafka.NodeID(r.i32()) }

func (r *reader) nodes() []kafka.NodeID {
	n := r.count(4)
	if n == 0 {
		return nil
	}
	v := make([]kafka.NodeID, n)
	for i := range v {
		v[i] = r.node()
	}
	return v
}

func (r *reader) partition() kafka.PartitionID {
	return kafka.PartitionID{Topic: r.uuid(), Partition: r.i32()}
}

func (r *reader) command() peer.CommandID {
	return peer.CommandID{Node: r.node(), Incarnation: r.uuid(), Seq: r.u64()}
}

// done reports whether everything was read and fitted.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }
