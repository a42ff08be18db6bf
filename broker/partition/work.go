package partition

import (
	"errors"
	"fmt"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/diskfs"
)

// DoneKind says which work has ended.
type DoneKind uint8

const (
	Loaded   DoneKind = iota + 1 // Load; with an Err the state is Failed
	ReadDone                     // Read with the Token
	LookedUp                     // OffsetForTimestamp or MaxTimestamp with the Token
	Flushed                      // Flush
	// NeedSync: a Flush with ExternalSync waits for a SyncFS that is submitted from now on. The
	// owner calls Synced when it has completed. This happens twice in a flush.
	NeedSync
	Cut // the segments are cut after a truncation; with an Err the state is Failed
	// Repaired: index files were built again for a segment that had none, or damaged ones.
	Repaired
	Removed // Delete
)

// Done is the end of something asynchronous.
type Done struct {
	Kind    DoneKind
	Token   uint64
	Batches [][]byte  // ReadDone: whole batches, in buffers of their own
	Found   Found     // LookedUp
	Missing []Missing // LookedUp: evicted batches that the owner must restore before it asks again
	Err     error
}

// task is a piece of asynchronous work in steps. All operations of a step are in flight together;
// the next step begins when the last of them has completed.
type task interface {
	// step takes the completions of the previous step, in the order of its operations (nil at
	// first), and returns the next operations; none when the task is complete. The task decides
	// what a failed operation means, but failed syncs and renames never reach it.
	step(p *Log, r *run, got []diskfs.Completion) ([]diskfs.Op, error)
	// end reports the outcome. It is called once.
	end(p *Log, err error)
}

// errNeedSync is returned by a step that waits for the owner's sync.
var errNeedSync = errors.New("partition: waiting for the owner's sync")

// FilesOfTask is how many files one task has open at most: the three of a segment and the next
// checkpoint.
const FilesOfTask = 4

// run is a task under way.
type run struct {
	task    task
	got     []diskfs.Completion
	left    int
	handles []diskfs.Handle // open, closed when the task ends
}

// waiter is the run and the operation that a token stands for.
type waiter struct {
	run   *run
	index int
}

// work is everything under way. It is empty in an idle partition.
type work struct {
	lastToken uint64
	waiting   map[uint64]waiter // only for look-ups; nothing ranges over it
	// job is the one task that changes the directory. Reads run beside it.
	job    *run
	synced bool // job waits for Synced
	wanted wanted
	done   []Done
}

// wanted is what runs when the current job has ended.
type wanted struct {
	load   *load
	flush  *FlushOptions
	remove bool
}

// Completed takes the completion of an operation with this partition's Owner, and returns the work
// that it ended. The slice is valid until the next call of any method. An error means that a sync
// or a rename failed: the state of the disk is not known any more, and the node has to stop.
func (p *Log) Completed(c diskfs.Completion) ([]Done, error) {
	w, ok := p.work.waiting[c.Token]
	if !ok {
		return p.takeDone(), nil // a Close: nothing waits for it
	}
	delete(p.work.waiting, c.Token)
	if c.Err != nil && mustSucceed(c.Kind) {
		p.state = Failed
		return p.takeDone(), fmt.Errorf("partition: %s: %w", p.cfg.Dir, c.Err)
	}
	w.run.got[w.index] = c
	if w.run.left--; w.run.left == 0 {
		p.advance(w.run)
	}
	return p.takeDone(), nil
}

// Synced continues a flush that reported NeedSync.
func (p *Log) Synced() []Done {
	if p.work.synced && p.work.job != nil {
		p.work.synced = false
		p.advance(p.work.job)
	}
	return p.takeDone()
}

// Busy reports whether any operation is under way or waits to begin.
func (p *Log) Busy() bool {
	return p.work.job != nil || len(p.work.waiting) > 0 || p.work.wanted != (wanted{}) ||
		p.CutPending()
}

// Waiting reports whether an operation is under way that a task waits for.
func (p *Log) Waiting() bool { return len(p.work.waiting) > 0 }

// Pending returns the work that has ended without a completion, for example a flush that was
// refused. Completed and Synced return such work too.
func (p *Log) Pending() []Done { return p.takeDone() }

func (p *Log) takeDone() []Done {
	done := p.work.done
	p.work.done = nil
	return done
}

// mustSucceed reports whether a failed operation stops the node. It is not retried (PROTOCOL 10).
// After a failed rename it is not known which of two checkpoints is in place, so further writes
// could destroy what one of them trusts.
func mustSucceed(k diskfs.Kind) bool {
	switch k {
	case diskfs.Sync, diskfs.WriteSync, diskfs.SyncDir, diskfs.SyncFS, diskfs.Rename:
		return true
	}
	return false
}

// start begins a task.
func (p *Log) start(t task) *run {
	r := &run{task: t}
	p.advance(r)
	return r
}

// advance runs the task's next step. The task then has operations in flight, or waits for the
// owner's sync, or has ended.
func (p *Log) advance(r *run) {
	got := r.got
	r.got = nil
	ops, err := r.task.step(p, r, got)
	switch {
	case errors.Is(err, errNeedSync):
		p.work.synced = true
		p.work.done = append(p.work.done, Done{Kind: NeedSync})
		return
	case err != nil || len(ops) == 0:
		p.finish(r, err)
		return
	}
	r.got, r.left = make([]diskfs.Completion, len(ops)), len(ops)
	for i, op := range ops {
		p.submit(op, waiter{r, i})
	}
}

func (p *Log) finish(r *run, err error) {
	p.closeFiles(r)
	if p.work.job == r {
		p.work.job = nil
	}
	r.task.end(p, err)
	if len(p.work.waiting) == 0 {
		p.work.waiting = nil
	}
	p.kick()
}

func (p *Log) submit(op diskfs.Op, w waiter) {
	if p.work.waiting == nil {
		p.work.waiting = make(map[uint64]waiter)
	}
	p.work.lastToken++
	op.Owner, op.Token = p.cfg.Owner, p.work.lastToken
	p.work.waiting[op.Token] = w
	p.disk.Submit(op)
}

// submitUnawaited submits an operation; its outcome does not matter.
func (p *Log) submitUnawaited(op diskfs.Op) {
	p.work.lastToken++
	op.Owner, op.Token = p.cfg.Owner, p.work.lastToken
	p.disk.Submit(op)
}

// closeFiles closes what the task has open. A task does so before a step that opens files. The
// owner lets few files be open, and tasks that waited for more while they held some would wait for
// each other.
func (p *Log) closeFiles(r *run) {
	for _, h := range r.handles {
		p.submitUnawaited(diskfs.Op{Kind: diskfs.Close, Handle: h})
	}
	r.handles = nil
}

// open returns the operation that opens a file of the directory for the task.
func (p *Log) open(r *run, name string, flags diskfs.Flags) diskfs.Op {
	h := p.disk.NewHandle()
	r.handles = append(r.handles, h)
	return diskfs.Op{Kind: diskfs.Open, Path: p.path(name), Handle: h, Flags: flags}
}

func (p *Log) path(name string) string { return p.cfg.Dir + "/" + name }

// firstError is the first error among completions.
func firstError(got []diskfs.Completion) error {
	for _, c := range got {
		if c.Err != nil {
			return c.Err
		}
	}
	return nil
}

// kick begins the next job if none is under way. The order matters: a cut needs the index, so the
// index is built again first, and nothing is written into segments that hold truncated records.
func (p *Log) kick() {
	for p.work.job == nil && p.state != Failed {
		t := p.nextJob()
		if t == nil {
			return
		}
		r := &run{task: t}
		p.work.job = r
		p.advance(r)
	}
}

func (p *Log) nextJob() task {
	want := &p.work.wanted
	switch {
	case want.remove:
		want.remove = false
		return &removal{}
	case p.state == Deleting || p.state == Deleted || p.state == Fresh:
		return nil
	case want.load != nil:
		l := want.load
		want.load = nil
		return l
	case p.state == Loading:
		return nil
	}
	if i := p.lostIndex(); i >= 0 {
		return &repair{segment: i}
	}
	if !p.notesDurable() {
		return nil
	}
	if p.CutPending() {
		return p.newCut()
	}
	if want.flush != nil {
		options := *want.flush
		want.flush = nil
		return &flush{options: options}
	}
	return nil
}

// CutPending reports whether segments hold records that were truncated from the log.
func (p *Log) CutPending() bool { return p.trusted.end > p.flushed || p.resetPending }

// notesDurable reports whether a checkpoint may be written. A checkpoint contains the effects of
// all notes, and must not contain anything that the WAL may still lose. This holds for the newest
// epoch too, which may have replaced one without records.
func (p *Log) notesDurable() bool {
	if n := len(p.history); n > 0 && p.history[n-1].seq > p.durable {
		return false
	}
	return len(p.notes) == 0 || p.notes[len(p.notes)-1].seq <= p.durable
}

// overtake tells the job that the log has nothing at or above to any more.
func (p *Log) overtake(to kafka.Offset) {
	if p.work.job == nil {
		return
	}
	if t, ok := p.work.job.task.(interface{ publishing() *publish }); ok {
		if w := t.publishing(); w != nil && to < w.end {
			mark.Hit(mark.LogFlushOvertaken)
			w.overtaken = true
		}
	}
}

// lostIndex is the first segment with indexes that can and must be built again, or -1.
func (p *Log) lostIndex() int {
	for i := range p.trusted.segments {
		if s := &p.trusted.segments[i]; s.indexLost && s.indexRepair == indexNow {
			return i
		}
	}
	return -1
}

// segmentOf returns the trusted segment that holds offset, or -1.
func (p *Log) segmentOf(offset kafka.Offset) int {
	s := p.trusted.segments
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].base <= offset {
			if offset < s[i].end {
				return i
			}
			return -1
		}
	}
	return -1
}
