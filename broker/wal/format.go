package wal

import (
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"example.com/lockstep/diskfs"
)

// A segment file "<number, 16 hex digits>.wal":
//
//	0             headerBytes                                     size
//	+--------------+---------------+--------------------+- - - - - -+
//	| header       | group         | group              |  zeros or |
//	|   (padded)   |   (padded)    |   (padded)         |  recycled |
//	+--------------+---------------+--------------------+- - - - - -+
//	every boundary is a multiple of 4096
//
// A group is records, one after the other, each aligned to 8 bytes, then zeros to the next multiple
// of 4096:
//
//	+--------+---------+---+--------+---------+---+- - - -+
//	| record | payload |pad| record | payload |pad| zeros |
//	+--------+---------+---+--------+---------+---+- - - -+
//
// All integers are little-endian; crc is CRC-32C.
const (
	formatVersion = 1

	// sectorBytes is the unit of group boundaries: no sector is ever written twice in one use of a
	// segment file.
	sectorBytes = diskfs.SectorSize

	recordAlign = 8
)

// A record header:
//
//	 0       4        8            16           24
//	+-------+--------+------------+------------+------------+
//	|LWR ver| crc of | segment id | segment    | own offset |
//	|       | 8..64  |            | number     |            |
//	+-------+--------+------------+------------+------------+
//	 32           40               48       52       56          60   61
//	+------------+----------------+--------+--------+-----------+----+-------+
//	| sequence   | durable_through| handle | length | crc of    |type| index |
//	|            |                |        |        | payload   |    |       |
//	+------------+----------------+--------+--------+-----------+----+-------+
//
// The id, the number and the offset make bytes of another segment or of another place invalid.
// There are two checksums so that damage to a payload does not hide the record's partition and its
// length. durable_through is the last durable sequence at the time when the record's group was
// submitted. The index is the record's place in its group, from 0. A torn group may lose a record
// and keep one behind it, so only a record of another group shows that such a loss is damage.
const (
	recordHeaderBytes = 64
	recordMagic       = 'L' | 'W'<<8 | 'R'<<16 | formatVersion<<24
)

// MaxRecordBytes is the longest payload. A record that does not fit into an
// ordinary segment gets a segment of its own size.
const MaxRecordBytes = 128 << 20

// MaxType is the highest record type that an owner may use; 0 is no type.
const MaxType uint8 = 0xEF

// Types of the log's own records.
const (
	typeUnbind uint8 = 0xFD // handle is not used any more; no payload
	typeBind   uint8 = 0xFE // payload: 20 bytes of id
	typeMark   uint8 = 0xFF // says durable_through when the log becomes idle; no payload
)

type recordHeader struct {
	id, number uint64
	offset     int64
	seq        Seq
	durable    Seq
	handle     uint32
	length     uint32
	payloadCRC uint32
	typ        uint8
	index      uint32 // < 1<<24
}

// groupFirst is the first sequence of the record's group.
func (h *recordHeader) groupFirst() Seq { return h.seq - Seq(h.index) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (h *recordHeader) put(b []byte) {
	le := binary.LittleEndian
	le.PutUint32(b, recordMagic)
	le.PutUint64(b[8:], h.id)
	le.PutUint64(b[16:], h.number)
	le.PutUint64(b[24:], uint64(h.offset))
	le.PutUint64(b[32:], uint64(h.seq))
	le.PutUint32(b[48:], h.handle)
	le.PutUint32(b[52:], h.length)
	le.PutUint32(b[56:], h.payloadCRC)
	le.PutUint32(b[60:], uint32(h.typ)|h.index<<8)
	sealRecord(b, h.durable)
}

// sealRecord writes durable_through into an encoded header, and then the header's checksum.
func sealRecord(b []byte, durable Seq) {
	binary.LittleEndian.PutUint64(b[40:], uint64(durable))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:recordHeaderBytes], castagnoli))
}

// parseRecord decodes a record header. It returns false if b does not begin with one.
func parseRecord(b []byte) (h recordHeader, ok bool) {
	le := binary.LittleEndian
	if len(b) < recordHeaderBytes || le.Uint32(b) != recordMagic ||
		le.Uint32(b[4:]) != crc32.Checksum(b[8:recordHeaderBytes], castagnoli) {
		return h, false
	}
	h = recordHeader{
		id: le.Uint64(b[8:]), number: le.Uint64(b[16:]), offset: int64(le.Uint64(b[24:])),
		seq: Seq(le.Uint64(b[32:])), durable: Seq(le.Uint64(b[40:])),
		handle: le.Uint32(b[48:]), length: le.Uint32(b[52:]), payloadCRC: le.Uint32(b[56:]),
		typ: b[60], index: le.Uint32(b[60:]) >> 8,
	}
	return h, h.length <= MaxRecordBytes && h.durable < h.groupFirst() && Seq(h.index) < h.seq
}

// recordBytes is the size in its group of a record with n payload bytes.
func recordBytes(n int) int { return recordHeaderBytes + (n+recordAlign-1)&^(recordAlign-1) }

func roundUp(n int64) int64 { return (n + sectorBytes - 1) &^ (sectorBytes - 1) }

// A segment header, padded with zeros to a multiple of 4096. Its fixed part
// has its own checksum, so that recovery can order the segments without
// reading, or keeping, the bindings of each.
//
//	 0       4        8            16           24           32
//	+-------+--------+------------+------------+------------+------------+
//	|LWS ver| crc of | segment id | number     | first      | previous   |
//	|       | 8..88  |            |            | sequence   | number     |
//	+-------+--------+------------+------------+------------+------------+
//	 40           48             56         64       68       72        76
//	+------------+--------------+----------+--------+--------+---------+--------+
//	| previous id| previous end | released | next   | number | crc of  | header |
//	|            | (offset)     |          | handle | of b.  | b.      | bytes  |
//	+------------+--------------+----------+--------+--------+---------+--------+
//	 80       84
//	+--------+--------+
//	| flags  | zero   |  flag 1: the first segment of a process
//	+--------+--------+
//	 88: bindings, each u32 handle and 20 bytes of id, by rising handle
//
// The header is written and synced when everything below "first sequence" is durable, and before
// any group of the segment is submitted.
const (
	segmentFixedBytes      = 88
	segmentMagic           = 'L' | 'W'<<8 | 'S'<<16 | formatVersion<<24
	flagFirstOfIncarnation = 1
	bindingBytes           = 4 + len(ID{})
)

type segmentHeader struct {
	id, number  uint64
	first       Seq
	previous    uint64 // number; 0: none
	previousID  uint64
	previousEnd int64
	released    Seq // everything up to here was durable elsewhere
	nextHandle  uint32
	bindings    uint32
	bindingsCRC uint32
	headerBytes int64
	// Written first by its incarnation; other segments continue the one before.
	firstOfIncarnation bool
	bindingsView       []byte // the encoded bindings, as input of encode
}

// encode returns the padded header.
func (h *segmentHeader) encode() []byte {
	h.headerBytes = roundUp(segmentFixedBytes + int64(len(h.bindingsView)))
	h.bindings = uint32(len(h.bindingsView) / bindingBytes)
	h.bindingsCRC = crc32.Checksum(h.bindingsView, castagnoli)
	b := make([]byte, h.headerBytes)
	le := binary.LittleEndian
	le.PutUint32(b, segmentMagic)
	le.PutUint64(b[8:], h.id)
	le.PutUint64(b[16:], h.number)
	le.PutUint64(b[24:], uint64(h.first))
	le.PutUint64(b[32:], h.previous)
	le.PutUint64(b[40:], h.previousID)
	le.PutUint64(b[48:], uint64(h.previousEnd))
	le.PutUint64(b[56:], uint64(h.released))
	le.PutUint32(b[64:], h.nextHandle)
	le.PutUint32(b[68:], h.bindings)
	le.PutUint32(b[72:], h.bindingsCRC)
	le.PutUint32(b[76:], uint32(h.headerBytes))
	if h.firstOfIncarnation {
		le.PutUint32(b[80:], flagFirstOfIncarnation)
	}
	le.PutUint32(b[4:], crc32.Checksum(b[8:segmentFixedBytes], castagnoli))
	copy(b[segmentFixedBytes:], h.bindingsView)
	return b
}

// parseSegment decodes the fixed part of a segment header. It returns false if b does not begin
// with one. The caller compares the number with the file's name.
func parseSegment(b []byte) (h segmentHeader, ok bool) {
	le := binary.LittleEndian
	if len(b) < segmentFixedBytes || le.Uint32(b) != segmentMagic ||
		le.Uint32(b[4:]) != crc32.Checksum(b[8:segmentFixedBytes], castagnoli) {
		return h, false
	}
	h = segmentHeader{
		id: le.Uint64(b[8:]), number: le.Uint64(b[16:]), first: Seq(le.Uint64(b[24:])),
		previous: le.Uint64(b[32:]), previousID: le.Uint64(b[40:]),
		previousEnd: int64(le.Uint64(b[48:])), released: Seq(le.Uint64(b[56:])),
		nextHandle: le.Uint32(b[64:]), bindings: le.Uint32(b[68:]),
		bindingsCRC: le.Uint32(b[72:]), headerBytes: int64(le.Uint32(b[76:])),
		firstOfIncarnation: le.Uint32(b[80:])&flagFirstOfIncarnation != 0,
	}
	return h, h.headerBytes == roundUp(segmentFixedBytes+int64(h.bindings)*int64(bindingBytes))
}

// bindingsOf returns the encoded bindings in b, which is the whole header. It returns false if
// their checksum is wrong.
func (h *segmentHeader) bindingsOf(b []byte) ([]byte, bool) {
	end := segmentFixedBytes + int(h.bindings)*bindingBytes
	if len(b) < end {
		return nil, false
	}
	view := b[segmentFixedBytes:end]
	return view, crc32.Checksum(view, castagnoli) == h.bindingsCRC
}

func appendBinding(b []byte, handle uint32, id ID) []byte {
	return append(binary.LittleEndian.AppendUint32(b, handle), id[:]...)
}

const segmentSuffix = ".wal"

func segmentName(number uint64) string {
	digits := strconv.FormatUint(number, 16)
	return "0000000000000000"[len(digits):] + digits + segmentSuffix
}

// parseName returns the number of a segment file, and false for other names.
func parseName(name string) (uint64, bool) {
	if len(name) != 16+len(segmentSuffix) || name[16:] != segmentSuffix {
		return 0, false
	}
	number, err := strconv.ParseUint(name[:16], 16, 64)
	return number, err == nil && number > 0 && segmentName(number) == name
}
