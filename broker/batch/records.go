package batch

import (
	"encoding/binary"
	"math"

	"example.com/lockstep/broker/kafka"
)

// Record is one record of a batch. Key, Value and header values are nil if they are null on the
// wire. The slices belong to the batch's buffer or, if the batch is compressed, to the iterator's.
type Record struct {
	Offset      kafka.Offset
	TimestampMs int64
	Key, Value  []byte
	Headers     []Header
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Records iterates over the records of one batch:
//
//	it := b.Records(limit)
//	for it.Next() { ... it.Record ... }
//	if it.Err() != nil { ... }
//
// Each call of Next overwrites the record.
type Records struct {
	Record Record
	batch  Batch
	rest   []byte
	next   int // index of the next record
	err    error
}

// Records returns an iterator. A compressed batch may expand to limit bytes at most. If
// decompression fails the iterator is empty, and Err returns the error.
func (b Batch) Records(limit int) Records {
	data, err := expand(b.Codec(), b[HeaderSize:], limit)
	return Records{batch: b, rest: data, err: err}
}

// Next moves to the next record. It returns false at the end and after an error.
func (r *Records) Next() bool {
	if r.err != nil || r.next == r.batch.Count() {
		if r.err == nil && len(r.rest) > 0 {
			r.err = ErrRecord // there are bytes after the last record
		}
		return false
	}
	if !r.decode() {
		r.err = ErrRecord
		return false
	}
	r.next++
	return true
}

// Err is the error that ended the iteration early, or nil.
func (r *Records) Err() error { return r.err }

// decode reads one record:
//
//	length varint | attributes i8 | timestamp delta varlong | offset delta varint
//	| key length varint, key | value length varint, value
//	| header count varint, headers: key length varint, key, value length varint, value
func (r *Records) decode() bool {
	d := decoder{b: r.rest, ok: true}
	body := d.bytes()
	r.rest = d.b
	d = decoder{b: body, ok: d.ok && body != nil}
	d.skip(1)
	tsDelta := d.varint()
	offsetDelta := d.varint()
	r.Record.Key = d.bytes()
	r.Record.Value = d.bytes()
	r.Record.Headers = d.headers()
	if !d.ok || len(d.b) > 0 || offsetDelta != int64(r.next) {
		return false
	}
	r.Record.Offset = r.batch.BaseOffset() + kafka.Offset(offsetDelta)
	r.Record.TimestampMs = r.batch.BaseTimestampMs() + tsDelta
	if r.batch.LogAppendTime() {
		r.Record.TimestampMs = r.batch.MaxTimestampMs()
	}
	return true
}

// decoder reads zigzag varints and byte strings. After the first failure it reads nothing more.
type decoder struct {
	b  []byte
	ok bool
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 || !d.ok {
		d.ok = false
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) skip(n int) []byte {
	if !d.ok || n < 0 || n > len(d.b) {
		d.ok = false
		return nil
	}
	head := d.b[:n:n]
	d.b = d.b[n:]
	return head
}

// bytes reads a length and that many bytes; length -1 is null.
func (d *decoder) bytes() []byte {
	n := d.varint()
	if n == -1 {
		return nil
	}
	if n < 0 || n > math.MaxInt32 {
		d.ok = false
		return nil
	}
	return d.skip(int(n))
}

func (d *decoder) headers() []Header {
	n := d.varint()
	// A header takes at least two bytes. Never allocate by a count on the wire.
	if n < 0 || n > int64(len(d.b)/2) {
		d.ok = false
		return nil
	}
	if n == 0 || !d.ok {
		return nil
	}
	headers := make([]Header, n)
	for i := range headers {
		key := d.bytes()
		if key == nil {
			d.ok = false
			return nil
		}
		headers[i] = Header{Key: string(key), Value: d.bytes()}
	}
	return headers
}

// CheckRecords reads all records at once, and returns what they say or the first error. See
// [Scanner], which can do it in steps.
func (b Batch) CheckRecords(limit int) (Facts, error) {
	var s Scanner
	err := s.Begin(b, limit)
	if err == nil {
		_, _, err = s.Scan(math.MaxInt)
	}
	return s.Facts(), err
}

// OffsetForTimestamp returns the first record at or after offset from with a timestamp of at least
// timestampMs. found is false if there is none.
func (b Batch) OffsetForTimestamp(
	timestampMs int64, from kafka.Offset,
) (offset kafka.Offset, ms int64, found bool, err error) {
	if b.LogAppendTime() {
		if b.MaxTimestampMs() < timestampMs || b.LastOffset() < from {
			return 0, 0, false, nil
		}
		return max(b.BaseOffset(), from), b.MaxTimestampMs(), true, nil
	}
	var s Scanner
	if err := s.Begin(b, math.MaxInt); err != nil { // it was bounded when it was appended
		return 0, 0, false, err
	}
	defer s.End()
	for r, ok, err := s.Next(); ok || err != nil; r, ok, err = s.Next() {
		if err != nil {
			return 0, 0, false, err
		}
		offset := b.BaseOffset() + kafka.Offset(r.Index)
		if r.TimestampMs >= timestampMs && offset >= from {
			return offset, r.TimestampMs, true, nil
		}
	}
	return 0, 0, false, nil
}
