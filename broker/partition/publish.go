package partition

import (
	"errors"
	"slices"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/diskfs"
)

// fileWrite is a write to a file of the directory.
type fileWrite struct {
	name string
	at   int64
	data []byte
}

// publish writes files and a checkpoint that names them. Its order leaves either the old checkpoint
// or the new one after any crash: first the contents are durable, then the file gets its name, then
// the name is durable. It is the middle part of the jobs that change the directory.
type publish struct {
	next     checkpoint
	files    []fileWrite
	names    bool // files are new: their names must be durable too
	external bool // the owner syncs
	// overtaken: a truncation has cut below the end of the segments in next. It stops the work,
	// unless the rename is under way.
	overtaken bool
	end       kafka.Offset
	stage     publishStage
	handles   []diskfs.Handle // of the temporary file and of files, in this order
}

// publishStage says which operations of a publish were submitted last.
type publishStage uint8

const (
	unpublished publishStage = iota
	mkdirs
	opens
	writes
	syncs
	rename
	nameSync
	published
)

// step returns the operations of the next stage. In stage published it returns
// none, and next is durable.
func (w *publish) step(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error) {
	err := firstError(got)
	if w.stage == mkdirs && errors.Is(err, diskfs.ErrExist) {
		err = nil // an earlier attempt made the directory and failed later
	}
	if err != nil {
		return nil, err
	}
	if w.stage < rename && w.overtaken {
		return nil, ErrOvertaken
	}
	if w.stage++; w.stage == mkdirs && p.trusted.number > 0 {
		w.stage = opens
	}
	if w.external && (w.stage == syncs || w.stage == nameSync) {
		p.closeFiles(r) // a sync of the file system needs no open files: see osfs.Disk.syncFS
		return nil, errNeedSync
	}
	switch w.stage {
	case mkdirs: // as late as possible: until now the WAL had everything
		return []diskfs.Op{{Kind: diskfs.Mkdir, Path: p.cfg.Dir}}, nil
	case opens:
		return w.openOps(p, r), nil
	case writes:
		return w.writeOps(), nil
	case syncs:
		return w.syncOps(p), nil
	case rename:
		return []diskfs.Op{{Kind: diskfs.Rename, Path: p.path(checkpointTempName),
			To: p.path(checkpointName)}}, nil
	case nameSync:
		return []diskfs.Op{{Kind: diskfs.SyncDir, Path: p.cfg.Dir}}, nil
	}
	return nil, nil
}

func (w *publish) openOps(p *Log, r *run) []diskfs.Op {
	p.closeFiles(r) // a cut has read segments
	ops := []diskfs.Op{p.open(r, checkpointTempName, diskfs.Create)}
	for _, f := range w.files {
		ops = append(ops, p.open(r, f.name, diskfs.Create))
	}
	for _, op := range ops {
		w.handles = append(w.handles, op.Handle)
	}
	return ops
}

func (w *publish) writeOps() []diskfs.Op {
	ops := []diskfs.Op{{Kind: diskfs.Write, Handle: w.handles[0], Data: w.next.encode()}}
	for i, f := range w.files {
		ops = append(ops, diskfs.Op{
			Kind: diskfs.Write, Handle: w.handles[i+1], Offset: f.at, Data: f.data,
		})
	}
	return ops
}

func (w *publish) syncOps(p *Log) []diskfs.Op {
	var ops []diskfs.Op
	for _, h := range w.handles {
		ops = append(ops, diskfs.Op{Kind: diskfs.Sync, Handle: h})
	}
	if w.names {
		ops = append(ops, diskfs.Op{Kind: diskfs.SyncDir, Path: p.cfg.Dir})
	}
	if p.trusted.number == 0 { // the directory itself may be new
		ops = append(ops, diskfs.Op{Kind: diskfs.SyncDir, Path: parent(p.cfg.Dir)})
	}
	return ops
}

// nextCheckpoint is the trusted checkpoint's successor, with the same segments.
func (p *Log) nextCheckpoint(end kafka.Offset, covered uint64, table producers) checkpoint {
	c := checkpoint{
		number: p.trusted.number + 1, life: p.cfg.Life, covered: covered,
		logStart: p.logStart, end: end, watermark: p.watermark, clockMs: p.clockMs,
		segments:  slices.Clone(p.trusted.segments),
		snapshots: []snapshot{{end, table}},
	}
	for _, e := range p.history {
		// An epoch that has no record below end counts if its start is covered.
		if e.Start < end || e.Start == end && e.seq <= covered {
			c.epochs = append(c.epochs, e)
		}
	}
	// While the new snapshot is above the watermark, a truncation may go below it. So the newest
	// snapshot at or below the watermark stays. During replay the watermark is younger than the
	// records, so the snapshot that the recovery began with stays.
	if end > p.watermark || p.state == Replaying {
		i := len(p.trusted.snapshots) - 1
		for i > 0 && (p.state == Replaying || p.trusted.snapshots[i].offset > p.watermark) {
			i--
		}
		if s := p.trusted.snapshots[i]; s.offset < end {
			c.snapshots = []snapshot{s, c.snapshots[0]}
		}
	}
	return c
}

// dropSegments removes segments that are not needed from the checkpoint, most at most, and returns
// the names of their files. A segment below the log start stays while it ends above the older
// producer snapshot, since producer state may have to be computed again from there.
func (c *checkpoint) dropSegments(most int) (files []string) {
	needed := min(c.logStart, c.snapshots[0].offset)
	n := 0
	for n < min(len(c.segments), most) && c.segments[n].end <= needed {
		files = append(files, c.segments[n].files()...)
		n++
	}
	c.segments = slices.Clone(c.segments[n:])
	return files
}

// dropNotes forgets the notes that the trusted checkpoint covers.
func (p *Log) dropNotes() {
	n := 0
	for n < len(p.notes) && p.notes[n].seq <= p.trusted.covered {
		n++
	}
	if p.notes = p.notes[n:]; len(p.notes) == 0 {
		p.notes = nil
	}
}

func removeOps(p *Log, names []string) []diskfs.Op {
	ops := make([]diskfs.Op, len(names))
	for i, name := range names {
		ops[i] = diskfs.Op{Kind: diskfs.Remove, Path: p.path(name)}
	}
	return ops
}

func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return "."
}
