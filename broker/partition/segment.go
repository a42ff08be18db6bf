package partition

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"math"
	"sort"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
)

// A segment is three files named after its base offset in 20 digits:
//
//	.log        record batches, verbatim, one after the other
//	.index      (relative offset u32, position u32)*: where the batch with that
//	            base offset begins in .log; one entry about every IndexBytes
//	.timeindex  (timestamp i64, relative offset u32)*: no batch up to and
//	            including the one at that offset has a larger timestamp; written
//	            together with an index entry, if the timestamp has grown
//
// Integers are big-endian; offsets are relative to the base. Sizes and
// checksums of the indexes are in the checkpoint: bytes past them are not trusted.
const (
	indexEntryBytes = 8
	timeEntryBytes  = 12
)

// segment describes the trusted part of one segment. It is a value: a job changes a copy, which
// replaces the original when it is durable.
type segment struct {
	base, end   kafka.Offset // holds [base, end)
	logBytes    int64
	indexBytes  int64
	timeBytes   int64
	indexCRC    uint32
	timeCRC     uint32
	firstMs     int64 // largest timestamp of the first batch; Limits.SegmentMs counts from it
	maxMs       int64 // largest timestamp of all batches
	lastIndexed int64 // position of the last index entry, -1 if there is none
	lastTimeMs  int64 // timestamp of the last time index entry

	// indexLost: the index files are missing or damaged and must be built again. Until then
	// searches begin at the segment's first byte. It is not stored.
	indexLost   bool
	indexRepair indexRepair // what may be done about lost indexes
}

// indexRepair says whether lost indexes are built again.
type indexRepair uint8

const (
	indexNow      indexRepair = iota // the next job builds them
	indexLater                       // an attempt failed: not before a task needs the segment
	indexHopeless                    // never: the log itself is damaged
)

func newSegment(base kafka.Offset) segment {
	return segment{
		base: base, end: base, maxMs: math.MinInt64, lastIndexed: -1, lastTimeMs: math.MinInt64,
	}
}

const (
	logSuffix   = ".log"
	indexSuffix = ".index"
	timeSuffix  = ".timeindex"
)

func (s *segment) name(suffix string) string { return fmt.Sprintf("%020d%s", s.base, suffix) }

// files are the names of the segment's files.
func (s *segment) files() []string {
	return []string{s.name(logSuffix), s.name(indexSuffix), s.name(timeSuffix)}
}

// pieces are bytes to be appended to a segment's files.
type pieces struct{ log, index, time []byte }

// add counts a batch of size bytes at the segment's end, and appends the index entries for it to
// out.
func (s *segment) add(
	base, last kafka.Offset, size int64, maxMs int64, interval int64, out *pieces,
) {
	if s.logBytes == 0 {
		s.firstMs = maxMs
	}
	s.maxMs = max(s.maxMs, maxMs)
	if s.lastIndexed < 0 || s.logBytes-s.lastIndexed >= interval {
		relative := uint32(base - s.base)
		entry := binary.BigEndian.AppendUint32(nil, relative)
		entry = binary.BigEndian.AppendUint32(entry, uint32(s.logBytes))
		s.indexCRC = crc32.Update(s.indexCRC, castagnoli, entry)
		s.indexBytes += indexEntryBytes
		s.lastIndexed = s.logBytes
		out.index = append(out.index, entry...)
		if s.maxMs > s.lastTimeMs {
			entry = binary.BigEndian.AppendUint64(nil, uint64(s.maxMs))
			entry = binary.BigEndian.AppendUint32(entry, relative)
			s.timeCRC = crc32.Update(s.timeCRC, castagnoli, entry)
			s.timeBytes += timeEntryBytes
			s.lastTimeMs = s.maxMs
			out.time = append(out.time, entry...)
		}
	}
	s.logBytes += size
	s.end = last + 1
}

// Roll says when a segment is closed and the next one begins.
type Roll struct {
	Bytes int64 // before it exceeds this (segment.bytes); below 4 GiB; 0: Limits.SegmentBytes
	Ms    int64 // when its timestamps span more than this (segment.ms); 0: Limits.SegmentMs
	// JitterMs is how much of Ms is taken off at most (segment.jitter.ms), so that the segments of
	// many partitions do not roll together.
	JitterMs int64
}

// SetRoll changes when segments are closed, from the next flush on.
func (p *Log) SetRoll(r Roll) {
	assert.That(r.Bytes < 1<<32-1<<27, "partition: segments of %d bytes cannot be indexed", r.Bytes)
	p.roll = r
}

// full reports whether a batch of size bytes that ends at last needs a new segment after s.
func (p *Log) full(s *segment, last kafka.Offset, size, maxMs int64) bool {
	bytes, ms := cmp.Or(p.roll.Bytes, p.cfg.Limits.SegmentBytes), p.rollMs(s.base)
	return s.logBytes > 0 && (s.logBytes+size > bytes || last-s.base > math.MaxUint32 ||
		ms > 0 && maxMs-s.firstMs > ms)
}

// rollMs is the span of the segment with that base. Its jitter is a hash of the partition and the
// base, and not kept anywhere.
func (p *Log) rollMs(base kafka.Offset) int64 {
	ms := cmp.Or(p.roll.Ms, p.cfg.Limits.SegmentMs)
	if jitter := min(p.roll.JitterMs, ms); jitter > 0 {
		h := fnv.New64a()
		h.Write([]byte(p.cfg.Dir))
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(base)))
		ms = max(1, ms-int64(h.Sum64()%uint64(jitter)))
	}
	return ms
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// place is a batch's base offset and its position in the log file.
type place struct {
	base     kafka.Offset
	position int64
}

// offsetIndex is the content of an .index file.
type offsetIndex []byte

func (x offsetIndex) len() int { return len(x) / indexEntryBytes }

func (x offsetIndex) at(i int, s *segment) place {
	e := x[i*indexEntryBytes:]
	return place{
		s.base + kafka.Offset(binary.BigEndian.Uint32(e)),
		int64(binary.BigEndian.Uint32(e[4:])),
	}
}

// before counts the entries with a base offset below offset.
func (x offsetIndex) before(offset kafka.Offset, s *segment) int {
	return sort.Search(x.len(), func(i int) bool { return x.at(i, s).base >= offset })
}

// floor is the last indexed place at or below offset.
func (x offsetIndex) floor(offset kafka.Offset, s *segment) place {
	if n := x.before(offset+1, s); n > 0 {
		return x.at(n-1, s)
	}
	return place{s.base, 0}
}

// timeIndex is the content of a .timeindex file.
type timeIndex []byte

func (x timeIndex) len() int { return len(x) / timeEntryBytes }

func (x timeIndex) ms(i int) int64 { return int64(binary.BigEndian.Uint64(x[i*timeEntryBytes:])) }

func (x timeIndex) offset(i int, s *segment) kafka.Offset {
	return s.base + kafka.Offset(binary.BigEndian.Uint32(x[i*timeEntryBytes+8:]))
}

// startFor returns an offset. No batch below it has a timestamp of ms or more.
func (x timeIndex) startFor(ms int64, s *segment) kafka.Offset {
	n := sort.Search(x.len(), func(i int) bool { return x.ms(i) >= ms })
	if n == 0 {
		return s.base
	}
	return x.offset(n-1, s)
}

// before counts the entries made by batches below offset.
func (x timeIndex) before(offset kafka.Offset, s *segment) int {
	return sort.Search(x.len(), func(i int) bool { return x.offset(i, s) >= offset })
}

// indexesMatch reports whether the bytes that were read are those that were written.
func (s *segment) indexesMatch(index, times []byte) bool {
	return int64(len(index)) == s.indexBytes && int64(len(times)) == s.timeBytes &&
		crc32.Checksum(index, castagnoli) == s.indexCRC &&
		crc32.Checksum(times, castagnoli) == s.timeCRC
}

// cutTo shortens s so that it ends before offset to. The batch at that offset begins at position.
// scannedMs is the largest timestamp between the last index entry that stays and to.
func (s segment) cutTo(
	to kafka.Offset, position int64, index offsetIndex, times timeIndex, scannedMs int64,
) segment {
	index = index[:index.before(to, &s)*indexEntryBytes]
	times = times[:times.before(to, &s)*timeEntryBytes]
	out := newSegment(s.base)
	out.end, out.logBytes, out.firstMs = to, position, s.firstMs
	out.indexBytes, out.timeBytes = int64(len(index)), int64(len(times))
	out.indexCRC, out.timeCRC = crc32.Checksum(index, castagnoli), crc32.Checksum(times, castagnoli)
	if n := index.len(); n > 0 {
		out.lastIndexed = index.at(n-1, &s).position
	}
	if n := times.len(); n > 0 {
		out.lastTimeMs = times.ms(n - 1)
	}
	out.maxMs = max(out.lastTimeMs, scannedMs)
	return out
}

// checked reports whether a batch has the expected offset and a plausible record count. The
// checksum is left to the code that serves the batch.
func checked(b batch.Batch, expect kafka.Offset) bool {
	return b.BaseOffset() == expect && b.Count() > 0 &&
		b.NextOffset() == expect+kafka.Offset(b.Count())
}
