package partition

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"example.com/lockstep/broker/kafka"
)

// The checkpoint file says which part of the segments is trusted, and holds the other state. It
// replaces the one before by a rename, so after a crash there is the old one or the new one.
// Integers are big-endian.
//
//	 0      4         8        12           16
//	+------+---------+--------+------------+---------------------------+
//	| LPCK | version | length | CRC32C of  | body: length bytes        |
//	|      | u32     | u32    | the body   |                           |
//	+------+---------+--------+------------+---------------------------+
//
//	body:   number u64 | WAL life u64 | covered sequence u64
//	        | log start i64 | end of segments i64 | watermark i64 | log's clock i64, in ms
//	        | epochs: count u32, (epoch i32, start i64)*
//	        | segments: count u32, segment*
//	        | snapshots: count u32, (offset i64, producers: count u32, producer*)*
//	segment:  base, end i64 | log, index, timeindex bytes i64 | index, timeindex CRC u32
//	        | first, max timestamp i64 | last indexed position i64 | last time entry i64
//	producer: id i64 | epoch i16 | last used i64, by the log's clock | last offset i64
//	        | batches: count u8, (base offset i64, first, last sequence i32, max timestamp i64)*
//
// Bytes after the body are left from an earlier, longer temporary file and mean nothing.
//
// Producer snapshots are here and not in files of their own. They only have a meaning together with
// the end of the segments, and one rename makes both durable.
const (
	checkpointMagic       = "LPCK"
	checkpointVersion     = 2
	checkpointHeaderBytes = 16

	checkpointName     = "checkpoint"
	checkpointTempName = "checkpoint.tmp"
)

// checkpoint is the durable state of a partition outside the WAL.
type checkpoint struct {
	number    uint64 // rises by one with each checkpoint
	life      uint64 // of the WAL: covered is one of its sequences (Config.Life)
	covered   uint64 // the effects of all WAL records up to this sequence are contained
	logStart  kafka.Offset
	end       kafka.Offset // of the segments
	watermark kafka.Offset
	clockMs   int64
	epochs    epochs
	segments  []segment
	// snapshots are one or two producer tables, by rising offset. The last one is of end, and the
	// first one is at or below the watermark (PROTOCOL 12).
	snapshots []snapshot
}

// snapshot is the producer table of the log up to offset.
type snapshot struct {
	offset    kafka.Offset
	producers producers
}

var errCheckpoint = errors.New("partition: the checkpoint is damaged")

func (c *checkpoint) encode() []byte {
	be := binary.BigEndian
	b := make([]byte, checkpointHeaderBytes, c.maxBytes())
	b = be.AppendUint64(b, c.number)
	b = be.AppendUint64(b, c.life)
	b = be.AppendUint64(b, c.covered)
	b = be.AppendUint64(b, uint64(c.logStart))
	b = be.AppendUint64(b, uint64(c.end))
	b = be.AppendUint64(b, uint64(c.watermark))
	b = be.AppendUint64(b, uint64(c.clockMs))
	b = be.AppendUint32(b, uint32(len(c.epochs)))
	for _, e := range c.epochs {
		b = be.AppendUint32(b, uint32(e.Epoch))
		b = be.AppendUint64(b, uint64(e.Start))
	}
	b = be.AppendUint32(b, uint32(len(c.segments)))
	for i := range c.segments {
		b = c.segments[i].append(b)
	}
	b = be.AppendUint32(b, uint32(len(c.snapshots)))
	for i := range c.snapshots {
		b = be.AppendUint64(b, uint64(c.snapshots[i].offset))
		b = c.snapshots[i].producers.append(b)
	}
	copy(b, checkpointMagic)
	be.PutUint32(b[4:], checkpointVersion)
	be.PutUint32(b[8:], uint32(len(b)-checkpointHeaderBytes))
	be.PutUint32(b[12:], crc32.Checksum(b[checkpointHeaderBytes:], castagnoli))
	return b
}

// maxBytes is at least the size of the encoding.
func (c *checkpoint) maxBytes() int {
	n := checkpointHeaderBytes + 68 + 12*len(c.epochs) + 80*len(c.segments)
	for i := range c.snapshots {
		n += 12 + (27+24*duplicateWindow)*c.snapshots[i].producers.table.Len()
	}
	return n
}

func (s *segment) append(b []byte) []byte {
	be := binary.BigEndian
	b = be.AppendUint64(b, uint64(s.base))
	b = be.AppendUint64(b, uint64(s.end))
	b = be.AppendUint64(b, uint64(s.logBytes))
	b = be.AppendUint64(b, uint64(s.indexBytes))
	b = be.AppendUint64(b, uint64(s.timeBytes))
	b = be.AppendUint32(b, s.indexCRC)
	b = be.AppendUint32(b, s.timeCRC)
	b = be.AppendUint64(b, uint64(s.firstMs))
	b = be.AppendUint64(b, uint64(s.maxMs))
	b = be.AppendUint64(b, uint64(s.lastIndexed))
	return be.AppendUint64(b, uint64(s.lastTimeMs))
}

func (t *producers) append(b []byte) []byte {
	be := binary.BigEndian
	b = be.AppendUint32(b, uint32(t.table.Len()))
	t.table.Scan(func(id kafka.ProducerID, p *producer) bool {
		b = be.AppendUint64(b, uint64(id))
		b = be.AppendUint16(b, uint16(p.epoch))
		b = be.AppendUint64(b, uint64(p.usedMs))
		b = be.AppendUint64(b, uint64(p.last))
		b = append(b, byte(p.n))
		for _, s := range p.batches[:p.n] {
			b = be.AppendUint64(b, uint64(s.base))
			b = be.AppendUint32(b, uint32(s.first))
			b = be.AppendUint32(b, uint32(s.last))
			b = be.AppendUint64(b, uint64(s.maxMs))
		}
		return true
	})
	return b
}

func decodeCheckpoint(b []byte) (*checkpoint, error) {
	if len(b) < checkpointHeaderBytes || string(b[:4]) != checkpointMagic ||
		binary.BigEndian.Uint32(b[4:]) != checkpointVersion {
		return nil, errCheckpoint
	}
	length, sum := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
	b = b[checkpointHeaderBytes:]
	if uint64(length) > uint64(len(b)) || crc32.Checksum(b[:length], castagnoli) != sum {
		return nil, errCheckpoint
	}
	d := &decoder{b: b[:length]}
	c := &checkpoint{
		number: d.u64(), life: d.u64(), covered: d.u64(),
		logStart: d.offset(), end: d.offset(), watermark: d.offset(), clockMs: d.i64(),
	}
	for range d.count(12) {
		c.epochs = append(c.epochs,
			EpochStart{Epoch: kafka.LeaderEpoch(d.u32()), Start: d.offset()})
	}
	for range d.count(80) {
		c.segments = append(c.segments, segment{
			base: d.offset(), end: d.offset(), logBytes: d.i64(), indexBytes: d.i64(),
			timeBytes: d.i64(), indexCRC: d.u32(), timeCRC: d.u32(), firstMs: d.i64(),
			maxMs: d.i64(), lastIndexed: d.i64(), lastTimeMs: d.i64(),
		})
	}
	for range d.count(12) {
		c.snapshots = append(c.snapshots, snapshot{d.offset(), d.producers()})
	}
	if d.failed || len(d.b) > 0 || len(c.snapshots) == 0 {
		return nil, errCheckpoint
	}
	return c, nil
}

// decoder reads the body of a checkpoint. After the first failure it reads only zeros.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) take(n int) []byte {
	if len(d.b) < n {
		d.failed, d.b = true, nil
		return make([]byte, n)
	}
	head := d.b[:n]
	d.b = d.b[n:]
	return head
}

func (d *decoder) u64() uint64          { return binary.BigEndian.Uint64(d.take(8)) }
func (d *decoder) i64() int64           { return int64(d.u64()) }
func (d *decoder) u32() uint32          { return binary.BigEndian.Uint32(d.take(4)) }
func (d *decoder) offset() kafka.Offset { return kafka.Offset(d.u64()) }

// count reads the length of a list with elements of at least size bytes. A length that the
// remaining bytes cannot hold is a failure.
func (d *decoder) count(size int) int {
	n := int(d.u32())
	if n > len(d.b)/size {
		d.failed, d.b = true, nil
		return 0
	}
	return n
}

func (d *decoder) producers() (t producers) {
	for range d.count(27) {
		id := kafka.ProducerID(d.u64())
		p := &producer{
			epoch: kafka.ProducerEpoch(binary.BigEndian.Uint16(d.take(2))), usedMs: d.i64(),
			last: d.offset(),
		}
		p.n = int(d.take(1)[0])
		if p.n > duplicateWindow {
			d.failed = true
			return t
		}
		for i := range p.n {
			p.batches[i] = sequenced{d.offset(), int32(d.u32()), int32(d.u32()), d.i64()}
		}
		t.table.Set(id, p)
	}
	return t
}
