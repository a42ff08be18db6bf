package wal

import (
	"errors"
	"path"
	"slices"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/diskfs"
)

// Recovery is what a recovery has found. It grows until Phase is Ready, and is complete then.
type Recovery struct {
	FirstSeq Seq // the first one of the oldest segment; LastSeq+1 if the log is empty
	LastSeq  Seq // the last one of the log; appends go on after it
	Segments int // how many hold the log
	Torn     bool
	TornAt   Position // where the log ends, if Torn: bytes of an unfinished group follow
	Damage   []Damage // by rising place
	Unread   bool     // the disk returned an error for a sector
}

// Doubtful reports whether the damage may be a failure to read what is there. Such a recovery has
// removed no file, so that the next one can still find everything.
func (r Recovery) Doubtful() bool { return r.Unread && len(r.Damage) > 0 }

// Damage is a run of missing sequences that may have been acknowledged
// (PROTOCOL 8), or a damaged segment header.
type Damage struct {
	First, Last Seq // First > Last: nothing but a header is hit
	At          Position
	Reason      Reason
	// Handles are those of the records in the range that have a whole header. If Attributed is set,
	// every sequence of the range is one of these records. Otherwise the damage may concern any
	// partition.
	Handles    []uint32
	Attributed bool
}

// Reason says how damage is known.
type Reason uint8

const (
	// BelowDurable: the durable_through of a later group, or a later segment, says that the range
	// was durable.
	BelowDurable Reason = iota + 1
	// BeforeValid: a later group is valid. With InFlight above 1 an honest crash can cause this
	// too.
	BeforeValid
	// HeaderLost: a segment's header, or its bindings, fail their checksum, though groups were
	// written after it. The records that may be missing at the segment's start are a range of their
	// own.
	HeaderLost
	// Unreadable: the disk returns an error for a sector behind the last valid record. The sector
	// may have held anything.
	Unreadable
	// EndLost: the owner knows that later sequences were durable (see Expect).
	EndLost
)

func (r Reason) String() string {
	return [...]string{
		"none", "below durable", "before valid", "header lost", "unreadable", "end lost",
	}[r]
}

// damageMax bounds the report: further ranges are merged into the last one.
const damageMax = 1024

// recovery is the state of Recover: first the directory and the headers, one
// operation at a time, then the stream of records.
type recovery struct {
	step   recoveryStep
	report Recovery
	files  []*found // by rising number
	at     int      // the file, or the segment of the chain, in work
	chain  []*found // the segments that hold the log, oldest first
	scan   scanner
	next   Seq // the sequence expected next; 0: unknown, the first header is lost
	hole   hole
	// lostHeader is a segment with a damaged header that is not reported yet: it is damage only if
	// something was written after it.
	lostHeader *found
	tail       Position // the end of the last valid record
	unreadable Position // the last sector that could not be read
	lastMark   bool     // the last record is a mark
}

type recoveryStep uint8

const (
	stepMkdir recoveryStep = iota + 1
	stepSyncParent
	stepSyncDir
	stepList
	stepOpen
	stepSync
	stepHeader
	stepStream
)

var recoveryStepName = [...]string{
	stepMkdir: "make directory", stepSyncParent: "sync parent directory",
	stepSyncDir: "sync directory", stepList: "list", stepOpen: "open segment",
	stepSync: "sync segment", stepHeader: "read header",
	stepStream: "read",
}

// found is a segment file that recovery has found in the directory.
type found struct {
	file   file
	header segmentHeader
	whole  bool   // the fixed part of the header is valid and names this file
	lost   bool   // the header, or its bindings, are not valid
	id     uint64 // of the file's last use; 0 if unknown
	end    int64  // where the valid part ends
	last   Seq
	used   bool // holds a valid record
}

// Expect is called before Recover. It says that everything up to a sequence was durable, because a
// checkpoint that covers it was written. A log that ends earlier has lost its end, and nothing in
// the log can show that. Such a log continues after that sequence.
func (l *Log) Expect(durable Seq) {
	assert.That(l.phase == Idle, "wal: expect in phase %d", l.phase)
	l.expected = max(l.expected, durable)
}

// Recover starts the recovery. It is called once, and only Expect is called before it.
func (l *Log) Recover() {
	assert.That(l.phase == Idle, "wal: recover in phase %d", l.phase)
	l.phase = Recovering
	if l.cfg.Rare.Choose(rare.WALSmallReads) {
		l.cfg.ReadBytes = sectorBytes
	}
	l.stepRecovery(stepMkdir, diskfs.Op{Kind: diskfs.Mkdir, Path: l.cfg.Dir})
}

// Recovery returns the report.
func (l *Log) Recovery() Recovery { return l.recovery.report }

func (l *Log) stepRecovery(step recoveryStep, op diskfs.Op) {
	l.recovery.step = step
	l.submit(op, pendingOp{role: roleRecovery, what: recoveryStepName[step]})
}

// recoveryCompleted lists the directory, and opens and syncs one file after the other. It syncs
// everything before it reads it: a name or a record may be there only because the page cache
// survived the process that wrote it.
func (l *Log) recoveryCompleted(c diskfs.Completion) error {
	r := &l.recovery
	if r.step == stepStream {
		return r.scan.completed(l, c)
	}
	unread := r.step == stepHeader && errors.Is(c.Err, diskfs.ErrIO)
	exists := r.step == stepMkdir && errors.Is(c.Err, diskfs.ErrExist)
	if c.Err != nil && !unread && !exists {
		return c.Err
	}
	switch r.step {
	case stepMkdir:
		l.stepRecovery(stepSyncParent, diskfs.Op{Kind: diskfs.SyncDir, Path: path.Dir(l.cfg.Dir)})
	case stepSyncParent:
		l.stepRecovery(stepSyncDir, diskfs.Op{Kind: diskfs.SyncDir, Path: l.cfg.Dir})
	case stepSyncDir:
		l.stepRecovery(stepList, diskfs.Op{Kind: diskfs.List, Path: l.cfg.Dir})
	case stepList:
		for _, e := range c.Entries {
			if number, ok := parseName(e.Name); ok && !e.Dir {
				r.files = append(r.files, &found{file: file{number: number}})
			}
		}
		slices.SortFunc(r.files, func(a, b *found) int {
			if a.file.number < b.file.number {
				return -1
			}
			return 1
		})
		l.openNext()
	case stepOpen:
		f := r.files[r.at]
		f.file.size = c.Size
		l.stepRecovery(stepSync,
			diskfs.Op{Kind: diskfs.Sync, Flags: diskfs.Uncached, Handle: f.file.handle})
	case stepSync:
		l.readHeader(r.files[r.at])
	case stepHeader:
		f := r.files[r.at]
		r.report.Unread = r.report.Unread || unread
		if !unread {
			h, ok := parseSegment(c.Data[:c.N])
			if ok && h.number == f.file.number {
				f.header, f.whole, f.id = h, true, h.id
			}
		}
		r.at++
		l.openNext()
	}
	return nil
}

func (l *Log) readHeader(f *found) {
	l.stepRecovery(stepHeader, diskfs.Op{
		Kind: diskfs.Read, Handle: f.file.handle, Data: make([]byte, min(sectorBytes, f.file.size)),
	})
}

func (l *Log) openNext() {
	r := &l.recovery
	if r.at == len(r.files) {
		l.orderSegments()
		r.at = 0
		r.step = stepStream
		l.beginSegment()
		return
	}
	f := r.files[r.at]
	f.file.handle = l.disk.NewHandle()
	l.stepRecovery(stepOpen,
		diskfs.Op{Kind: diskfs.Open, Handle: f.file.handle, Path: l.path(f.file.number)})
}

// orderSegments finds the chain. It goes back from the newest valid header along "previous". Then
// it adds the files that are newer still. Those should be spares, or a segment with an unfinished
// header. But if one of them holds groups of its own number, its header is damaged.
func (l *Log) orderSegments() {
	r := &l.recovery
	newest := -1
	for i, f := range r.files {
		if f.whole {
			newest = i
			l.released = f.header.released
		}
		l.nextNumber = f.file.number + 1
	}
	if l.nextNumber == 0 {
		l.nextNumber = 1
	}
	for i := newest; i >= 0; {
		f := r.files[i]
		r.chain = append(r.chain, f)
		i = l.previousOf(f, i)
	}
	slices.Reverse(r.chain)
	r.chain = append(r.chain, r.files[newest+1:]...)

	// Released segments need not be read. The successor's header carries the bindings.
	for len(r.chain) > 1 && r.chain[1].whole && r.chain[1].header.first <= l.released+1 {
		r.chain = r.chain[1:]
	}
	r.next = 1
	if len(r.chain) > 0 {
		r.next = r.chain[0].header.first // 0 if this header is lost
	}
	r.report.FirstSeq = r.next
}

// previousOf returns the index of the segment before f, which is files[i]; -1
// if f is the oldest.
func (l *Log) previousOf(f *found, i int) int {
	files := l.recovery.files
	for i--; i >= 0; i-- {
		p := files[i]
		switch {
		case !f.whole && p.whole:
			return i // a guess: only the lost header names it; wrong sequences are not accepted
		case f.whole && p.file.number == f.header.previous:
			if p.whole && p.id != f.header.previousID {
				return -1
			}
			p.id = f.header.previousID
			return i
		}
	}
	return -1
}

// successor is the next segment of the chain if its header is valid. That header says where the
// current segment ends.
func (r *recovery) successor() *found {
	if r.at+1 < len(r.chain) && r.chain[r.at+1].whole {
		return r.chain[r.at+1]
	}
	return nil
}

// NextRecovered returns the next record of the owner. False means that more
// completions are needed or, when Phase is Ready, that there are no more.
func (l *Log) NextRecovered() (Record, bool) {
	if l.phase != Recovering || l.recovery.step != stepStream {
		return Record{}, false
	}
	r := &l.recovery
	for {
		rec, out := r.scan.next(l)
		switch out {
		case scanRecord:
			if !l.recoverOwn(rec) {
				return rec, true
			}
		case scanWait:
			return Record{}, false
		case scanEnd:
			l.endSegment()
			r.at++
			if r.at >= len(r.chain) {
				l.finishRecovery()
				return Record{}, false
			}
			l.beginSegment()
		}
	}
}

// recoverOwn applies a record of the log itself.
func (l *Log) recoverOwn(rec Record) bool {
	l.nextHandle = max(l.nextHandle, rec.Handle+1)
	l.recovery.lastMark = rec.Type == typeMark
	switch rec.Type {
	case typeBind:
		var id ID
		copy(id[:], rec.Payload)
		l.bindings.Set(rec.Handle, id)
	case typeUnbind:
		l.bindings.Delete(rec.Handle)
	}
	return rec.Type > MaxType
}

func (l *Log) beginSegment() {
	r := &l.recovery
	if len(r.chain) == 0 {
		r.scan = scanner{headerRead: true}
		return
	}
	f := r.chain[r.at]
	limit, proven := f.file.size, Seq(0)
	if s := r.successor(); s != nil {
		proven = s.header.first
		if s.header.previous == f.file.number {
			limit = min(limit, s.header.previousEnd)
		}
	}
	f.end = sectorBytes
	r.scan = scanner{
		probe: probe{proven: proven}, segment: f, limit: limit, pos: sectorBytes, headerRead: true,
	}
	if f.whole && f.header.headerBytes <= limit {
		f.end = f.header.headerBytes
		r.scan.pos, r.scan.headerRead = 0, false
	} else {
		r.headerLost(f)
	}
	r.scan.readAhead(l)
}

// endSegment applies what the successor's header proves about the segment that ends.
func (l *Log) endSegment() {
	r := &l.recovery
	if len(r.chain) == 0 {
		return
	}
	f := r.chain[r.at]
	if s := r.successor(); s != nil {
		r.headerProven()
		r.missingBefore(s.header.first, BelowDurable, Position{f.file.number, f.end})
		if !s.header.firstOfIncarnation {
			r.proveDurable(f.file.number, s.header.first-1)
		}
		r.next = s.header.first
		r.report.Torn = false
		if r.report.FirstSeq == 0 {
			r.report.FirstSeq = r.next
		}
	}
	if r.next > 0 {
		f.last = r.next - 1
	}
}

// headerLost notes a damaged header. A crash may have interrupted the write of the header, so it is
// damage only if something was written after it.
func (r *recovery) headerLost(f *found) {
	f.lost = true
	r.lostHeader = f
}

// headerProven reports the lost header as damage: something was written after it.
func (r *recovery) headerProven() {
	if f := r.lostHeader; f != nil {
		mark.Hit(mark.WALHeaderLost)
		r.lostHeader = nil
		r.addDamage(Damage{First: 1, Reason: HeaderLost, At: Position{f.file.number, 0}})
	}
}

// finishRecovery makes the state of a running log from what was found.
func (l *Log) finishRecovery() {
	r := &l.recovery
	if r.next == 0 {
		r.next = 1
	}
	if at, ok := r.unreadableTail(); ok {
		mark.Hit(mark.WALUnreadable)
		r.addDamage(Damage{First: r.next, Last: r.next, At: at, Reason: Unreadable})
		// It does not matter how many records the sector held: one sequence is skipped. What this
		// incarnation writes begins behind the gap, and the gap shows the damage to later
		// recoveries.
		r.next, r.report.Torn = r.next+1, false
	}
	if r.next <= l.expected {
		mark.Hit(mark.WALEndLost)
		r.addDamage(Damage{First: r.next, Last: l.expected, At: r.report.TornAt, Reason: EndLost})
		r.next, r.report.Torn = l.expected+1, false
	}
	// Spares, and a segment with a header that the crash interrupted.
	for n := len(r.chain); n > 0 && r.chain[n-1].lost && !r.chain[n-1].used; n-- {
		r.chain = r.chain[:n-1]
	}
	for _, f := range r.files {
		if !slices.Contains(r.chain, f) {
			if r.report.Doubtful() {
				// A header that could not be read may be the one that leads to this file: the chain
				// is a guess. A later recovery that can read everything removes files that do not
				// belong to the log.
				l.close(f.file)
			} else {
				l.discard(f.file)
			}
			continue
		}
		if f.id == 0 {
			f.id = l.newID() // the real id is unknown; nothing will be written to this file
		}
		l.segments = append(l.segments, &segment{
			file: f.file, id: f.id, state: segmentOpen, end: f.end, last: f.last, closed: true,
			recovered: true,
		})
	}
	if r.report.FirstSeq == 0 {
		r.report.FirstSeq = r.next
	}
	r.report.LastSeq = r.next - 1
	mark.HitIf(r.report.Torn, mark.WALTornTail)
	r.report.Segments = len(l.segments)
	l.next, l.durable = r.next, r.next-1
	l.released = min(l.released, l.durable)
	l.markDue = l.durable > 0 && len(l.segments) > 0 && !r.lastMark
	l.recovery = recovery{report: r.report}
	l.phase = Ready
}
