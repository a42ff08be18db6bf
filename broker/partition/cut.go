package partition

import (
	"errors"
	"math"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/diskfs"
)

// Truncate removes everything at and above the given offset, which a follower does after a
// divergence. ref is the WAL record of it, which must be durable before anything is acknowledged in
// the new epoch (PROTOCOL 12).
//
// When Truncate returns, the log ends there and may be appended to. A job of its own cuts the
// segments once ref is durable. Until its Done of kind Cut the producer state is not known, and
// CheckProducer returns NotReady.
//
// The producer state is computed again. Without a cut in the segments, this starts from the state
// at the segments' end, which is the last snapshot, and adds the batches that are left in the tail.
// With a cut it starts from the newest snapshot at or below the cut and reads the segments between.
// Undoing batch by batch was rejected: a partition with a watermark that does not move would have
// to remember every batch since then, in segments or not.
func (p *Log) Truncate(to kafka.Offset, ref Ref) {
	if p.replayed(ref) {
		return
	}
	// During replay the watermark is that of the checkpoint, which may be younger than the record.
	assert.That(to >= p.watermark || p.state == Replaying,
		"partition: truncation to %d below the watermark %d", to, p.watermark)
	assert.That(to <= p.logEnd, "partition: truncation to %d above the log end %d", to, p.logEnd)
	p.generation++
	p.overtake(to)
	p.note(ref, p.tail.entries[p.tail.find(to):])
	p.history.truncate(to)
	end := p.tail.cutTo(to, min(to, p.flushed))
	assert.That(end == to, "partition: truncation to %d splits a batch that begins at %d", to, end)
	p.logEnd = to
	if to < p.flushed {
		mark.Hit(mark.LogCutPending)
		p.flushed, p.cutSeq = to, ref.Seq
	}
	if !p.CutPending() {
		p.recomputeProducers()
	}
	p.kick()
}

// cut is the job that removes truncated bytes from the trusted part of the segments. Nothing is
// written into segments while one is pending, so the old checkpoint stays whole until the new one
// has replaced it.
type cut struct {
	target   kafka.Offset
	reset    uint64    // the sequence of the Reset that it carries out; 0 for a truncation
	snapshot snapshot  // the producer state is computed from it
	segments []segment // that stay; the last one is shortened
	last     *segment  // to shorten, nil if the cut falls between segments
	locator  *locator
	scan     *scan
	phase    cutPhase
	at       int // phase counting: the segment being scanned
	scanned  int64
	publish  *publish
	removing []string
}

type cutPhase uint8

const (
	measuring  cutPhase = iota // find the position of target in the last segment
	counting                   // compute the producer state at target
	publishing                 // write the checkpoint, then remove what it does not name
)

func (p *Log) newCut() *cut {
	c := &cut{target: p.flushed, scanned: math.MinInt64}
	c.publish = &publish{end: c.target}
	if p.resetPending {
		c.reset = p.resetSeq
		c.snapshot = snapshot{c.target, p.resetState.copy()}
		c.phase = publishing
		return c
	}
	for i := len(p.trusted.snapshots) - 1; i >= 0; i-- {
		if s := &p.trusted.snapshots[i]; s.offset <= c.target {
			c.snapshot = snapshot{s.offset, s.producers.copy()}
			break
		}
		assert.That(i > 0, "partition: no producer snapshot at or below %d", c.target)
	}
	for _, s := range p.trusted.segments {
		if s.base < c.target {
			c.segments = append(c.segments, s)
		}
	}
	if n := len(c.segments); n > 0 && c.segments[n-1].end > c.target {
		c.last = &c.segments[n-1]
	} else {
		c.phase = counting
	}
	return c
}

func (c *cut) step(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	if c.publish.overtaken && c.publish.stage < rename {
		return nil, ErrOvertaken
	}
	for {
		var ops []diskfs.Op
		var err error
		switch c.phase {
		case measuring:
			ops, err = c.measure(p, r, got)
		case counting:
			ops, err = c.count(p, r, got)
		case publishing:
			return c.finish(p, r, got)
		}
		if err != nil || len(ops) > 0 {
			return ops, err
		}
		got = nil // the completions belong to the phase that has ended
	}
}

// locate runs the locator of a segment. When the locator is done, locate opens a scan at the
// indexed place that from chooses.
func (c *cut) locate(
	p *Log, r *run, got []diskfs.Completion, s *segment, from func(x offsetIndex) place,
) ([]diskfs.Op, error) {
	if c.locator == nil {
		c.locator = &locator{seg: *s}
	}
	ops, err := c.locator.next(p, r, got)
	if err == nil && len(ops) == 0 {
		c.scan = p.scan(*s, c.locator.log, from(c.locator.index), p.cfg.Limits.ReadBytes)
	}
	return ops, err
}

// measure finds the position of the cut and the largest timestamp that stays. It begins at the last
// index entry that stays. The distance to the next index entry counts from there too.
func (c *cut) measure(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	if c.scan == nil {
		ops, err := c.locate(p, r, got, c.last, func(x offsetIndex) place {
			return x.floor(c.target-1, c.last)
		})
		if err != nil || len(ops) > 0 {
			return ops, err
		}
	} else if err := c.scan.fill(got[0]); err != nil {
		return nil, err
	}
	for c.scan.expect < c.target {
		b, state, err := c.scan.next()
		if err != nil {
			return nil, err
		}
		if state == more {
			return []diskfs.Op{c.scan.readOp()}, nil
		}
		c.scanned = max(c.scanned, b.MaxTimestampMs())
	}
	assert.That(c.scan.expect == c.target, "partition: truncation to %d splits a batch", c.target)
	*c.last = c.last.cutTo(c.target, c.scan.at, c.locator.index, c.locator.times, c.scanned)
	c.locator, c.scan, c.phase = nil, nil, counting
	return nil, nil
}

// count applies the batches from the snapshot to the cut to the producer state.
func (c *cut) count(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	for ; c.at < len(c.segments); c.at++ {
		s := &c.segments[c.at]
		if s.end <= c.snapshot.offset {
			continue
		}
		if c.scan == nil {
			// The description of the last segment is already shortened, and its index file is not:
			// the locator needs the segment as the checkpoint knows it.
			ops, err := c.locate(p, r, got, &p.trusted.segments[c.at], func(x offsetIndex) place {
				return x.floor(c.snapshot.offset, s)
			})
			if err != nil || len(ops) > 0 {
				return ops, err
			}
		} else if err := c.scan.fill(got[0]); err != nil {
			return nil, err
		}
		got = nil
		for c.scan.expect < s.end {
			b, state, err := c.scan.next()
			if err != nil {
				return nil, err
			}
			if state == more {
				return []diskfs.Op{c.scan.readOp()}, nil
			}
			if !b.ChecksumValid() {
				return nil, c.scan.damage("checksum")
			}
			if b.BaseOffset() >= c.snapshot.offset {
				c.snapshot.producers.advance(producedBy(b), b.BaseOffset(), b.LastOffset(),
					b.MaxTimestampMs(), p.clockMs)
			}
		}
		c.locator, c.scan = nil, nil
	}
	p.trim(&c.snapshot.producers)
	c.phase = publishing
	return nil, nil
}

// finish publishes the shortened segments and then removes the others.
func (c *cut) finish(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	switch c.publish.stage {
	case published:
		return nil, nil
	case unpublished:
		for i := len(c.segments); i < len(p.trusted.segments); i++ {
			c.removing = append(c.removing, p.trusted.segments[i].files()...)
		}
		c.publish.next = p.nextCheckpoint(c.target, p.cutSeq, c.snapshot.producers)
		c.publish.next.segments = c.segments
		if c.reset > 0 {
			c.publish.next.snapshots = c.publish.next.snapshots[len(c.publish.next.snapshots)-1:]
		}
	}
	ops, err := c.publish.step(p, r, got)
	if err != nil || c.publish.stage != published {
		return ops, err
	}
	p.trusted = c.publish.next
	if c.reset > 0 && c.reset == p.resetSeq {
		p.resetPending, p.resetState = false, producers{}
	}
	if !p.CutPending() { // otherwise a deeper truncation came after the rename
		p.recomputeProducers()
		p.dropNotes()
	}
	return removeOps(p, c.removing), nil
}

func (c *cut) publishing() *publish { return c.publish }

func (c *cut) end(p *Log, err error) {
	if errors.Is(err, ErrOvertaken) || err == nil && p.CutPending() {
		return // another cut follows
	}
	if err != nil {
		// The log cannot append to segments any more, and does not know the producer state. The
		// owner must give up this replica.
		p.state = Failed
	}
	p.work.done = append(p.work.done, Done{Kind: Cut, Err: err})
}

// recomputeProducers computes the producer state at the log end from the state at the segments' end
// and the tail.
func (p *Log) recomputeProducers() {
	p.producers = p.trusted.snapshots[len(p.trusted.snapshots)-1].producers.copy()
	for i := range p.tail.entries {
		e := &p.tail.entries[i]
		e.state = p.producers.advance(e.produced, e.base, e.last, e.maxMs, p.clockMs)
	}
	p.trim(&p.producers)
}
