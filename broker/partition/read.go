package partition

import (
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/diskfs"
)

// Read is the immediate answer to a read or a search. Exactly one of these holds: Err is set; Token
// is set, and a Done of kind ReadDone or LookedUp follows; Missing is set, and the owner restores
// those batches and repeats the call; or Batches or Found is the answer. Batches is empty if there
// is nothing to read below the bound.
type Read struct {
	Batches [][]byte // whole batches, immutable; the caller may keep them
	Token   uint64
	Missing []Missing
	Found   Found // of a search by timestamp
	Err     error // ErrOutOfRange; or, for a search, an error of a batch
}

// Pending reports whether a Done will bring the answer.
func (r *Read) Pending() bool { return r.Token != 0 }

// Read returns whole batches. The first is the one that holds the offset from, whatever its size.
// More follow while the total stays within maxBytes (KAFKA 22). Read returns no batch that reaches
// the offset below or passes it. For consumers below is the watermark, for read_committed the last
// stable offset, and for replication the log end.
func (p *Log) Read(from kafka.Offset, maxBytes int, below kafka.Offset) Read {
	below = min(below, p.logEnd)
	switch {
	case from < p.logStart || from > p.logEnd:
		return Read{Err: ErrOutOfRange}
	case from >= below:
		return Read{}
	case from >= p.flushed:
		return p.readTail(from, maxBytes, below)
	}
	r := &reader{from: from, maxBytes: maxBytes, below: below}
	p.work.lastToken++
	r.token = p.work.lastToken
	p.start(r)
	return Read{Token: r.token}
}

func (p *Log) readTail(from kafka.Offset, maxBytes int, below kafka.Offset) (out Read) {
	first := p.tail.find(from)
	total := 0
	for i := first; i < len(p.tail.entries); i++ {
		e := &p.tail.entries[i]
		if e.last >= below || i > first && total+int(e.size) > maxBytes {
			break
		}
		if e.buf == nil {
			if i == first {
				out.Missing = p.tail.missing(first, maxBytes)
			}
			break
		}
		out.Batches = append(out.Batches, e.buf)
		total += int(e.size)
	}
	return out
}

// reader is the task of a Read that needs a segment. It opens the files that it needs and closes
// them when it ends.
type reader struct {
	token      uint64
	from       kafka.Offset
	maxBytes   int
	below      kafka.Offset
	generation uint64
	locator    *locator
	scan       *scan
	out        [][]byte
	total      int
}

func (t *reader) step(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	if t.locator != nil && t.generation != p.generation {
		// The segments may have changed: begin again.
		t.locator, t.scan, t.out, t.total = nil, nil, nil, 0
	}
	if t.locator == nil {
		if ok, err := t.begin(p); !ok || err != nil {
			return nil, err
		}
		got = nil
	}
	if t.scan == nil {
		ops, err := t.locator.next(p, r, got)
		if err != nil || len(ops) > 0 {
			return ops, err
		}
		s := &t.locator.seg
		unit := max(min(t.maxBytes, 1<<20), 4<<10) + int(p.cfg.Limits.IndexBytes)
		t.scan = p.scan(*s, t.locator.log, t.locator.index.floor(t.from, s), unit)
	} else if err := t.scan.fill(got[0]); err != nil {
		return nil, err
	}
	return t.collect()
}

// begin finds the segment. It does so again if a truncation has changed the segments. If it returns
// false, there is nothing to read in segments now, and the owner asks again.
func (t *reader) begin(p *Log) (ok bool, err error) {
	if p.state != Ready && p.state != Replaying {
		return false, ErrOvertaken
	}
	t.generation = p.generation
	t.below = min(t.below, p.flushed)
	i := p.segmentOf(t.from)
	if t.from < p.logStart || t.from >= t.below || i < 0 {
		return false, nil
	}
	t.locator = &locator{seg: p.trusted.segments[i]}
	return true, nil
}

// collect takes batches until there are enough, or until a read is needed.
func (t *reader) collect() ([]diskfs.Op, error) {
	for t.scan.expect < t.below {
		b, state, err := t.scan.next()
		if err != nil && len(t.out) > 0 {
			return nil, nil // the batches before the damage are good
		} else if err != nil {
			return nil, err
		}
		if state == over {
			break
		}
		if state == more {
			if len(t.out) > 0 {
				return nil, nil
			}
			return []diskfs.Op{t.scan.readOp()}, nil
		}
		if b.LastOffset() < t.from {
			continue
		}
		if b.LastOffset() >= t.below || len(t.out) > 0 && t.total+b.Size() > t.maxBytes {
			break
		}
		if b.Validate() != nil {
			if len(t.out) > 0 {
				break
			}
			return nil, t.scan.damage("checksum before here")
		}
		t.out = append(t.out, b)
		t.total += b.Size()
	}
	return nil, nil
}

func (t *reader) end(p *Log, err error) {
	if err != nil {
		t.out = nil
	}
	if t.from < p.logStart && len(t.out) == 0 {
		err = ErrOutOfRange // the segment was removed in the meantime
	}
	p.work.done = append(p.work.done,
		Done{Kind: ReadDone, Token: t.token, Batches: t.out, Err: err})
}
