package partition

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tidwall/btree"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// duplicateWindow is how many batches are remembered per producer (KAFKA 16).
const duplicateWindow = 5

// producer is what is known of one idempotent producer. It is immutable: an append makes a new one,
// so that the tables of different offsets share them.
type producer struct {
	epoch   kafka.ProducerEpoch
	usedMs  int64        // when the last batch was appended, on the log's own clock
	last    kafka.Offset // last offset of the last batch
	n       int          // how many batches of this epoch are remembered, 0..duplicateWindow
	batches [duplicateWindow]sequenced
}

// sequenced is one batch in the window; the newest is batches[n-1].
type sequenced struct {
	base        kafka.Offset
	first, last int32 // sequence numbers
	maxMs       int64
}

// lastOffset follows from the range of sequence numbers, which may wrap.
func (s sequenced) lastOffset() kafka.Offset {
	return s.base + kafka.Offset((int64(s.last)-int64(s.first))&math.MaxInt32)
}

// produced is the part of a batch that the producer state needs. Tail entries keep it, so that the
// state can be computed again without the batch's bytes.
type produced struct {
	id      kafka.ProducerID
	epoch   kafka.ProducerEpoch
	control bool
	first   int32
}

func producedBy(b batch.Batch) produced {
	return produced{b.ProducerID(), b.ProducerEpoch(), b.Control(), b.BaseSequence()}
}

// producers is the table of all producers of a log up to some offset.
type producers struct {
	table btree.Map[kafka.ProducerID, *producer]
}

// copy takes constant time and shares everything with t.
func (t *producers) copy() producers { return producers{*t.table.Copy()} }

// VerdictKind is what the producer state says about a produce.
type VerdictKind uint8

const (
	// Accept: append it.
	Accept VerdictKind = iota + 1
	// Duplicate: it is in the log already. The answer is its original offsets, when they are
	// committed (PROTOCOL 19).
	Duplicate
	// OutOfOrderSequence: it does not follow the producer's last batch.
	OutOfOrderSequence
	// InvalidProducerEpoch: a newer incarnation of the producer has written.
	InvalidProducerEpoch
	// NotReady: a cut is pending, so the producer state is not known until the Done of kind Cut.
	// The error code is NOT_ENOUGH_REPLICAS, which is true then and retriable.
	NotReady
)

// Verdict is the answer to a producer.
type Verdict struct {
	Kind       VerdictKind
	Base, Last kafka.Offset // Duplicate: where the original is
	// Duplicate: the original's largest timestamp. Under LogAppendTime it is the append time.
	TimestampMs int64
	Code        kafka.ErrorCode // None for Accept and Duplicate
	Message     string
}

var (
	accept     = Verdict{Kind: Accept}
	outOfOrder = Verdict{Kind: OutOfOrderSequence, Code: kafka.OutOfOrderSequenceNumber,
		Message: "the sequence number does not follow the producer's last batch"}
	staleEpoch = Verdict{Kind: InvalidProducerEpoch, Code: kafka.InvalidProducerEpoch,
		Message: "a newer epoch of the producer has written"}
	notReady = Verdict{Kind: NotReady, Code: kafka.NotEnoughReplicas,
		Message: "the log is being truncated"}
)

// check judges a batch that ends at sequence last against the state.
func (t *producers) check(b produced, last int32) Verdict {
	if b.id < 0 {
		return accept
	}
	state, ok := t.table.Get(b.id)
	if !ok {
		return accept // an unknown producer may start at any sequence
	}
	if b.epoch < state.epoch {
		mark.Hit(mark.ProducerStaleEpoch)
		return staleEpoch
	}
	if b.control {
		return accept
	}
	want := int32(0) // a new epoch starts at 0
	if b.epoch == state.epoch && state.n > 0 {
		for _, s := range state.batches[:state.n] {
			if s.first == b.first && s.last == last {
				return Verdict{
					Kind: Duplicate, Base: s.base, Last: s.lastOffset(), TimestampMs: s.maxMs,
				}
			}
		}
		want = batch.AddSequence(state.batches[state.n-1].last, 1)
	}
	if b.first != want {
		mark.Hit(mark.ProducerOutOfOrder)
		return outOfOrder
	}
	return accept
}

// advance notes an appended batch and returns the producer's new state, or nil if the batch has no
// producer. It judges nothing: followers and recovery accept what the leader has accepted.
//
// nowMs is the time of the append on the log's own clock.
func (t *producers) advance(
	b produced, base, last kafka.Offset, maxMs, nowMs int64,
) *producer {
	if b.id < 0 {
		return nil
	}
	next := &producer{}
	if old, ok := t.table.Get(b.id); ok && old.epoch == b.epoch {
		*next = *old
	}
	next.epoch, next.last, next.usedMs = b.epoch, last, nowMs
	if !b.control {
		if next.n == duplicateWindow {
			copy(next.batches[:], next.batches[1:])
			next.n--
		}
		next.batches[next.n] = sequenced{
			base,
			b.first,
			batch.AddSequence(b.first, int32(last-base)),
			maxMs,
		}
		next.n++
	}
	t.table.Set(b.id, next)
	return next
}

// bound forgets the least recently used producers if there are more than limit. It removes an
// eighth at once, so that it sorts rarely. The order is that of the log, so it is the same on all
// replicas.
func (t *producers) bound(limit int) {
	if t.table.Len() <= limit {
		return
	}
	type use struct {
		id   kafka.ProducerID
		last kafka.Offset
	}
	uses := make([]use, 0, t.table.Len())
	t.table.Scan(func(id kafka.ProducerID, p *producer) bool {
		uses = append(uses, use{id, p.last})
		return true
	})
	slices.SortFunc(uses, func(a, b use) int {
		return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.id, b.id))
	})
	for _, u := range uses[:len(uses)-limit+limit/8] {
		t.table.Delete(u.id)
	}
}

// expire forgets the producers that have appended nothing since a time of the log's clock, and
// returns how many those are.
func (t *producers) expire(sinceMs int64) (expired int) {
	var ids []kafka.ProducerID
	t.table.Scan(func(id kafka.ProducerID, p *producer) bool {
		if p.usedMs < sinceMs {
			ids = append(ids, id)
		}
		return true
	})
	for _, id := range ids {
		t.table.Delete(id)
	}
	return len(ids)
}

// PassTime forgets the idempotent producers that have appended nothing for Limits.ProducerIdle, and
// returns how many those are. Then it moves the log's own clock on by d. The owner calls it at
// intervals. So a producer is forgotten one interval too late at most, and never too early. The
// next flush takes those that are forgotten out of the checkpoint.
//
// The clock counts the time during which a process had the log open and ran, in all incarnations.
// The wall clock may jump, and timestamps of batches are what clients say. Both could make the log
// forget a producer that is alive, and then it would append a repeated batch twice.
func (p *Log) PassTime(d time.Duration) (expired int) {
	p.idleSinceMs = p.clockMs - p.cfg.Limits.ProducerIdle.Milliseconds()
	if !p.CutPending() { // otherwise the table is computed again when the cut ends
		expired = p.producers.expire(p.idleSinceMs)
	}
	p.clockMs += d.Milliseconds()
	return expired
}

// trim keeps a table within the bounds, before it becomes part of a checkpoint.
func (p *Log) trim(t *producers) {
	t.expire(p.idleSinceMs)
	t.bound(p.cfg.Limits.Producers)
}
