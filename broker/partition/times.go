package partition

import (
	"math"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/diskfs"
)

// Found is the answer to a search by timestamp; Offset is -1 if no record fits.
type Found struct {
	Offset      kafka.Offset
	TimestampMs int64
	LeaderEpoch kafka.LeaderEpoch
}

var notFound = Found{Offset: -1, TimestampMs: batch.NoTimestamp, LeaderEpoch: NoEpoch}

// OffsetForTimestamp finds the first record at or above the log start with a timestamp of at least
// ms (ListOffsets). Only batches that end before the offset below count. The answer is in Found, at
// once or in a Done of kind LookedUp. If Missing is set in either, the owner restores those batches
// and calls again.
func (p *Log) OffsetForTimestamp(ms int64, below kafka.Offset) Read {
	return p.lookUp(&search{ms: ms, below: below})
}

// MaxTimestamp finds the first record with the largest timestamp, within the same bounds
// (ListOffsets -3, KIP-734).
func (p *Log) MaxTimestamp(below kafka.Offset) Read {
	return p.lookUp(&search{largest: true, below: below})
}

func (p *Log) lookUp(t *search) Read {
	t.found = notFound
	t.begin(p)
	if t.segment(p) < 0 {
		err := t.searchTail(p)
		return Read{Found: t.found, Missing: t.missing, Err: err}
	}
	p.work.lastToken++
	t.token = p.work.lastToken
	p.start(t)
	return Read{Token: t.token}
}

// search is the task of a search that needs segments. It walks through them in
// order and ends in the tail.
//
// A search for the largest timestamp first finds out what that is. A segment knows its own largest
// timestamp, so only segments that reach beyond the bounds are read for it.
type search struct {
	token      uint64
	ms         int64
	below      kafka.Offset
	largest    bool         // ms is not known yet: it is the largest timestamp so far
	measuring  bool         // reads segments to find ms
	from       kafka.Offset // segments that end here or before are done
	generation uint64
	locator    *locator
	scan       *scan
	found      Found
	missing    []Missing
}

// begin starts the search. It does so again if a truncation has changed the segments.
func (t *search) begin(p *Log) {
	t.generation, t.from, t.locator, t.scan = p.generation, 0, nil, nil
	t.below = min(t.below, p.logEnd)
	if t.largest {
		t.measuring, t.ms = true, math.MinInt64
		for i := range p.trusted.segments {
			if s := &p.trusted.segments[i]; s.base >= p.logStart && s.end <= t.bound(p) {
				t.ms = max(t.ms, s.maxMs)
			}
		}
		for i := range p.tail.entries {
			if e := &p.tail.entries[i]; e.last >= p.logStart && e.last < t.below {
				t.ms = max(t.ms, e.maxMs)
			}
		}
	}
}

// bound is where the search in segments ends.
func (t *search) bound(p *Log) kafka.Offset { return min(t.below, p.flushed) }

// segment is the next segment to look at, or -1. While measuring these are the segments that reach
// beyond the bounds and may hold a timestamp above ms.
func (t *search) segment(p *Log) int {
	for i := range p.trusted.segments {
		s := &p.trusted.segments[i]
		switch {
		case s.end <= max(t.from, p.logStart) || s.base >= t.bound(p) || s.maxMs < t.ms:
		case !t.measuring, s.maxMs > t.ms && (s.base < p.logStart || s.end > t.bound(p)):
			return i
		}
	}
	if t.measuring {
		t.measuring, t.from = false, 0
		return t.segment(p)
	}
	return -1
}

func (t *search) step(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	if p.state != Ready && p.state != Replaying {
		return nil, ErrOvertaken
	}
	if t.generation != p.generation {
		t.begin(p)
	}
	for {
		if t.locator == nil {
			i := t.segment(p)
			if i < 0 {
				return nil, t.searchTail(p)
			}
			t.locator, got = &locator{seg: p.trusted.segments[i]}, nil
		}
		if t.scan == nil {
			ops, err := t.locator.next(p, r, got)
			if err != nil && t.locator.seg.end <= p.logStart { // it was removed in the meantime
				t.from, t.locator = t.locator.seg.end, nil
				continue
			}
			if err != nil || len(ops) > 0 {
				return ops, err
			}
			t.open(p)
		} else if err := t.scan.fill(got[0]); err != nil {
			return nil, err
		}
		ops, found, err := t.look(p)
		if err != nil || found || len(ops) > 0 {
			return ops, err
		}
		t.from = t.locator.seg.end
		t.locator, t.scan = nil, nil
	}
}

// open begins the scan at the last indexed place before anything that may match.
func (t *search) open(p *Log) {
	s := &t.locator.seg
	start := max(s.base, p.logStart)
	if !t.measuring {
		start = max(start, t.locator.times.startFor(t.ms, s))
	}
	t.scan = p.scan(*s, t.locator.log, t.locator.index.floor(start, s), p.cfg.Limits.ReadBytes)
}

// look goes through the segment until the record is found or a read is needed.
func (t *search) look(p *Log) (ops []diskfs.Op, found bool, err error) {
	bound := t.bound(p)
	for t.scan.expect < bound {
		b, state, err := t.scan.next()
		switch {
		case err != nil:
			return nil, false, err
		case state == over:
			return nil, false, nil
		case state == more:
			return []diskfs.Op{t.scan.readOp()}, false, nil
		case b.LastOffset() >= bound:
			return nil, false, nil
		case b.MaxTimestampMs() < t.ms || b.LastOffset() < p.logStart:
			continue
		case b.Validate() != nil:
			return nil, false, t.scan.damage("checksum before here")
		case t.measuring:
			t.ms = b.MaxTimestampMs()
			continue
		}
		if found, err := t.lookInto(p, b); found || err != nil {
			return nil, found, err
		}
	}
	return nil, false, nil
}

func (t *search) lookInto(p *Log, b batch.Batch) (found bool, err error) {
	offset, ms, found, err := b.OffsetForTimestamp(t.ms, p.logStart)
	if found {
		t.found = Found{Offset: offset, TimestampMs: ms, LeaderEpoch: b.LeaderEpoch()}
	}
	return found, err
}

func (t *search) searchTail(p *Log) error {
	for i := range p.tail.entries {
		e := &p.tail.entries[i]
		switch {
		case e.last >= t.below:
			return nil
		case e.maxMs < t.ms || e.last < p.logStart:
			continue
		case e.buf == nil:
			t.missing = []Missing{{e.base, int(e.size), e.ref}}
			return nil
		}
		if found, err := t.lookInto(p, e.buf); found || err != nil {
			return err
		}
	}
	return nil
}

func (t *search) end(p *Log, err error) {
	p.work.done = append(p.work.done,
		Done{Kind: LookedUp, Token: t.token, Found: t.found, Missing: t.missing, Err: err})
}
