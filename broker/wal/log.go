package wal

import (
	"fmt"
	"time"

	"github.com/tidwall/btree"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/diskfs"
)

// Seq is the sequence of a record. Sequences start at 1 and are contiguous over all records of the
// log, with the log's own. 0 means none.
type Seq uint64

// ID is what a handle stands for: topic UUID and partition.
type ID [20]byte

// Position is where a record's payload lies.
type Position struct {
	Segment uint64 // number; never reused
	Offset  int64  // bytes from the start of the segment's file
}

// Record is a recovered record. Payload is lent until the next NextRecovered.
type Record struct {
	Seq     Seq
	Type    uint8
	Handle  uint32
	Payload []byte
	At      Position
}

// Disk is the part of the loop's disk that the log uses. Submit adds the owner tag by which the
// loop later finds this log; the Token belongs to the log.
type Disk interface {
	Submit(diskfs.Op)
	NewHandle() diskfs.Handle
}

// Config does not change while a Log exists. The sizes may differ between incarnations.
type Config struct {
	Dir          string // its parent must exist
	SegmentBytes int64  // size of a segment file, a multiple of 4096
	GroupBytes   int    // a group grows to this, or to one longer record
	InFlight     int    // groups submitted and not completed
	// Half of it bounds the files that are kept for recycling. The owner compares it with Used.
	BudgetBytes int64
	ReadBytes   int           // one read of recovery, a multiple of 4096; two such buffers exist
	MarkDelay   time.Duration // idle time before the mark is written
	Rare        *rare.Chooser // nil in production
}

// DefaultConfig is for a shard. The control loop sets smaller sizes.
func DefaultConfig(dir string) Config {
	return Config{
		Dir:          dir,
		SegmentBytes: 64 << 20,
		GroupBytes:   1 << 20,
		InFlight:     1,
		BudgetBytes:  1 << 30,
		ReadBytes:    1 << 20,
		MarkDelay:    5 * time.Millisecond,
	}
}

// Files is the number of files that a log has open at most: the segments within the budget and the
// one that passes it, those kept for recycling, the spare, and two that are being closed. A log
// that an owner lets grow past its budget has more.
func (c *Config) Files() int {
	segments := int(c.BudgetBytes / c.SegmentBytes)
	return segments + 1 + segments/2 + 1 + 2
}

// Phase is what a log can do at this time.
type Phase uint8

const (
	Idle       Phase = iota // Recover has not been called
	Recovering              // records are being delivered
	Ready                   // appends are taken
	Failed                  // an operation failed; nothing becomes durable any more
)

// Log is the write-ahead log of one loop. Only that loop calls it.
type Log struct {
	cfg   Config
	disk  Disk
	rand  *env.Rand
	phase Phase
	err   error // why it is Failed

	lastToken uint64
	pending   map[uint64]pendingOp // by token

	expected Seq // the owner knows that everything up to here was durable
	next     Seq // of the next record; every sequence below is assigned
	durable  Seq // every sequence up to here is durable; durable < next
	released Seq // every sequence up to here is durable elsewhere; <= durable

	open     *group   // takes appends; nil if empty
	queue    []*group // sealed, waiting for the window or for their segment, in order
	inflight []*group // submitted, in order; at most cfg.InFlight
	buffers  [][]byte // of completed groups, for the next ones

	segments   []*segment // oldest first; the last one takes new groups
	nextNumber uint64     // above every number ever seen in the directory
	spare      *spare     // being prepared or ready for the first planned segment
	free       []file     // released segments, to be recycled
	noSpace    bool       // the spare could not be made; cleared when one is ready

	bindings   btree.Map[uint32, ID] // live
	nextHandle uint32

	groups, groupBytes uint64 // submitted by this incarnation, padding included

	markDue bool        // a group with an owner's record was submitted after the last mark
	markAt  env.Instant // when the mark is written; Never while busy or not due

	recovery recovery
}

// pendingOp says what a submitted operation was for.
type pendingOp struct {
	role    role
	group   *group
	segment *segment
	what    string // for errors
}

type role uint8

const (
	roleRecovery role = iota + 1
	roleGroup
	roleHeader
	roleSpare
	roleTidy // nothing waits for it, but its failure counts
)

// New returns a log that has not touched the disk yet. rand makes the segment ids; its stream must
// differ between incarnations of a node.
func New(cfg Config, disk Disk, rand *env.Rand) *Log {
	assert.That(cfg.SegmentBytes%sectorBytes == 0 && cfg.SegmentBytes >= 4*sectorBytes,
		"wal: segment of %d bytes", cfg.SegmentBytes)
	assert.That(cfg.ReadBytes%sectorBytes == 0 && cfg.ReadBytes > 0, "wal: reads of %d bytes",
		cfg.ReadBytes)
	assert.That(cfg.GroupBytes > 0 && cfg.InFlight > 0 && cfg.Dir != "", "wal: incomplete config")
	return &Log{
		cfg: cfg, disk: disk, rand: rand,
		pending:    make(map[uint64]pendingOp),
		next:       1,
		nextHandle: 1,
		markAt:     env.Never,
	}
}

// Phase says what the log can do at this time.
func (l *Log) Phase() Phase { return l.phase }

// Durable is the last sequence of the durable prefix: every record up to it is durable.
func (l *Log) Durable() Seq {
	return l.durable
}

// Next is the sequence that the next record will get.
func (l *Log) Next() Seq { return l.next }

// Groups returns the number of groups that this incarnation has submitted, and their bytes with
// padding. They show how many records one sync commits.
func (l *Log) Groups() (groups, bytes uint64) { return l.groups, l.groupBytes }

// Full reports that there is no room for another segment (ENOSPC), or that the process cannot make
// one at present. Records that were appended keep their place. If the current segment cannot hold
// them, they wait.
func (l *Log) Full() bool { return l.noSpace }

// Retry looks for room again after Full. The owner calls it on its own timer.
func (l *Log) Retry() {
	if l.phase == Ready && l.noSpace && l.spare.stage == spareBlocked {
		l.beginSpare()
	}
}

// Used is the size in bytes of the segments that cannot be recycled yet. It includes the current
// segment and the planned ones.
func (l *Log) Used() int64 {
	var used int64
	for _, s := range l.segments {
		used += s.file.size
	}
	return used
}

// Unsynced is the number of bytes that are appended and not yet durable, which the log holds in
// memory.
func (l *Log) Unsynced() int64 {
	var n int64
	for _, g := range l.inflight {
		n += int64(len(g.buf))
	}
	for _, g := range l.queue {
		n += int64(len(g.buf))
	}
	if l.open != nil {
		n += int64(len(l.open.buf))
	}
	return n
}

// NextTimer is when the idle mark is due. The owner calls EndTurn then, also without an event.
func (l *Log) NextTimer() env.Instant { return l.markAt }

// submit hands an operation to the disk and remembers what it is for.
func (l *Log) submit(op diskfs.Op, p pendingOp) {
	l.lastToken++
	op.Token = l.lastToken
	l.pending[op.Token] = p
	l.disk.Submit(op)
}

// Completed takes the completion of one of the log's operations. An error is an operating failure:
// the log stays Failed, and the node must stop.
func (l *Log) Completed(c diskfs.Completion) error {
	p, ok := l.pending[c.Token]
	assert.That(ok, "wal: completion with unknown token %d", c.Token)
	delete(l.pending, c.Token)
	if l.phase == Failed {
		return l.err
	}
	var err error
	switch p.role {
	case roleRecovery:
		err = l.recoveryCompleted(c)
	case roleGroup:
		err = l.groupCompleted(p.group, c)
	case roleHeader:
		if err = c.Err; err == nil {
			p.segment.state = segmentOpen
			p.segment.header = nil
			l.recycle()
		}
	case roleSpare:
		err = l.spareCompleted(c)
	case roleTidy:
		if c.Err != nil && !isMissing(c.Err) {
			err = c.Err
		}
	}
	if err != nil {
		l.phase = Failed
		l.markAt = env.Never
		l.err = fmt.Errorf("wal: %s: %w", l.describe(p), err)
		return l.err
	}
	return nil
}

func (l *Log) describe(p pendingOp) string {
	switch p.role {
	case roleGroup:
		return fmt.Sprintf("sync group %d..%d to segment %d",
			p.group.first, p.group.last, p.group.segment.file.number)
	case roleHeader:
		return fmt.Sprintf("sync header of segment %d", p.segment.file.number)
	case roleRecovery:
		return "recover " + l.cfg.Dir + ": " + p.what
	case roleSpare:
		return fmt.Sprintf("prepare segment %d: %s", l.spare.file.number, p.what)
	}
	return p.what
}
