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
	state      *producer   // the producer's after this batch; nil without one
	buf        batch.Batch // nil while evicted
}

// tail is the log from the end of the segments on, oldest first.
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

// drop accounts for an entry that leaves and releases its buffer.
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

// cutTo removes the entries at or above offset to and returns where the log
// ends now: below to if an entry spanned it.
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

// find returns the index of the entry that holds offset.
func (t *tail) find(offset kafka.Offset) int {
	return sort.Search(len(t.entries), func(i int) bool { return t.entries[i].last >= offset })
}

// record returns the entries that came in one WAL record, from index i on;
// none if there are none or one of them is evicted.
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

// Missing is a batch of the tail whose bytes are only in the WAL: the owner
// reads the record at Ref and gives the batch at Base back with Restore.
type Missing struct {
	Base kafka.Offset
	Size int
	Ref  Ref
}

// missing lists the evicted entries among those from index i on that start
// within max bytes, the first in any case.
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

// Evict releases buffers, oldest first, until at most keep bytes are held, and
// returns the number of bytes released. Only what is durable in the WAL goes,
// since it must be read from there later.
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

// Restore gives an evicted batch back, as read from the WAL at ref. It is
// checked against what is known of it; false means that it is not that batch,
// which is damage. A batch that has left the tail meanwhile is ignored.
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
