package partition

import (
	"time"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
)

// Views for checkers and reports. Nothing here changes the log.

// SegmentView is the trusted part of one segment's log file.
type SegmentView struct {
	Path  string // relative to the node's data directory
	Base  kafka.Offset
	Bytes int64
}

// Segments lists the segments, oldest first. Records in them at or above Flushed were truncated and
// do not belong to the log.
func (p *Log) Segments() []SegmentView {
	var views []SegmentView
	for i := range p.trusted.segments {
		s := &p.trusted.segments[i]
		views = append(views, SegmentView{
			Path: p.path(s.name(logSuffix)), Base: s.base, Bytes: s.logBytes,
		})
	}
	return views
}

// Flushed is where the segments end and the tail begins.
func (p *Log) Flushed() kafka.Offset { return p.flushed }

// Remembered visits the batches by which the log recognises repetitions of idempotent producers. It
// visits none while a cut is pending.
func (p *Log) Remembered(visit func(id kafka.ProducerID, first int32, base kafka.Offset)) {
	if p.CutPending() {
		return
	}
	p.producers.table.Scan(func(id kafka.ProducerID, state *producer) bool {
		for _, b := range state.batches[:state.n] {
			visit(id, b.first, b.base)
		}
		return true
	})
}

// CheckpointProducers is the largest number of producers in a table of the checkpoint.
func (p *Log) CheckpointProducers() (most int) {
	for i := range p.trusted.snapshots {
		most = max(most, p.trusted.snapshots[i].producers.table.Len())
	}
	return most
}

// LongestIdle is how long the producer has appended nothing that is remembered and was used longest
// ago, by the log's clock; 0 if there is none.
func (p *Log) LongestIdle() (longest time.Duration) {
	p.producers.table.Scan(func(_ kafka.ProducerID, state *producer) bool {
		longest = max(longest, time.Duration(p.clockMs-state.usedMs)*time.Millisecond)
		return true
	})
	return longest
}

// Tail visits the batches that no segment holds yet, oldest first. For an evicted batch it passes
// nil.
func (p *Log) Tail(visit func(batch.Batch)) {
	for i := range p.tail.entries {
		visit(p.tail.entries[i].buf)
	}
}

// TailFrom visits the batches of the tail that hold offsets at or above from.
func (p *Log) TailFrom(from kafka.Offset, visit func(batch.Batch)) {
	for _, e := range p.tail.entries[p.tail.find(from):] {
		visit(e.buf)
	}
}

// Epochs is the epoch history, by offset. The last epoch may have no record yet. The slice is
// shared with the log: the caller must neither change nor keep it.
func (p *Log) Epochs() []EpochStart { return p.history }
