package osfs

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/internal/rules"
)

// Options tune a Disk. The zero value is good for production.
type Options struct {
	// Now reads the monotonic clock of the loop. Without it, executions begin at 0.
	Now func() env.Instant
	// Workers is how many operations of each queue execute at the same time;
	// 0: as the package comment says.
	Workers int
}

// Disk implements [diskfs.Disk] below a root directory.
type Disk struct {
	root string
	sink diskfs.Sink
	now  func() env.Instant

	// rootFD is the root, open from the start to the end: see syncFS. eachFile
	// says that syncfs reports no errors here, so that files are synced one by one.
	rootFD   int
	eachFile bool

	// noRangeSync is set once pwritev2 with RWF_DSYNC has failed as
	// unsupported.
	noRangeSync atomic.Bool

	mu        sync.Mutex
	drained   sync.Cond // pending has become 0
	handles   rules.Handles[int]
	locks     map[string]int // path → descriptor that holds its lock
	queues    rules.Queues[*task]
	executing map[*task]struct{}
	pending   int  // operations submitted, completion not yet delivered
	closed    bool // Submit refuses
}

// startWithoutRangeSync and startWithoutSyncFS are set by the tests of the
// fallbacks.
var startWithoutRangeSync, startWithoutSyncFS bool

// task is an operation that may run; refused ones only need a completion.
type task struct {
	op      diskfs.Op
	refused bool
	since   env.Instant // when it began to execute
}

// New returns a Disk on the existing directory root that delivers completions
// to sink. No goroutine starts before the first operation.
func New(root string, sink diskfs.Sink, opts Options) (*Disk, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("osfs: root %s: %w", root, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, fmt.Errorf("osfs: root: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("osfs: root %s is not a directory", abs)
	}
	fd, err := openDir(abs)
	if err != nil {
		return nil, fmt.Errorf("osfs: root %s: %w", abs, sentinel(diskfs.Open, err))
	}
	if opts.Now == nil {
		opts.Now = func() env.Instant { return 0 }
	}
	d := &Disk{root: abs, rootFD: fd, sink: sink, now: opts.Now, locks: make(map[string]int),
		executing: make(map[*task]struct{}), eachFile: startWithoutSyncFS || !syncfsReports()}
	d.queues.Most = opts.Workers
	d.noRangeSync.Store(startWithoutRangeSync)
	d.drained.L = &d.mu
	return d, nil
}

// Submit queues op. After Close it is answered at once with ErrClosed.
func (d *Disk) Submit(op diskfs.Op) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		d.sink(rules.Completion(op, rules.Wrap(op, op.Path, diskfs.ErrClosed)))
		return
	}
	d.pending++
	verdict := rules.Begin
	if op.Kind == diskfs.Open || rules.UsesHandle(op.Kind) {
		verdict = d.handles.Submit(rules.Held{Op: op})
	}
	if verdict != rules.Wait {
		d.enqueue(&task{op: op, refused: verdict == rules.Refuse})
	}
	d.mu.Unlock()
}

// enqueue makes t runnable: a worker takes it now, or the one that ends an
// operation of its queue. The caller holds mu.
func (d *Disk) enqueue(t *task) {
	if d.queues.Submit(&t.op, t) {
		d.begin(t)
		go d.work(t)
	}
}

// begin notes that t executes from now on. The caller holds mu.
func (d *Disk) begin(t *task) {
	t.since = d.now()
	d.executing[t] = struct{}{}
}

// Executing implements [diskfs.Disk].
func (d *Disk) Executing(yield func(diskfs.Execution)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for t := range d.executing {
		yield(diskfs.Execution{
			Kind: t.op.Kind, Owner: t.op.Owner, Token: t.op.Token, Since: t.since,
		})
	}
}

// work is one worker: it executes t, and then what waits in the queue of t.
func (d *Disk) work(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for more := true; more; {
		fd, path := d.handles.File(t.op.Handle)
		d.mu.Unlock()
		c, opened := d.run(t, fd, path)
		d.sink(c)
		d.mu.Lock()
		delete(d.executing, t)
		d.finish(t, c.Err, opened)
		if t, more = d.queues.Ended(&t.op); more {
			d.begin(t)
		}
	}
}

// finish updates the handle of a task after its completion was delivered, and
// enqueues what waited for it. The caller holds mu.
func (d *Disk) finish(t *task, err error, fd int) {
	switch {
	case t.refused:
	case t.op.Kind == diskfs.Open:
		begin, refuse := d.handles.Opened(t.op.Handle, fd, err == nil)
		for _, held := range begin {
			d.enqueue(&task{op: held.Op})
		}
		for _, held := range refuse {
			d.enqueue(&task{op: held.Op, refused: true})
		}
	case rules.UsesHandle(t.op.Kind):
		if closing, ok := d.handles.Ended(t.op); ok {
			d.enqueue(&task{op: closing.Op})
		}
	}
	if d.pending--; d.pending == 0 {
		d.drained.Broadcast()
	}
}

// Close waits until every operation in flight has completed, and closes what is
// open: handles, and locks as at the end of a process. It
// blocks; it is for the end of a process and for tests.
func (d *Disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for d.pending > 0 {
		d.drained.Wait()
	}
	for _, fd := range d.handles.Drop() {
		_ = unix.Close(fd) // close syncs nothing, so its failure loses nothing
	}
	for _, fd := range d.locks {
		_ = unix.Close(fd)
	}
	d.locks = nil
	if d.rootFD >= 0 {
		_ = unix.Close(d.rootFD)
		d.rootFD = -1
	}
	return nil
}
