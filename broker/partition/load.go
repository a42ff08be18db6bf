package partition

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/diskfs"
)

// Load reads the checkpoint and compares it with the files. A Done of kind Loaded reports the end.
// The state is then Replaying, or Failed: with ErrDamaged if trusted bytes are missing or cannot be
// read from the medium, and with another error if this process could not read them. Such an error
// says nothing about the files. A directory that does not exist is an empty log.
//
// namesDurable: the owner has synced the file system since the process began, for many partitions
// at once. Otherwise Load syncs the directory.
func (p *Log) Load(namesDurable bool) {
	assert.That(p.state == Fresh, "partition: Load in state %d", p.state)
	p.state = Loading
	p.work.wanted.load = &load{namesDurable: namesDurable}
	p.kick()
}

// load is the job. It lists the directory, makes its names durable, and reads the checkpoint. Then
// it tidies up: it cuts files to their trusted sizes and removes files that the checkpoint does not
// name.
//
// A process may have been killed after it renamed the checkpoint and before the name was durable
// (see publish). From now on that checkpoint counts: the WAL releases what it covers, and files
// that only the one before trusts are removed. If a power loss then took the name, the older
// checkpoint would be back without either.
type load struct {
	namesDurable bool
	stage        loadStage
	files        []diskfs.Entry
	found        *checkpoint
	tidy         []fileSize // to cut
}

type fileSize struct {
	name string
	size int64
}

// loadStage says which operations of a load were submitted last.
type loadStage uint8

const (
	unloaded loadStage = iota
	listed
	namesSynced
	checkpointOpened
	checkpointRead
	tidied // unnamed files are removed, or the last opened file is cut
	tidyOpened
)

func (l *load) step(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	err := firstError(got)
	if l.stage == listed && errors.Is(err, diskfs.ErrNotExist) {
		return nil, nil
	}
	if errors.Is(err, diskfs.ErrIO) && l.stage < tidied {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	} else if err != nil && l.stage < tidied {
		return nil, err
	}
	switch l.stage {
	case unloaded:
		l.stage = listed
		return []diskfs.Op{{Kind: diskfs.List, Path: p.cfg.Dir}}, nil
	case listed:
		l.files = got[0].Entries
		if l.namesDurable {
			return l.openCheckpoint(p, r)
		}
		l.stage = namesSynced
		return []diskfs.Op{{Kind: diskfs.SyncDir, Path: p.cfg.Dir}}, nil
	case namesSynced:
		return l.openCheckpoint(p, r)
	case checkpointOpened:
		l.stage = checkpointRead
		return []diskfs.Op{{Kind: diskfs.Read, Handle: got[0].Handle,
			Data: make([]byte, got[0].Size)}}, nil
	case checkpointRead:
		if l.found, err = decodeCheckpoint(got[0].Data[:got[0].N]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if err := l.compare(); err != nil {
			return nil, err
		}
		return l.tidyUp(p, r)
	case tidyOpened:
		l.stage = tidied
		f := l.tidy[0]
		l.tidy = l.tidy[1:]
		if got[0].Err == nil {
			return []diskfs.Op{{Kind: diskfs.Truncate, Handle: got[0].Handle, Size: f.size}}, nil
		}
	}
	return l.cutNext(p, r)
}

func (l *load) openCheckpoint(p *Log, r *run) ([]diskfs.Op, error) {
	if l.sizeOf(checkpointName) < 0 { // nothing that is here was ever trusted
		return l.tidyUp(p, r)
	}
	l.stage = checkpointOpened
	return []diskfs.Op{p.open(r, checkpointName, 0)}, nil
}

// sizeOf is the size of a file in the directory, or -1 if it is not there.
func (l *load) sizeOf(name string) int64 {
	i, ok := slices.BinarySearchFunc(l.files, name, func(e diskfs.Entry, name string) int {
		return strings.Compare(e.Name, name)
	})
	if !ok {
		return -1
	}
	return l.files[i].Size
}

// compare compares the files with the checkpoint. Missing bytes of a log are damage; a missing
// index is built again.
func (l *load) compare() error {
	for i := range l.found.segments {
		s := &l.found.segments[i]
		for _, f := range []fileSize{
			{s.name(logSuffix), s.logBytes}, {s.name(indexSuffix), s.indexBytes},
			{s.name(timeSuffix), s.timeBytes},
		} {
			switch have := l.sizeOf(f.name); {
			case have > f.size:
				mark.Hit(mark.LogTidied)
				l.tidy = append(l.tidy, f)
			case have < f.size && f.name == s.name(logSuffix):
				return fmt.Errorf("%w: %s has %d bytes instead of %d",
					ErrDamaged, f.name, max(have, 0), f.size)
			case have < f.size:
				s.indexLost = true
			}
		}
	}
	return nil
}

// tidyUp removes unnamed files, and then cuts one file after the other. Neither has to be durable,
// or to succeed: the bytes in question are not trusted.
func (l *load) tidyUp(p *Log, r *run) ([]diskfs.Op, error) {
	named := []string{checkpointName}
	if l.found != nil {
		for i := range l.found.segments {
			named = append(named, l.found.segments[i].files()...)
		}
	}
	var ops []diskfs.Op
	for _, f := range l.files {
		if !f.Dir && !slices.Contains(named, f.Name) {
			ops = append(ops, diskfs.Op{Kind: diskfs.Remove, Path: p.path(f.Name)})
		}
	}
	l.stage = tidied
	if len(ops) > 0 {
		return ops, nil
	}
	return l.cutNext(p, r)
}

// cutNext opens the next file that must be cut; no operations if there is none.
func (l *load) cutNext(p *Log, r *run) ([]diskfs.Op, error) {
	if len(l.tidy) == 0 {
		return nil, nil
	}
	p.closeFiles(r)
	l.stage = tidyOpened
	return []diskfs.Op{p.open(r, l.tidy[0].name, 0)}, nil
}

func (l *load) end(p *Log, err error) {
	if err != nil {
		p.state = Failed
		mark.Hit(mark.LogDamagedCheckpoint)
	} else if p.state == Loading {
		p.state = Replaying
		p.adopt(l.found)
	}
	p.work.done = append(p.work.done, Done{Kind: Loaded, Err: err})
}

// adopt makes a checkpoint the state of the log.
func (p *Log) adopt(c *checkpoint) {
	if c == nil {
		p.trusted.life = p.cfg.Life
		return
	}
	if c.life != p.cfg.Life { // another sequence space: all records of this WAL are newer
		c.life, c.covered = p.cfg.Life, 0
	}
	p.trusted = *c
	p.durable = c.covered
	p.history = slices.Clone(c.epochs)
	p.logStart, p.watermark, p.clockMs = c.logStart, c.watermark, c.clockMs
	p.logEnd, p.flushed = c.end, c.end
	p.recomputeProducers()
}

// repair is the job that builds a segment's indexes from its log.
type repair struct {
	segment int // of trusted.segments
	scan    *scan
	built   segment
	out     pieces
	stage   int
}

func (t *repair) step(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	if err := firstError(got); err != nil {
		return nil, err
	}
	s := &p.trusted.segments[t.segment]
	switch t.stage {
	case 0:
		t.stage = 1
		return []diskfs.Op{
			p.open(r, s.name(logSuffix), 0),
			p.open(r, s.name(indexSuffix), diskfs.Create),
			p.open(r, s.name(timeSuffix), diskfs.Create),
		}, nil
	case 1:
		if t.scan == nil {
			t.built = newSegment(s.base)
			t.scan = p.scan(*s, r.handles[0], place{s.base, 0}, p.cfg.Limits.ReadBytes)
		} else if err := t.scan.fill(got[0]); err != nil {
			return nil, err
		}
		if ops, err := t.build(p); err != nil || len(ops) > 0 {
			return ops, err
		}
		t.stage = 2
		return []diskfs.Op{
			{Kind: diskfs.Write, Handle: r.handles[1], Data: t.out.index},
			{Kind: diskfs.Write, Handle: r.handles[2], Data: t.out.time},
		}, nil
	case 2:
		t.stage = 3
		return []diskfs.Op{
			{Kind: diskfs.Sync, Handle: r.handles[1]}, {Kind: diskfs.Sync, Handle: r.handles[2]},
			{Kind: diskfs.SyncDir, Path: p.cfg.Dir},
		}, nil
	}
	t.built.firstMs = s.firstMs
	*s = t.built
	return nil, nil
}

// build takes batches into the new indexes until a read is needed.
func (t *repair) build(p *Log) ([]diskfs.Op, error) {
	for {
		b, state, err := t.scan.next()
		switch {
		case err != nil:
			return nil, err
		case state == over:
			return nil, nil
		case state == more:
			return []diskfs.Op{t.scan.readOp()}, nil
		case !b.ChecksumValid():
			return nil, t.scan.damage("checksum")
		}
		t.built.add(b.BaseOffset(), b.LastOffset(), int64(b.Size()), b.MaxTimestampMs(),
			p.cfg.Limits.IndexBytes, &t.out)
	}
}

func (t *repair) end(p *Log, err error) {
	switch s := &p.trusted.segments[t.segment]; {
	case err == nil || p.state == Failed:
	case errors.Is(err, diskfs.ErrIO) || errors.Is(err, ErrDamaged):
		// Searches go on without indexes, and reads report the damage where it is.
		s.indexRepair = indexHopeless
	default: // no room, or this process could not do it: the next read tries again
		s.indexRepair = indexLater
	}
	p.work.done = append(p.work.done, Done{Kind: Repaired, Err: err})
}

// Delete removes the partition's directory durably, after the work under way has ended. A Done of
// kind Removed reports the end. A failed partition may be deleted too.
func (p *Log) Delete() {
	p.state = Deleting
	p.generation++ // the work under way may fail
	p.overtake(-1)
	if p.work.wanted.flush != nil { // it has not begun, and its owner waits for the end
		p.work.done = append(p.work.done, Done{Kind: Flushed, Err: ErrOvertaken})
	}
	p.work.wanted = wanted{remove: true}
	if p.work.synced { // a flush that is given up needs no sync
		p.work.synced = false
		p.finish(p.work.job, ErrOvertaken)
		return
	}
	p.kick()
}

// removal is the job of Delete. It removes one file at a time, so that the deletion of a partition
// with thousands of files is not one operation that takes minutes. It begins with the checkpoint,
// the last name, so that a crash in between leaves an empty log and not a damaged one.
type removal struct {
	stage removalStage
	files []string // that are left
}

type removalStage uint8

const (
	removalLists removalStage = iota
	removalRemoves
	removalSyncs
	removalEnds
)

func (t *removal) step(p *Log, _ *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	if err := firstError(got); err != nil && !errors.Is(err, diskfs.ErrNotExist) {
		return nil, err
	}
	switch t.stage {
	case removalLists:
		if got == nil {
			return []diskfs.Op{{Kind: diskfs.List, Path: p.cfg.Dir}}, nil
		}
		for _, e := range got[0].Entries {
			if !e.Dir {
				t.files = append(t.files, e.Name)
			}
		}
		t.stage = removalRemoves
	case removalSyncs:
		t.stage = removalEnds
		return []diskfs.Op{{Kind: diskfs.SyncDir, Path: parent(p.cfg.Dir)}}, nil
	case removalEnds:
		return nil, nil
	}
	if n := len(t.files); n > 0 {
		last := t.files[n-1]
		t.files = t.files[:n-1]
		return []diskfs.Op{{Kind: diskfs.Remove, Path: p.path(last)}}, nil
	}
	t.stage = removalSyncs
	return []diskfs.Op{{Kind: diskfs.RemoveAll, Path: p.cfg.Dir}}, nil
}

func (t *removal) end(p *Log, err error) {
	if err == nil {
		p.state = Deleted
		p.tail, p.notes = tail{}, nil
	}
	p.work.done = append(p.work.done, Done{Kind: Removed, Err: err})
}
