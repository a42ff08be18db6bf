package partition

import (
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/diskfs"
)

// FlushOptions say how a flush becomes durable.
type FlushOptions struct {
	// ExternalSync: the owner syncs the file system for many partitions at once (PROTOCOL 11). The
	// flush reports NeedSync twice: for the contents of the files, and for the checkpoint's name.
	ExternalSync bool
}

// FlushCandidate says what the next flush could do.
type FlushCandidate struct {
	Bytes   int64 // durable batches that are not in segments yet
	Notes   int   // other WAL records that pin the WAL until a flush
	Missing []Missing
	Surplus bool // something below the log start can be removed
}

// Candidate says what a flush would move. Missing lists the evicted batches among the first
// Limits.FlushBytes. The owner restores them first, since a flush stops at the first WAL record
// with an evicted batch. While a note is not durable a flush would move nothing and wait for the
// WAL, so Candidate reports no bytes: the owner can flush another partition instead.
func (p *Log) Candidate() FlushCandidate {
	c := FlushCandidate{Missing: p.tail.missing(0, p.cfg.Limits.FlushBytes)}
	if !p.notesDurable() {
		return c
	}
	c.Notes, c.Surplus = len(p.notes), p.Surplus()
	if n := len(p.tail.entries); n > 0 && p.tail.entries[n-1].ref.Seq <= p.durable {
		c.Bytes = p.tail.bytes
		return c
	}
	for i := range p.tail.entries {
		if p.tail.entries[i].ref.Seq > p.durable {
			break
		}
		c.Bytes += int64(p.tail.entries[i].size)
	}
	return c
}

// Flush moves the oldest durable batches of the tail to segments, up to Limits.FlushBytes or the
// end of a segment, and then writes a checkpoint. Without a batch to move it still writes a
// checkpoint, which covers notes and drops segments below the log start, up to dropAtOnce. What
// lies below the log start at the head of the tail is never written: a flush that finds such
// batches drops them, and moves nothing else. A Done of kind Flushed reports the end. A flush that
// finds no room, or that a truncation overtakes, leaves everything as it was.
func (p *Log) Flush(options FlushOptions) {
	assert.That(p.state == Ready || p.state == Replaying, "partition: flush in state %d", p.state)
	if p.work.wanted.flush == nil {
		p.work.wanted.flush = &options
	}
	p.kick()
}

// flush is the job. It decides what to move, publishes that with a checkpoint, removes it from the
// tail, and deletes files that the new checkpoint does not name.
type flush struct {
	options  FlushOptions
	moved    int     // tail entries
	active   segment // the segment that the entries go to, as it will be
	at       segment // as it was: where to write
	fresh    bool    // it is new
	out      pieces
	publish  *publish
	removing []string
}

const (
	// dropAtOnce is how many segments one flush drops at most: the log cannot be flushed otherwise
	// while their files are removed.
	dropAtOnce = 64
	// removeAtOnce is how many files are removed at the same time.
	removeAtOnce = 24
)

func (f *flush) step(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	if f.publish == nil {
		f.prepare(p)
	}
	if f.publish.stage == published {
		return f.removeSome(p), nil
	}
	ops, err := f.publish.step(p, r, got)
	if err != nil || f.publish.stage != published {
		return ops, err
	}
	f.commit(p)
	return f.removeSome(p), nil
}

// removeSome removes the next files of dropped segments. Nothing would trust a file that is left.
func (f *flush) removeSome(p *Log) []diskfs.Op {
	n := min(len(f.removing), removeAtOnce)
	ops := removeOps(p, f.removing[:n])
	f.removing = f.removing[n:]
	return ops
}

// prepare decides what is moved, and what the checkpoint will say.
func (f *flush) prepare(p *Log) {
	f.chooseSegment(p)
	table := p.trusted.snapshots[len(p.trusted.snapshots)-1].producers.copy()
	end := p.flushed
	surplus := p.surplusTail()
	if surplus > 0 {
		f.moved = surplus
	} else {
		f.write(p)
	}
	for i := range p.tail.entries[:f.moved] {
		e := &p.tail.entries[i]
		if e.state != nil {
			table.table.Set(e.produced.id, e.state)
		}
		end = e.last + 1
	}
	p.trim(&table)
	next := p.nextCheckpoint(end, f.covered(p), table)
	f.publish = &publish{end: end, external: f.options.ExternalSync, names: f.fresh}
	if f.moved > surplus {
		if !f.fresh {
			next.segments = next.segments[:len(next.segments)-1]
		}
		next.segments = append(next.segments, f.active)
		for _, w := range []fileWrite{
			{f.active.name(logSuffix), f.at.logBytes, f.out.log},
			{f.active.name(indexSuffix), f.at.indexBytes, f.out.index},
			{f.active.name(timeSuffix), f.at.timeBytes, f.out.time},
		} {
			// The indexes of an old segment often get no entry. A new segment has one in each.
			if len(w.data) > 0 {
				f.publish.files = append(f.publish.files, w)
			}
		}
	}
	f.removing = next.dropSegments(dropAtOnce)
	f.publish.next = next
}

// write collects what is written to the segment.
func (f *flush) write(p *Log) {
	limits := p.cfg.Limits
	for f.moved < len(p.tail.entries) && len(f.out.log) < limits.FlushBytes {
		record := p.tail.record(f.moved)
		if len(record) == 0 || record[0].ref.Seq > p.durable ||
			f.moved > 0 && (f.full(p, record) || p.cfg.Rare.Choose(rare.LogFlushLittle)) {
			break
		}
		for i := range record {
			e := &record[i]
			f.active.add(e.base, e.last, int64(e.size), e.maxMs, limits.IndexBytes, &f.out)
			f.out.log = append(f.out.log, e.buf...)
		}
		f.moved += len(record)
	}
}

// full reports whether the batches of a WAL record need a new segment. They are never split between
// segments, so a segment may exceed its limit by one record.
func (f *flush) full(p *Log, record []entry) bool {
	var size int64
	for i := range record {
		size += int64(record[i].size)
	}
	last := &record[len(record)-1]
	return p.full(&f.active, last.last, size, last.maxMs)
}

// chooseSegment continues the last segment or begins a new one.
func (f *flush) chooseSegment(p *Log) {
	f.active, f.fresh = newSegment(p.flushed), true
	if n := len(p.trusted.segments); n > 0 {
		last := p.trusted.segments[n-1]
		f.active, f.fresh = last, false
		record := p.tail.record(0)
		if last.indexLost || last.end != p.flushed || last.end <= p.logStart ||
			len(record) > 0 &&
				(f.full(p, record) ||
					last.logBytes > 0 && p.cfg.Rare.Choose(rare.LogRollEarly)) {
			f.active, f.fresh = newSegment(p.flushed), true
		}
	}
	f.at = f.active
}

// covered is the sequence that the checkpoint will cover: everything durable before the first batch
// that stays in the tail. Batches of one WAL record share a sequence, and a record is covered only
// with its last batch.
func (f *flush) covered(p *Log) uint64 {
	covered := p.durable
	if f.moved < len(p.tail.entries) {
		covered = min(covered, p.tail.entries[f.moved].ref.Seq-1)
	}
	return max(covered, p.trusted.covered)
}

// commit makes the new checkpoint the trusted one. If a truncation of the moved batches came after
// the rename, the log stays as the truncation left it. A cut takes the segments back to where they
// were, and the batches that were moved and not truncated are still in the tail.
func (f *flush) commit(p *Log) {
	before := p.trusted.covered
	p.trusted = f.publish.next
	if f.publish.overtaken {
		// The part of the log that was in segments then was covered up to before. A truncation that
		// went deeper has set a later sequence.
		p.cutSeq = max(p.cutSeq, before)
		return
	}
	p.flushed = p.trusted.end
	p.tail.popFront(f.moved)
	p.dropNotes()
}

func (f *flush) publishing() *publish { return f.publish }

func (f *flush) end(p *Log, err error) {
	p.work.done = append(p.work.done, Done{Kind: Flushed, Err: err})
}
