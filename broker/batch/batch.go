package batch

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"example.com/lockstep/broker/kafka"
)

// The layout, big-endian throughout. The CRC covers attributes to the end.
//
//	 0        8        12       16  17       21       23       27
//	 +--------+--------+--------+---+--------+--------+--------+
//	 | base   | length | leader | 2 | CRC32C | attri- | last   |
//	 | offset | from 12| epoch  |   |        | butes  | delta  |
//	 +--------+--------+--------+---+--------+--------+--------+
//	27        35        43        51      53       57      61
//	 +---------+---------+---------+-------+--------+-------+---------
//	 | base    | max     |producer | prod. | base   | count | records
//	 | timest. | timest. |id       | epoch | seq.   |       | ...
//	 +---------+---------+---------+-------+--------+-------+---------
const (
	atBaseOffset    = 0
	atLength        = 8
	atLeaderEpoch   = 12
	atMagic         = 16
	atCRC           = 17
	atAttributes    = 21
	atLastDelta     = 23
	atBaseTimestamp = 27
	atMaxTimestamp  = 35
	atProducerID    = 43
	atProducerEpoch = 51
	atBaseSequence  = 53
	atCount         = 57

	// HeaderSize is the number of bytes before the records.
	HeaderSize = 61
	// PrefixSize is the number of bytes that tell a batch's size: see [SizeAt].
	PrefixSize = 12

	magic = 2
)

// Attribute bits.
const (
	codecMask        = 0x07
	logAppendTimeBit = 0x08
	transactionalBit = 0x10
	controlBit       = 0x20
)

// NoProducer, NoEpoch and NoSequence are in batches without idempotence.
const (
	NoProducer kafka.ProducerID    = -1
	NoEpoch    kafka.ProducerEpoch = -1
	NoSequence int32               = -1
)

// NoTimestamp means that a timestamp is not known.
const NoTimestamp int64 = -1

// Codec is the compression of a batch's records.
type Codec uint8

const (
	Uncompressed Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is exactly one record batch with its header, as [Next] returns it. The accessors need such
// a batch; they panic on shorter slices.
type Batch []byte

// SizeAt returns the size in bytes of the batch that starts at b[0], which may
// be more than len(b). b needs [PrefixSize] bytes.
func SizeAt(b []byte) (int, error) {
	if len(b) < PrefixSize {
		return 0, ErrShort
	}
	length := int64(int32(binary.BigEndian.Uint32(b[atLength:])))
	if length < HeaderSize-PrefixSize || length > math.MaxInt32-PrefixSize {
		return 0, ErrLength
	}
	return int(length) + PrefixSize, nil
}

// Next splits the first batch off a record set. It checks only that the batch is complete and has
// magic 2. ErrShort means that the set ends within the batch, as the last batch of a fetch may.
func Next(set []byte) (first Batch, rest []byte, err error) {
	// The magic is at the same place in all formats, so it is checked first. Otherwise an old
	// message, which is shorter than this header, would be called corrupt.
	if len(set) > atMagic && set[atMagic] != magic {
		if set[atMagic] < magic {
			return nil, nil, ErrOldFormat
		}
		return nil, nil, ErrMagic
	}
	size, err := SizeAt(set)
	if err != nil {
		return nil, nil, err
	}
	if size > len(set) {
		return nil, nil, ErrShort
	}
	return Batch(set[:size:size]), set[size:], nil
}

// Validate checks a batch that Next returned: checksum, codec, count, offsets, producer fields and
// the form of control batches. It does not look at the records.
func (b Batch) Validate() error {
	switch {
	case !b.ChecksumValid():
		return ErrChecksum
	case b.attributes()&codecMask > int(Zstd):
		return ErrCodec
	case b.Count() <= 0 || int64(b.Count()) != int64(b.lastOffsetDelta())+1:
		return ErrCount
	case b.BaseOffset() < 0 || b.BaseOffset() > math.MaxInt64-kafka.Offset(b.Count()):
		return ErrOffset
	}
	return b.validateProducer()
}

func (b Batch) validateProducer() error {
	if b.Control() {
		if b.Codec() != Uncompressed || b.ProducerID() < 0 {
			return ErrControl
		}
		return nil
	}
	switch id := b.ProducerID(); {
	case id == NoProducer:
		// Kafka's own producers write -1 into all three fields. Without an id the other two mean
		// nothing, so only the transactional bit is a contradiction.
		if b.Transactional() {
			return ErrProducer
		}
	case id < 0 || b.ProducerEpoch() < 0 || b.BaseSequence() < 0:
		return ErrProducer
	}
	return nil
}

// ChecksumValid reports whether the CRC32C is that of the bytes it covers.
func (b Batch) ChecksumValid() bool {
	return crc32.Checksum(b[atAttributes:], castagnoli) == binary.BigEndian.Uint32(b[atCRC:])
}

// Stamp writes the base offset and the partition leader epoch in place. Both are outside the CRC.
func (b Batch) Stamp(base kafka.Offset, epoch kafka.LeaderEpoch) {
	binary.BigEndian.PutUint64(b[atBaseOffset:], uint64(base))
	binary.BigEndian.PutUint32(b[atLeaderEpoch:], uint32(epoch))
}

// StampLogAppendTime makes timestampMs the timestamp of all records, for topics with
// message.timestamp.type=LogAppendTime, and computes the CRC again.
func (b Batch) StampLogAppendTime(timestampMs int64) {
	binary.BigEndian.PutUint16(b[atAttributes:], uint16(b.attributes())|logAppendTimeBit)
	binary.BigEndian.PutUint64(b[atMaxTimestamp:], uint64(timestampMs))
	b.seal()
}

// SetMaxTimestamp makes timestampMs the largest timestamp that the header names, and clears the bit
// of LogAppendTime, which a producer has no right to set. It computes the CRC again if that changes
// anything.
func (b Batch) SetMaxTimestamp(timestampMs int64) {
	if b.MaxTimestampMs() == timestampMs && !b.LogAppendTime() {
		return
	}
	binary.BigEndian.PutUint16(b[atAttributes:], uint16(b.attributes())&^logAppendTimeBit)
	binary.BigEndian.PutUint64(b[atMaxTimestamp:], uint64(timestampMs))
	b.seal()
}

func (b Batch) seal() {
	binary.BigEndian.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], castagnoli))
}

// Size is the number of bytes of the batch, header included.
func (b Batch) Size() int { return len(b) }

// BaseOffset is the offset of the first record.
func (b Batch) BaseOffset() kafka.Offset {
	return kafka.Offset(binary.BigEndian.Uint64(b[atBaseOffset:]))
}

// LastOffset is the offset of the last record.
func (b Batch) LastOffset() kafka.Offset {
	return b.BaseOffset() + kafka.Offset(b.lastOffsetDelta())
}

// NextOffset is the offset after the last record.
func (b Batch) NextOffset() kafka.Offset { return b.LastOffset() + 1 }

// LeaderEpoch is the partition leader epoch that the leader stamped.
func (b Batch) LeaderEpoch() kafka.LeaderEpoch {
	return kafka.LeaderEpoch(binary.BigEndian.Uint32(b[atLeaderEpoch:]))
}

// ProducerID is the idempotent producer's id, or [NoProducer].
func (b Batch) ProducerID() kafka.ProducerID {
	return kafka.ProducerID(binary.BigEndian.Uint64(b[atProducerID:]))
}

// ProducerEpoch is the producer's epoch, or [NoEpoch].
func (b Batch) ProducerEpoch() kafka.ProducerEpoch {
	return kafka.ProducerEpoch(binary.BigEndian.Uint16(b[atProducerEpoch:]))
}

// BaseSequence is the sequence number of the first record. It is [NoSequence] without idempotence
// and in control batches.
func (b Batch) BaseSequence() int32 {
	return int32(binary.BigEndian.Uint32(b[atBaseSequence:]))
}

// LastSequence is the sequence number of the last record. Sequences wrap from 2^31-1 to 0 (KAFKA
// 16).
func (b Batch) LastSequence() int32 {
	return AddSequence(b.BaseSequence(), b.lastOffsetDelta())
}

// AddSequence returns the sequence number n after seq, and wraps from 2^31-1 to 0. A negative seq
// (no sequence) stays as it is.
func AddSequence(seq, n int32) int32 {
	if seq < 0 {
		return seq
	}
	return int32((int64(seq) + int64(n)) & math.MaxInt32)
}

// Count is the number of records.
func (b Batch) Count() int { return int(int32(binary.BigEndian.Uint32(b[atCount:]))) }

// BaseTimestampMs is the timestamp that the records' timestamp deltas count from.
func (b Batch) BaseTimestampMs() int64 {
	return int64(binary.BigEndian.Uint64(b[atBaseTimestamp:]))
}

// MaxTimestampMs is the largest timestamp, as the producer gives it.
func (b Batch) MaxTimestampMs() int64 {
	return int64(binary.BigEndian.Uint64(b[atMaxTimestamp:]))
}

// Codec is the compression of the records.
func (b Batch) Codec() Codec { return Codec(b.attributes() & codecMask) }

// LogAppendTime reports whether all records have MaxTimestampMs as timestamp.
func (b Batch) LogAppendTime() bool { return b.attributes()&logAppendTimeBit != 0 }

// Transactional reports whether the batch is part of a transaction.
func (b Batch) Transactional() bool { return b.attributes()&transactionalBit != 0 }

// Control reports whether the batch holds a control record (a transaction
// marker). Only brokers write those: the produce path refuses them.
func (b Batch) Control() bool { return b.attributes()&controlBit != 0 }

func (b Batch) attributes() int { return int(binary.BigEndian.Uint16(b[atAttributes:])) }

func (b Batch) lastOffsetDelta() int32 { return int32(binary.BigEndian.Uint32(b[atLastDelta:])) }
