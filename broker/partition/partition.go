package partition

import (
	"errors"
	"fmt"
	"sort"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/diskfs"
)

// Disk is what a partition needs of the disk of its loop.
type Disk interface {
	Submit(diskfs.Op)
	NewHandle() diskfs.Handle
}

// Ref says where in the WAL a record lies. Only Seq means anything here: it
// rises with every record of the WAL; records of one partition may lie apart.
type Ref struct {
	Segment uint64
	Offset  int64
	Seq     uint64
}

// Limits are shared by all partitions of a shard, or by those of one topic.
type Limits struct {
	SegmentBytes int64 // a segment is closed before it exceeds this; below 4 GiB
	SegmentMs    int64 // or spans more than this by its timestamps; 0: any
	IndexBytes   int64 // one index entry per so many bytes of log
	FlushBytes   int   // one flush moves about this much at most
	ReadBytes    int   // unit of reading segments in searches and scans
	ExpandBytes  int   // a batch may decompress to this in a search by timestamp
	Producers    int   // idempotent producers remembered
}

// DefaultLimits returns limits for production.
func DefaultLimits() Limits {
	return Limits{
		SegmentBytes: 256 << 20,
		IndexBytes:   4 << 10,
		FlushBytes:   4 << 20,
		ReadBytes:    128 << 10,
		ExpandBytes:  64 << 20,
		Producers:    10_000,
	}
}

// Config says which partition this is to its owner.
type Config struct {
	Dir    string // the partition's own directory; its parent must exist and be durable
	Owner  uint32 // Op.Owner of all its operations
	Life   uint64 // identifies the sequence space of the WAL: see doc.go
	Limits *Limits
	Rare   *rare.Chooser // nil in production
}

// State is where in its life a partition object is.
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
	// ErrDamaged: trusted bytes on disk are missing or rotten. What was asked for
	// cannot be served from this replica.
	ErrDamaged = errors.New("partition: damaged")
	// ErrGap: a WAL record does not continue the log, so records before it are missing.
	ErrGap = errors.New("partition: the WAL record does not continue the log")
	// ErrOvertaken: a truncation made the work pointless. Ask again.
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

	logStart  kafka.Offset
	logEnd    kafka.Offset
	watermark kafka.Offset
	history   epochs
	producers producers // of the log up to logEnd; unknown while a cut is pending
	tail      tail

	// durable is the WAL sequence up to which everything appended here is durable.
	durable uint64
	// notes are the WAL records other than batches that no checkpoint covers yet.
	notes []note

	// trusted is the checkpoint that is durable on disk.
	trusted checkpoint
	// flushed is where the segments end as far as the log is concerned. It is
	// below trusted.end while segments hold what was truncated (a pending cut).
	flushed kafka.Offset
	// resetPending: the segments hold nothing of the log any more (see Reset).
	resetPending bool
	// cutSeq is the sequence that the checkpoint of a pending cut covers.
	cutSeq uint64
	// generation changes with every truncation: work that began in an older one
	// must not take effect.
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

// Create begins the life of a partition that has never existed on this
// node: it is Ready at once and nothing is on disk until its first flush, since
// the WAL has everything.
func (p *Log) Create() {
	assert.That(p.state == Fresh, "partition: Create in state %d", p.state)
	p.trusted.life = p.cfg.Life
	p.state = Ready
}

// State is where in its life the partition is.
func (p *Log) State() State { return p.state }

// Start is the log start offset.
func (p *Log) Start() kafka.Offset { return p.logStart }

// End is the log end offset: where the next batch goes.
func (p *Log) End() kafka.Offset { return p.logEnd }

// Watermark is the high watermark as this replica knows it.
func (p *Log) Watermark() kafka.Offset { return min(p.watermark, p.logEnd) }

// DurableEnd is the offset up to which batches are durable here.
func (p *Log) DurableEnd() kafka.Offset {
	n := sort.Search(len(p.tail.entries), func(i int) bool {
		return p.tail.entries[i].ref.Seq > p.durable
	})
	if n == 0 {
		return p.flushed
	}
	return p.tail.entries[n-1].last + 1
}

// Durable takes from the owner that the WAL is durable up to seq. All records of
// this partition up to seq have been given to it before.
func (p *Log) Durable(seq uint64) {
	if seq > p.durable {
		p.durable = seq
		p.kick()
	}
}

// Covered reports whether the effect of a WAL record is contained in the
// checkpoint, so that replay skips it.
func (p *Log) Covered(seq uint64) bool {
	return seq <= p.CoveredThrough()
}

// CoveredThrough is the WAL sequence up to which the checkpoint contains the
// effects of all records; 0 if it belongs to another life of the WAL.
func (p *Log) CoveredThrough() uint64 {
	if p.trusted.life != p.cfg.Life {
		return 0
	}
	return p.trusted.covered
}

// Pinned is the oldest WAL record that a recovery would need, if any: the WAL
// must keep what lies at or after it.
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

// Append puts b, stamped, at the log end. Leader, follower and replay share it.
// b and its buffer must not change any more; the partition keeps a reference.
// This is where producer state advances, in the same step as the log end: a
// produce that fails before it leaves no trace.
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
		e.state = p.producers.advance(e.produced, e.base, e.last, e.maxMs)
		if e.state != nil {
			p.producers.bound(p.cfg.Limits.Producers)
		}
	}
	p.tail.push(e)
	p.logEnd = e.last + 1
}

// Replay is Append for a record of the WAL during recovery: one that the
// checkpoint covers is skipped, one that does not fit is ErrGap.
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

// EndReplay ends recovery. whole is false if the watermark of the checkpoint
// lies above the log end: acknowledged data is missing.
func (p *Log) EndReplay() (whole bool) {
	assert.That(p.state == Replaying, "partition: EndReplay in state %d", p.state)
	p.state = Ready
	whole = p.watermark <= p.logEnd && p.logStart <= p.logEnd
	p.history.dropBelow(min(p.logStart, p.logEnd)) // some came back with records below the start
	p.watermark = min(p.watermark, p.logEnd)
	if p.logStart > p.logEnd { // lost with the data; the owner re-fetches and learns it again
		p.logStart = p.logEnd
	}
	p.watermark = max(p.watermark, p.logStart)
	p.kick()
	return whole
}

// StartEpoch records that a leader epoch begins at the log end. It is a WAL
// record of its own, since an epoch without a batch must be durable too.
func (p *Log) StartEpoch(epoch kafka.LeaderEpoch, ref Ref) {
	if p.replayed(ref) {
		return
	}
	p.history.begin(epoch, p.logEnd, ref.Seq)
	p.note(ref, nil)
}

// SetWatermark moves the high watermark to to; a lower one is ignored, since
// messages may be repeated or late.
func (p *Log) SetWatermark(to kafka.Offset) {
	assert.That(to <= p.logEnd, "partition: watermark %d above the log end %d", to, p.logEnd)
	p.watermark = max(p.watermark, to)
}

// SetStart moves the log start to to, at most the watermark; a lower one is
// ignored. Records below are not served any more; segments that lie below
// disappear with the next flush. ref is the WAL record of it, or the zero Ref
// if the owner can do without (retention would find it again).
func (p *Log) SetStart(to kafka.Offset, ref Ref) {
	if ref != (Ref{}) {
		if p.replayed(ref) {
			return
		}
		p.note(ref, nil)
	}
	assert.That(to <= p.watermark || p.state == Replaying,
		"partition: log start %d above the watermark %d", to, p.watermark)
	if to > p.logStart {
		p.logStart = to
		p.history.dropBelow(to)
	}
}

// CheckProducer judges the batches of one produce request, validated and not
// stamped yet. It changes nothing: see Append. The batches get one verdict
// together; a mixture of new and old ones cannot come from a sane producer.
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
			scratch.advance(producedBy(b), end, last, b.MaxTimestampMs())
		}
		end = last + 1
	}
	return all
}

// Producers is the number of producers remembered.
func (p *Log) Producers() int { return p.producers.table.Len() }

// LatestEpoch is the newest leader epoch that began here, NoEpoch if none did.
func (p *Log) LatestEpoch() kafka.LeaderEpoch { return p.history.latest() }

// EpochBefore is the leader epoch of the record before offset, also if that is
// just below the log start; NoEpoch at offset 0 and where it is not known.
func (p *Log) EpochBefore(offset kafka.Offset) kafka.LeaderEpoch {
	if i := p.history.at(offset - 1); i >= 0 {
		return p.history[i].Epoch
	}
	return NoEpoch
}

// EndOffsetFor answers OffsetForLeaderEpoch (KIP-101, KIP-279): the largest
// epoch at or below epoch that began here, with or without records, and where
// it ends. (NoEpoch, log start) if there is none.
func (p *Log) EndOffsetFor(epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset) {
	return p.history.endFor(epoch, p.logStart, p.logEnd)
}

// EndOf is EndOffsetFor over the epochs that have records; what replication
// compares.
func (p *Log) EndOf(epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset) {
	h := p.history
	if n := len(h); n > 0 && h[n-1].Start >= p.logEnd {
		h = h[:n-1]
	}
	return h.endFor(epoch, p.logStart, p.logEnd)
}

// note is a WAL record, other than batches, that no checkpoint covers yet.
type note struct {
	seq uint64
	// pin is what the WAL must keep for it: the record itself or, of a truncation,
	// the first batch that it dropped. Were that batch released and the truncation
	// lost, the batches between would not continue the log.
	pin Ref
}

// note remembers a WAL record that the next checkpoint has to cover; dropped
// are the entries of the tail that it removes.
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

// replayed reports whether a record is to be skipped, and checks its order.
func (p *Log) replayed(ref Ref) bool {
	if p.state == Replaying && p.Covered(ref.Seq) {
		return true
	}
	p.expectSeq(ref)
	return false
}

// expectSeq asserts that WAL records arrive in order and while they may.
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
