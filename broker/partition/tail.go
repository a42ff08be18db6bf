package partition

import (
	"sort"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
)

// entry is one batch that is in the WAL and not yet in a segment.
type entry struct {
	base, last kafka.Offset
	epoch      kafka.LeaderEpoch
	size       int32
	maxMs      int64
	ref        Ref
	produced   produced
	state      *producer   // of the producer after this batch; nil without a producer
	buf        batch.Batch // nil while evicted
}

// tail is the log from the end of the segments, oldest first.
type tail struct {
	entries  []entry
	bytes    int64 // of all entries
	buffered int64 // of those with a buffer
}

func (t *tail) push(e entry) {
	t.entries = append(t.entries, e)
	t.bytes += int64(e.size)
	t.buffered += int64(e.size)
}

// drop subtracts an entry that leaves from the totals and releases its buffer.
func (t *tail) drop(e *entry) {
	t.bytes -= int64(e.size)
	t.forget(e)
	*e = entry{}
}

func (t *tail) forget(e *entry) {
	if e.buf != nil {
		t.buffered -= int64(e.size)
		e.buf = nil
	}
}

// popFront removes the n oldest entries.
func (t *tail) popFront(n int) {
	for i := range t.entries[:n] {
		t.drop(&t.entries[i])
	}
	t.entries = t.entries[n:]
	if len(t.entries) == 0 {
		t.entries = nil // an idle partition holds no array
	}
}

// cutTo removes the entries that reach offset to and returns where the log ends now. That is below
// to if to lies in the middle of an entry.
func (t *tail) cutTo(to, start kafka.Offset) kafka.Offset {
	n := len(t.entries)
	for n > 0 && t.entries[n-1].last >= to {
		n--
		t.drop(&t.entries[n])
	}
	t.entries = t.entries[:n]
	if n == 0 {
		t.entries = nil
		return start
	}
	return t.entries[n-1].last + 1
}

// find returns the index of the first entry that ends at or above offset.
func (t *tail) find(offset kafka.Offset) int {
	return sort.Search(len(t.entries), func(i int) bool { return t.entries[i].last >= offset })
}

// record returns the entries from index i on that came in the same WAL record. It returns none if
// one of them is evicted.
func (t *tail) record(i int) []entry {
	j := i
	for j < len(t.entries) && t.entries[j].ref.Seq == t.entries[i].ref.Seq {
		if t.entries[j].buf == nil {
			return nil
		}
		j++
	}
	return t.entries[i:j]
}

// Missing is an evicted batch of the tail: its bytes are only in the WAL. The owner reads the
// record at Ref and gives the batch at Base back with Restore.
type Missing struct {
	Base kafka.Offset
	Size int
	Ref  Ref
}

// missing lists the evicted entries that begin within maxBytes from the start of entry i. Without
// one it lists the first evicted entry behind that.
func (t *tail) missing(i, maxBytes int) []Missing {
	var out []Missing
	for bytes := 0; i < len(t.entries) && (bytes < maxBytes || len(out) == 0); i++ {
		e := &t.entries[i]
		if bytes += int(e.size); e.buf == nil {
			out = append(out, Missing{e.base, int(e.size), e.ref})
		}
	}
	return out
}

// Buffered is the number of bytes of batches held in memory.
func (p *Log) Buffered() int64 { return p.tail.buffered }

// TailBytes is the number of bytes that are not in segments yet.
func (p *Log) TailBytes() int64 { return p.tail.bytes }

// Evict releases buffers, oldest first, until the buffers hold at most keep bytes, and returns the
// number of bytes released. It releases only batches that are durable in the WAL, since they must
// be read from there later.
func (p *Log) Evict(keep int64) (released int64) {
	for i := range p.tail.entries {
		e := &p.tail.entries[i]
		if p.tail.buffered <= keep || e.ref.Seq > p.durable {
			break
		}
		if e.buf != nil {
			released += int64(e.size)
			p.tail.forget(e)
		}
	}
	return released
}

// Restore takes an evicted batch back that was read from the WAL at ref. It compares the batch with
// what is known of it. It returns false if they differ, which is damage. It ignores a batch that
// has left the tail in the meantime.
func (p *Log) Restore(ref Ref, b batch.Batch) bool {
	i := p.tail.find(b.BaseOffset())
	if i == len(p.tail.entries) {
		return true
	}
	e := &p.tail.entries[i]
	if e.ref.Seq != ref.Seq || e.buf != nil {
		return true
	}
	if e.base != b.BaseOffset() || e.last != b.LastOffset() || e.epoch != b.LeaderEpoch() ||
		int(e.size) != b.Size() || b.Validate() != nil {
		return false
	}
	e.buf = b
	p.tail.buffered += int64(e.size)
	return true
}
