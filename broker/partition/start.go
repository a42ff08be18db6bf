package partition

import (
	"encoding/binary"
	"errors"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
)

// The log start. It only rises, and it moves when the WAL record of the move is durable: what is
// shown to anybody survives a crash of this replica.

// pendingStart is a log start with a record that may still be lost.
type pendingStart struct {
	to  kafka.Offset
	seq uint64
}

// SetStart raises the log start to the given offset when the WAL is durable up to ref. It ignores a
// lower one. From then on the records below it are not served any more, and flushes remove what
// lies below it: see Surplus. Everything below it is committed. After a restart, the watermark of a
// log without a checkpoint follows from that.
func (p *Log) SetStart(to kafka.Offset, ref Ref) {
	if p.replayed(ref) {
		return
	}
	assert.That(to <= p.logEnd, "partition: log start %d above the log end %d", to, p.logEnd)
	p.watermark = max(p.watermark, to)
	p.note(ref, nil)
	p.starts = append(p.starts, pendingStart{to, ref.Seq})
	p.takeStarts()
}

// LoggedStart is the highest log start that has a WAL record, durable or not.
func (p *Log) LoggedStart() kafka.Offset {
	if n := len(p.starts); n > 0 {
		return max(p.logStart, p.starts[n-1].to)
	}
	return p.logStart
}

// takeStarts moves the log start to what has become durable.
func (p *Log) takeStarts() {
	n := 0
	for ; n < len(p.starts) && p.starts[n].seq <= p.durable; n++ {
		if to := p.starts[n].to; to > p.logStart {
			p.logStart = to
			p.history.dropBelow(to)
		}
	}
	if p.starts = p.starts[n:]; len(p.starts) == 0 {
		p.starts = nil
	}
}

// Surplus reports whether a flush would remove something that lies below the log start: segments,
// or batches of the tail.
func (p *Log) Surplus() bool {
	if p.state != Ready || p.CutPending() {
		return false
	}
	if p.surplusTail() > 0 {
		return true
	}
	needed := p.trusted.end // as in dropSegments, for the checkpoint that comes next
	if needed > p.watermark {
		needed = p.trusted.snapshots[0].offset
	}
	return len(p.trusted.segments) > 0 &&
		p.trusted.segments[0].end <= min(p.logStart, needed)
}

// surplusTail counts the first batches of the tail that lie below the log start, in whole WAL
// records that are durable.
func (p *Log) surplusTail() (n int) {
	for i := range p.tail.entries {
		e := &p.tail.entries[i]
		if e.last >= p.logStart || e.ref.Seq > p.durable {
			break
		}
		if i+1 == len(p.tail.entries) || p.tail.entries[i+1].ref.Seq != e.ref.Seq {
			n = i + 1
		}
	}
	return n
}

// Beginning is what a log needs that begins where the first batch of its leader's log does: a
// follower without the records before it cannot compute the state that they left.
type Beginning struct {
	Start kafka.Offset
	// Before is the epoch of the record before Start, as far as the leader knows it: the epoch may
	// be NoEpoch. Replicas compare it (PROTOCOL 14).
	Before EpochStart
	// State is the rest, encoded: what is known of producers from records below Start.
	State []byte
}

// BeginningAt returns what a follower of this log needs to begin at start: the base offset of the
// batch that holds the log start, or the log end. It returns false while the producer state is not
// known.
//
// For each producer these are its remembered batches below start. Those that the window has lost
// since are not needed: the follower fetches the newer ones, which push them out. Until it has them
// all, the follower is in no ISR.
func (p *Log) BeginningAt(start kafka.Offset) (Beginning, bool) {
	if p.CutPending() {
		return Beginning{}, false
	}
	var below producers
	p.producers.table.Scan(func(id kafka.ProducerID, state *producer) bool {
		if old := state.below(start); old != nil {
			old.usedMs -= p.clockMs // the clock of another log differs
			below.table.Set(id, old)
		}
		return true
	})
	a := Beginning{Start: start, Before: EpochStart{Epoch: NoEpoch}}
	if i := p.history.at(start - 1); i >= 0 {
		a.Before = p.history[i]
	}
	a.State = binary.BigEndian.AppendUint64(nil, uint64(a.Before.Start))
	a.State = below.append(a.State)
	return a, true
}

// below is the state without the batches at and above start; nil if nothing is left.
func (s *producer) below(start kafka.Offset) *producer {
	next := *s
	for next.n > 0 && next.batches[next.n-1].base >= start {
		next.n--
		next.batches[next.n] = sequenced{}
	}
	switch {
	case s.last < start:
		return &next // a marker may be its last batch
	case next.n == 0:
		return nil
	}
	next.last = next.batches[next.n-1].lastOffset()
	return &next
}

// Encode appends the payload of the WAL record of a Reset.
//
//	start i64 | epoch before it i32 | state: start of that epoch i64, producers as in a checkpoint
func (a *Beginning) Encode(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(a.Start))
	b = binary.BigEndian.AppendUint32(b, uint32(a.Before.Epoch))
	return append(b, a.State...)
}

var errBeginning = errors.New("partition: the state of a new log is malformed")

// NewBeginning makes one from what came from a leader: offset, epoch and state. It keeps state.
func NewBeginning(start kafka.Offset, before kafka.LeaderEpoch, state []byte) (Beginning, error) {
	d := &decoder{b: state}
	a := Beginning{Start: start, Before: EpochStart{Epoch: before, Start: d.offset()}, State: state}
	d.producers()
	if d.failed || len(d.b) > 0 || start < 0 || before < NoEpoch || a.Before.Start < 0 ||
		before > NoEpoch && a.Before.Start >= start {
		return Beginning{}, errBeginning
	}
	return a, nil
}

// DecodeBeginning is the inverse of Encode. It keeps b.
func DecodeBeginning(b []byte) (Beginning, error) {
	d := &decoder{b: b}
	start, before := d.offset(), kafka.LeaderEpoch(d.u32())
	if d.failed {
		return Beginning{}, errBeginning
	}
	return NewBeginning(start, before, d.b)
}

// producers are those of the state. Their times count from the clock of the log that they come to.
func (a *Beginning) producers(clockMs int64) producers {
	d := &decoder{b: a.State}
	d.offset()
	t := d.producers()
	t.table.Scan(func(_ kafka.ProducerID, state *producer) bool {
		state.usedMs += clockMs
		return true
	})
	return t
}

// Reset empties the log and lets it begin at a.Start, which is what a follower does if its leader
// has nothing older that the two have in common. The dropped records are below the leader's log
// start, or were never committed. ref is the WAL record of it. As with Truncate, it must be durable
// before anything is acknowledged, and the producer state is not known before the Done of kind Cut.
func (p *Log) Reset(a Beginning, ref Ref) {
	if p.replayed(ref) {
		return
	}
	assert.That(a.Start >= p.watermark || p.state == Replaying,
		"partition: reset to %d below the watermark %d", a.Start, p.watermark)
	assert.That(a.Start >= p.logStart, "partition: reset to %d below the log start %d",
		a.Start, p.logStart)
	p.generation++
	p.overtake(-1)
	p.durableBefore = min(p.DurableEnd(), a.Start)
	p.note(ref, p.tail.entries)
	p.history, p.starts = nil, nil
	if a.Before.Epoch > NoEpoch {
		p.history = epochs{{a.Before.Epoch, a.Before.Start, ref.Seq}}
	}
	p.tail = tail{}
	p.logStart, p.logEnd, p.watermark = a.Start, a.Start, a.Start
	p.flushed, p.cutSeq = a.Start, ref.Seq
	p.resetPending, p.resetState, p.resetSeq = true, a.producers(p.clockMs), ref.Seq
	p.kick()
}
