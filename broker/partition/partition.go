package partition

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/diskfs"
)

// Disk is the part of the loop's disk that a partition uses.
type Disk interface {
	Submit(diskfs.Op)
	NewHandle() diskfs.Handle
}

// Ref is the place of a record in the WAL. Only Seq means anything here. It rises with every record
// of the WAL; between two records of one partition there may be records of others.
type Ref struct {
	Segment uint64
	Offset  int64
	Seq     uint64
}

// Limits belong to all partitions of a shard, or to those of one topic.
type Limits struct {
	SegmentBytes int64 // a segment is closed before it exceeds this; below 4 GiB
	SegmentMs    int64 // or its timestamps span more than this; 0: any span
	IndexBytes   int64 // one index entry per so many bytes of log
	FlushBytes   int   // one flush moves about this much at most
	ReadBytes    int   // one read of a segment in a search or a scan
	// Producers is how many idempotent producers are remembered. Beyond it those that were used
	// longest ago are forgotten.
	Producers int
	// ProducerIdle is how long a producer is remembered that appends nothing
	// (producer.id.expiration.ms).
	ProducerIdle time.Duration
}

// DefaultLimits returns limits for production.
func DefaultLimits() Limits {
	return Limits{
		SegmentBytes: 256 << 20,
		IndexBytes:   4 << 10,
		FlushBytes:   4 << 20,
		ReadBytes:    128 << 10,
		Producers:    10_000,
		ProducerIdle: 24 * time.Hour,
	}
}

// Config tells the partition where it is stored, and what it shares with others.
type Config struct {
	Dir    string // the partition's own directory; its parent must exist and be durable
	Owner  uint32 // Op.Owner of all its operations
	Life   uint64 // identifies the sequence space of the WAL; see the package comment
	Limits *Limits
	Rare   *rare.Chooser // nil in production
}

// State is what a partition object can do at this time.
type State uint8

const (
	Fresh     State = iota // Load or Create comes next
	Loading                // Load is under way
	Replaying              // the owner gives WAL records; EndReplay comes next
	Ready
	Failed   // damaged, or a disk operation that must not fail has failed
	Deleting // Delete was called
	Deleted
)

// Errors that a Done or a Read may carry.
var (
	// ErrOutOfRange: the offset is below the log start or above the log end.
	ErrOutOfRange = errors.New("partition: offset out of range")
	// ErrDamaged: trusted bytes on disk are missing or rotten. This replica cannot serve the data.
	ErrDamaged = errors.New("partition: damaged")
	// ErrGap: a WAL record does not continue the log, so records before it are missing.
	ErrGap = errors.New("partition: the WAL record does not continue the log")
	// ErrOvertaken: a truncation made the work pointless. The owner may ask again.
	ErrOvertaken = errors.New("partition: overtaken by a truncation")
)

// Log is one replica's log. Invariants:
//
//	logStart <= watermark <= logEnd           once Ready
//	segments hold [.., flushed), tail holds [flushed, logEnd)
//	trusted end == flushed                     unless a cut is pending
type Log struct {
	cfg   Config
	disk  Disk
	state State
	roll  Roll

	logStart  kafka.Offset
	logEnd    kafka.Offset
	watermark kafka.Offset
	// starts are log starts with a WAL record that is not durable yet, in order.
	starts    []pendingStart
	history   epochs
	producers producers // of the log up to logEnd; not known while a cut is pending
	// clockMs is the log's own clock. Producers that were used last before idleSinceMs are
	// forgotten. See PassTime.
	clockMs, idleSinceMs int64
	tail                 tail

	// durable: everything that was appended here up to this WAL sequence is durable.
	durable uint64
	// notes are the WAL records other than batches that are in no checkpoint yet.
	notes []note

	// trusted is the checkpoint that is durable on disk.
	trusted checkpoint
	// flushed is the offset at which the tail begins. The segments hold the log below it. It is
	// lower than trusted.end while segments hold truncated records (a pending cut).
	flushed kafka.Offset
	// resetPending: the segments hold nothing of the log any more (see Reset). resetState are the
	// producers that its log began with, and resetSeq is the sequence of its WAL record.
	resetPending bool
	resetState   producers
	resetSeq     uint64
	// durableBefore is the durable end before the last Reset.
	durableBefore kafka.Offset
	// cutSeq is the sequence that the checkpoint of a pending cut covers.
	cutSeq uint64
	// generation changes with every truncation: work that began in an older generation must not
	// take effect.
	generation uint64

	work work
}

// New returns the object of a partition. Nothing is read yet.
func New(cfg Config, disk Disk) *Log {
	assert.That(cfg.Limits.SegmentBytes < 1<<32-1<<27,
		"partition: segments of %d bytes cannot be indexed", cfg.Limits.SegmentBytes)
	p := &Log{cfg: cfg, disk: disk}
	p.trusted.snapshots = []snapshot{{}}
	return p
}

// Create is for a partition that has never existed on this node. The partition is Ready at once,
// and nothing is on disk until its first flush, since the WAL has everything.
func (p *Log) Create() {
	assert.That(p.state == Fresh, "partition: Create in state %d", p.state)
	p.trusted.life = p.cfg.Life
	p.state = Ready
}

// State says what the partition can do at this time.
func (p *Log) State() State { return p.state }

// Start is the log start offset.
func (p *Log) Start() kafka.Offset { return p.logStart }

// End is the log end offset: the offset of the next record.
func (p *Log) End() kafka.Offset { return p.logEnd }

// Watermark is the high watermark as this replica knows it.
func (p *Log) Watermark() kafka.Offset { return min(p.watermark, p.logEnd) }

// DurableEnd is the offset below which all batches are durable here. While a Reset may still be
// lost, it is what was durable before.
func (p *Log) DurableEnd() kafka.Offset {
	if p.resetSeq > p.durable {
		return p.durableBefore
	}
	n := sort.Search(len(p.tail.entries), func(i int) bool {
		return p.tail.entries[i].ref.Seq > p.durable
	})
	if n == 0 {
		return p.flushed
	}
	return p.tail.entries[n-1].last + 1
}

// Durable is told by the owner that the WAL is durable up to seq. The owner has given all records
// of this partition up to seq before.
func (p *Log) Durable(seq uint64) {
	if seq > p.durable {
		p.durable = seq
		p.takeStarts()
		p.kick()
	}
}

// Covered reports whether the checkpoint contains the effect of a WAL record. Replay skips such a
// record.
func (p *Log) Covered(seq uint64) bool {
	return seq <= p.CoveredThrough()
}

// CoveredThrough is the last WAL sequence for which the checkpoint contains the effects of all
// records. It is 0 if the checkpoint has a different Config.Life.
func (p *Log) CoveredThrough() uint64 {
	if p.trusted.life != p.cfg.Life {
		return 0
	}
	return p.trusted.covered
}

// Pinned is the oldest WAL record that a recovery would need, if there is one. The WAL must keep
// the records at and after it.
func (p *Log) Pinned() (ref Ref, ok bool) {
	if len(p.tail.entries) > 0 {
		ref, ok = p.tail.entries[0].ref, true
	}
	for _, n := range p.notes {
		if !ok || n.pin.Seq < ref.Seq {
			ref, ok = n.pin, true
		}
	}
	return ref, ok
}

// Append puts the stamped batch b at the log end. Leader, follower and replay use it alike. b and
// its buffer must not change any more; the partition keeps a reference. The producer state advances
// here, in the same step as the log end, so a produce that fails earlier leaves no trace.
func (p *Log) Append(b batch.Batch, ref Ref) {
	p.expectSeq(ref)
	assert.That(b.BaseOffset() == p.logEnd, "partition: append at %d, the log ends at %d",
		b.BaseOffset(), p.logEnd)
	p.history.begin(b.LeaderEpoch(), p.logEnd, ref.Seq)
	e := entry{
		base: b.BaseOffset(), last: b.LastOffset(), epoch: b.LeaderEpoch(),
		size: int32(b.Size()), maxMs: b.MaxTimestampMs(), ref: ref, produced: producedBy(b), buf: b,
	}
	if !p.CutPending() {
		e.state = p.producers.advance(e.produced, e.base, e.last, e.maxMs, p.clockMs)
		if e.state != nil {
			p.producers.bound(p.cfg.Limits.Producers)
		}
	}
	p.tail.push(e)
	p.logEnd = e.last + 1
}

// Replay is Append for a record of the WAL during recovery. It skips a record that the checkpoint
// covers, and returns ErrGap for one that does not continue the log.
func (p *Log) Replay(b batch.Batch, ref Ref) error {
	assert.That(p.state == Replaying, "partition: Replay in state %d", p.state)
	if p.Covered(ref.Seq) {
		return nil
	}
	if b.BaseOffset() != p.logEnd || b.LeaderEpoch() < p.EpochBefore(p.logEnd) {
		return fmt.Errorf("%w: batch at %d of epoch %d, log end %d",
			ErrGap, b.BaseOffset(), b.LeaderEpoch(), p.logEnd)
	}
	p.Append(b, ref)
	return nil
}

// EndReplay ends the recovery. whole is false if the watermark or the log start of the checkpoint
// lies above the log end: acknowledged data is missing.
func (p *Log) EndReplay() (whole bool) {
	assert.That(p.state == Replaying, "partition: EndReplay in state %d", p.state)
	p.state = Ready
	whole = p.watermark <= p.logEnd && p.logStart <= p.logEnd
	// Replay may have brought back epochs below the start.
	p.history.dropBelow(min(p.logStart, p.logEnd))
	p.watermark = min(p.watermark, p.logEnd)
	if p.logStart > p.logEnd { // the data is lost; the owner fetches it again and learns the start
		p.logStart = p.logEnd
	}
	p.watermark = max(p.watermark, p.logStart)
	p.kick()
	return whole
}

// StartEpoch records that a leader epoch begins at the log end. The beginning has a WAL record of
// its own, since an epoch without a batch must be durable too.
func (p *Log) StartEpoch(epoch kafka.LeaderEpoch, ref Ref) {
	if p.replayed(ref) {
		return
	}
	p.history.begin(epoch, p.logEnd, ref.Seq)
	p.note(ref, nil)
}

// SetWatermark raises the high watermark to the given offset. It ignores a lower one, since
// messages may be repeated or late.
func (p *Log) SetWatermark(to kafka.Offset) {
	assert.That(to <= p.logEnd, "partition: watermark %d above the log end %d", to, p.logEnd)
	p.watermark = max(p.watermark, to)
}

// CheckProducer judges the batches of one produce request, which are validated and not stamped yet.
// It changes nothing: see Append. All batches get one verdict together: a correct producer never
// mixes new and old batches.
func (p *Log) CheckProducer(batches []batch.Batch) Verdict {
	if p.CutPending() {
		mark.Hit(mark.LogProducersUnknown)
		return notReady
	}
	if len(batches) == 1 {
		return p.producers.check(producedBy(batches[0]), batches[0].LastSequence())
	}
	var all Verdict
	scratch := p.producers.copy()
	end := p.logEnd
	for i, b := range batches {
		v := scratch.check(producedBy(b), b.LastSequence())
		switch {
		case v.Code != kafka.None:
			return v
		case i == 0:
			all = v
		case v.Kind != all.Kind || v.Kind == Duplicate && v.Base != all.Last+1:
			return outOfOrder
		default:
			all.Last, all.TimestampMs = v.Last, v.TimestampMs
		}
		last := end + kafka.Offset(b.Count()) - 1
		if v.Kind == Accept {
			scratch.advance(producedBy(b), end, last, b.MaxTimestampMs(), p.clockMs)
		}
		end = last + 1
	}
	return all
}

// Producers is the number of producers that are remembered.
func (p *Log) Producers() int { return p.producers.table.Len() }

// LatestEpoch is the newest leader epoch that began here, or NoEpoch.
func (p *Log) LatestEpoch() kafka.LeaderEpoch { return p.history.latest() }

// EpochBefore is the leader epoch of the record before offset. It is known also if that record is
// just below the log start. It is NoEpoch at offset 0, and where the epoch is not known.
func (p *Log) EpochBefore(offset kafka.Offset) kafka.LeaderEpoch {
	if i := p.history.at(offset - 1); i >= 0 {
		return p.history[i].Epoch
	}
	return NoEpoch
}

// EndOffsetFor answers OffsetForLeaderEpoch (KIP-101, KIP-279). It returns the largest epoch at or
// below the given one that began here, with or without records, and where it ends. It returns
// (NoEpoch, log start) if there is none.
func (p *Log) EndOffsetFor(epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset) {
	return p.history.endFor(epoch, p.logStart, p.logEnd)
}

// EndOf is EndOffsetFor over the epochs that have records. Replication compares these.
func (p *Log) EndOf(epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset) {
	h := p.history
	if n := len(h); n > 0 && h[n-1].Start >= p.logEnd {
		h = h[:n-1]
	}
	return h.endFor(epoch, p.logStart, p.logEnd)
}

// note is a WAL record, other than a batch, that no checkpoint covers yet.
type note struct {
	seq uint64
	// pin is what the WAL must keep for the note. This is the record itself or, for a truncation,
	// the first batch that it dropped. If that batch were released and the truncation were lost,
	// the batches between them would not continue the log.
	pin Ref
}

// note remembers a WAL record that the next checkpoint has to cover. dropped are the entries of the
// tail that the record removes.
func (p *Log) note(ref Ref, dropped []entry) {
	n := note{ref.Seq, ref}
	if len(dropped) > 0 {
		n.pin = dropped[0].ref
	}
	p.notes = append(p.notes, n)
	if p.state == Replaying {
		p.durable = max(p.durable, ref.Seq)
	}
}

// replayed reports whether a record must be skipped, and checks its order.
func (p *Log) replayed(ref Ref) bool {
	if p.state == Replaying && p.Covered(ref.Seq) {
		return true
	}
	p.expectSeq(ref)
	return false
}

// expectSeq asserts that WAL records arrive in order, and only in states that allow it.
func (p *Log) expectSeq(ref Ref) {
	assert.That(p.state == Ready || p.state == Replaying,
		"partition: log changed in state %d", p.state)
	assert.That(!p.Covered(ref.Seq), "partition: sequence %d is covered up to %d already",
		ref.Seq, p.trusted.covered)
	if n := len(p.tail.entries); n > 0 {
		assert.That(p.tail.entries[n-1].ref.Seq <= ref.Seq, "partition: sequence %d after %d",
			ref.Seq, p.tail.entries[n-1].ref.Seq)
	}
	if p.state == Replaying {
		p.durable = max(p.durable, ref.Seq)
	}
}
