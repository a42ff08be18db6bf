package batch

import (
	"encoding/binary"

	"example.com/lockstep/broker/kafka"
)

// Builder makes one batch, for coordinators that write to their own partitions, for simulated
// clients and for tests. Set the exported fields, Add records, then call Build. The zero value is
// not usable: see [NewBuilder].
type Builder struct {
	ProducerID    kafka.ProducerID
	ProducerEpoch kafka.ProducerEpoch
	BaseSequence  int32
	Transactional bool
	Control       bool
	LogAppendTime bool

	baseMs, maxMs int64
	count         int32
	records       []byte
	scratch       []byte
}

// NewBuilder returns a builder of a batch without a producer id.
func NewBuilder() *Builder {
	return &Builder{ProducerID: NoProducer, ProducerEpoch: NoEpoch, BaseSequence: NoSequence}
}

// Producer puts the fields of an idempotent producer into the batch and returns b.
func (b *Builder) Producer(
	id kafka.ProducerID, epoch kafka.ProducerEpoch, sequence int32,
) *Builder {
	b.ProducerID, b.ProducerEpoch, b.BaseSequence = id, epoch, sequence
	return b
}

// Add appends a record and returns b. A nil key or value is null. The first
// record's timestamp becomes the batch's base timestamp.
func (b *Builder) Add(timestampMs int64, key, value []byte, headers ...Header) *Builder {
	if b.count == 0 {
		b.baseMs, b.maxMs = timestampMs, timestampMs
	}
	b.maxMs = max(b.maxMs, timestampMs)
	r := append(b.scratch[:0], 0) // attributes: none are defined
	r = binary.AppendVarint(r, timestampMs-b.baseMs)
	r = binary.AppendVarint(r, int64(b.count))
	r = appendBytes(r, key)
	r = appendBytes(r, value)
	r = binary.AppendVarint(r, int64(len(headers)))
	for _, h := range headers {
		r = binary.AppendVarint(r, int64(len(h.Key)))
		r = append(r, h.Key...)
		r = appendBytes(r, h.Value)
	}
	b.scratch = r
	b.records = binary.AppendVarint(b.records, int64(len(r)))
	b.records = append(b.records, r...)
	b.count++
	return b
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(b)))
	return append(dst, b...)
}

// Count is the number of records added.
func (b *Builder) Count() int { return int(b.count) }

// Plain returns the records section as it is before compression, for callers
// that compress it themselves and pass the result to BuildWith.
func (b *Builder) Plain() []byte { return b.records }

// Build returns the uncompressed batch in a buffer of its own, with base offset 0 and leader
// epoch -1, as producers send it.
func (b *Builder) Build() Batch { return b.BuildWith(Uncompressed, b.records) }

// BuildWith is Build with a records section that is compressed with codec.
func (b *Builder) BuildWith(codec Codec, records []byte) Batch {
	out := make(Batch, HeaderSize+len(records))
	copy(out[HeaderSize:], records)
	binary.BigEndian.PutUint32(out[atLength:], uint32(len(out)-PrefixSize))
	out[atMagic] = magic
	attributes := uint16(codec)
	for _, bit := range []struct {
		on   bool
		mask uint16
	}{
		{b.LogAppendTime, logAppendTimeBit},
		{b.Transactional, transactionalBit},
		{b.Control, controlBit},
	} {
		if bit.on {
			attributes |= bit.mask
		}
	}
	binary.BigEndian.PutUint16(out[atAttributes:], attributes)
	binary.BigEndian.PutUint32(out[atLastDelta:], uint32(b.count-1))
	binary.BigEndian.PutUint64(out[atBaseTimestamp:], uint64(b.baseMs))
	binary.BigEndian.PutUint64(out[atMaxTimestamp:], uint64(b.maxMs))
	binary.BigEndian.PutUint64(out[atProducerID:], uint64(b.ProducerID))
	binary.BigEndian.PutUint16(out[atProducerEpoch:], uint16(b.ProducerEpoch))
	binary.BigEndian.PutUint32(out[atBaseSequence:], uint32(b.BaseSequence))
	binary.BigEndian.PutUint32(out[atCount:], uint32(b.count))
	out.Stamp(0, -1)
	out.seal()
	return out
}
