package partition

import (
	"errors"
	"fmt"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/diskfs"
)

// scan goes through the batches of one segment from a position on, chunk by chunk. It verifies what
// no checksum covers: each batch begins where the one before it ended, has the next offset, and has
// the leader epoch that held there. The code that uses the bytes verifies the checksum.
type scan struct {
	seg    segment
	of     *Log
	log    diskfs.Handle
	at     int64        // file position of chunk[0], the next batch
	expect kafka.Offset // its base offset
	chunk  []byte       // read and not consumed
	want   int          // bytes that the next read must bring
	unit   int
}

func (p *Log) scan(seg segment, log diskfs.Handle, from place, unit int) *scan {
	return &scan{
		seg: seg, of: p, log: log, at: from.position, expect: from.base, want: batch.HeaderSize,
		unit: unit,
	}
}

// contradicts reports whether a batch of a segment has another epoch than the one that held at its
// offset. The history has no epochs below the log start, and none of truncated records, which are
// in segments until the cut.
func (p *Log) contradicts(b batch.Batch) bool {
	i := p.history.at(b.BaseOffset())
	return i >= 0 && b.BaseOffset() < p.flushed && p.history[i].Epoch != b.LeaderEpoch()
}

type scanState uint8

const (
	have scanState = iota + 1 // a batch
	more                      // needs the read that readOp describes
	over                      // the segment ends here
)

// next returns the next whole batch and moves past it. The batch is a slice of the chunk, which is
// not reused.
func (s *scan) next() (batch.Batch, scanState, error) {
	left := s.seg.logBytes - s.at
	if left == 0 && s.expect == s.seg.end {
		return nil, over, nil
	}
	if left < batch.HeaderSize || s.expect >= s.seg.end {
		return nil, 0, s.damage("the batches do not end with the segment")
	}
	if len(s.chunk) < batch.HeaderSize {
		s.want = batch.HeaderSize
		return nil, more, nil
	}
	size, err := batch.SizeAt(s.chunk)
	if err != nil || int64(size) > left {
		return nil, 0, s.damage("impossible length")
	}
	if size > len(s.chunk) {
		s.want = size
		return nil, more, nil
	}
	b, rest, err := batch.Next(s.chunk)
	if err != nil || !checked(b, s.expect) || s.of.contradicts(b) {
		return nil, 0, s.damage("header out of line")
	}
	s.chunk = rest
	s.at += int64(size)
	s.expect = b.NextOffset()
	return b, have, nil
}

// readOp is the read that next asked for. It starts at the next batch, so it reads the rest of the
// chunk again.
func (s *scan) readOp() diskfs.Op {
	n := min(int64(max(s.want, s.unit)), s.seg.logBytes-s.at)
	return diskfs.Op{Kind: diskfs.Read, Handle: s.log, Offset: s.at, Data: make([]byte, n)}
}

func (s *scan) fill(c diskfs.Completion) error {
	if c.Err != nil {
		return c.Err
	}
	if s.chunk = c.Data[:c.N]; c.N < s.want {
		return s.damage("the file ends early")
	}
	return nil
}

func (s *scan) damage(what string) error {
	return fmt.Errorf("%w: %s at byte %d, offset %d: %s",
		ErrDamaged, s.seg.name(logSuffix), s.at, s.expect, what)
}

// locator opens a segment's log, and its indexes unless they are lost, and reads the indexes. Every
// task that reads a segment begins with these steps.
type locator struct {
	seg   segment
	log   diskfs.Handle
	index offsetIndex
	times timeIndex
	step  int
}

// next returns the operations of the locator's next step; none when it is done. If an index cannot
// be read from the medium or does not match, the locator goes on without it.
func (l *locator) next(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	l.step++
	switch l.step {
	case 1:
		p.closeFiles(r) // of the segment before
		ops := []diskfs.Op{p.open(r, l.seg.name(logSuffix), 0)}
		l.log = ops[0].Handle
		if !l.seg.indexLost {
			ops = append(ops, p.open(r, l.seg.name(indexSuffix), 0),
				p.open(r, l.seg.name(timeSuffix), 0))
		}
		return ops, nil
	case 2:
		if err := got[0].Err; errors.Is(err, diskfs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		} else if err != nil {
			return nil, err
		}
		if l.seg.indexLost {
			p.repairAgain(l.seg.base)
			return nil, nil
		}
		if err := firstError(got[1:]); errors.Is(err, diskfs.ErrUnavailable) {
			return nil, err
		} else if err != nil {
			p.indexIsLost(l.seg.base)
			return nil, nil
		}
		return []diskfs.Op{
			{Kind: diskfs.Read, Handle: got[1].Handle, Data: make([]byte, l.seg.indexBytes)},
			{Kind: diskfs.Read, Handle: got[2].Handle, Data: make([]byte, l.seg.timeBytes)},
		}, nil
	case 3:
		index, times := got[0].Data[:got[0].N], got[1].Data[:got[1].N]
		if err := firstError(got); errors.Is(err, diskfs.ErrUnavailable) {
			return nil, err
		} else if err == nil && l.seg.indexesMatch(index, times) {
			l.index, l.times = index, times
		} else {
			p.indexIsLost(l.seg.base)
		}
	}
	return nil, nil
}

// repairAgain lets the indexes of a segment be built again after an attempt that failed for a
// reason that may have passed.
func (p *Log) repairAgain(base kafka.Offset) {
	if i := p.segmentOf(base); i >= 0 && p.trusted.segments[i].base == base &&
		p.trusted.segments[i].indexRepair == indexLater {
		p.trusted.segments[i].indexRepair = indexNow
		p.kick()
	}
}

// indexIsLost makes searches of a segment begin at its first byte until its
// indexes have been built again.
func (p *Log) indexIsLost(base kafka.Offset) {
	if i := p.segmentOf(base); i >= 0 && p.trusted.segments[i].base == base {
		p.trusted.segments[i].indexLost = true
		p.kick()
	}
}
