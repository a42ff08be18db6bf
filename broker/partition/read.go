package partition

import (
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/diskfs"
)

// Read is what Read could say at once. Exactly one of these holds: Err is
// set; Token is set and a Done of kind ReadDone will follow; Missing is set and
// the call must be repeated once those batches have been restored; or Batches
// is the answer, empty if there is nothing to read below the bound.
type Read struct {
	Batches [][]byte // whole batches, immutable; the caller may hold on to them
	Token   uint64
	Missing []Missing
	Found   Found // of a search by timestamp
	Err     error // ErrOutOfRange; a search may fail by what a batch holds
}

// Pending reports whether a Done will bring the answer.
func (r *Read) Pending() bool { return r.Token != 0 }

// Read returns whole batches from the one that holds from on: the first
// whatever its size, further ones while the total stays within maxBytes
// (KAFKA 22). No batch that reaches to below or beyond is returned: below is
// the watermark for consumers, the last stable offset for read_committed, and
// the log end for replication.
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

// reader is the task of a Read that needs a segment. It opens the files it
// needs and closes them when it ends, so that handles are bounded by the reads
// in flight.
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
		// The segments may be other ones now: from the beginning.
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

// begin finds the segment; again if a truncation moved the ground. false means
// that there is nothing to read in segments now, and the caller asks again.
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

// collect takes batches until there are enough or a read is needed.
func (t *reader) collect() ([]diskfs.Op, error) {
	for t.scan.expect < t.below {
		b, state, err := t.scan.next()
		if err != nil && len(t.out) > 0 {
			return nil, nil // what came before the damage is fine
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
		err = ErrOutOfRange // the segment went away meanwhile
	}
	p.work.done = append(p.work.done,
		Done{Kind: ReadDone, Token: t.token, Batches: t.out, Err: err})
}
