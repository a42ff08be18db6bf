package osfs

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/internal/rules"
)

// Options tune a Disk. The zero value is good for production.
type Options struct {
	// Workers is the largest number of system calls in progress. Default 6,
	// at least 2.
	Workers int
	// HotWorkers of them are kept for WriteSync. Default 2; at least one
	// worker is always left for the rest.
	HotWorkers int
}

func (o Options) withDefaults() Options {
	if o.Workers == 0 {
		o.Workers = 6
	}
	o.Workers = max(o.Workers, 2)
	if o.HotWorkers == 0 {
		o.HotWorkers = 2
	}
	o.HotWorkers = min(o.HotWorkers, o.Workers-1)
	return o
}

// Disk implements [diskfs.Disk] below a root directory.
type Disk struct {
	root string
	sink diskfs.Sink
	opts Options

	// rootFD is the root, open from the start to the end: see syncFS. eachFile
	// says that syncfs reports no errors here, so that files are synced one by one.
	rootFD   int
	eachFile bool

	// noRangeSync is set once pwritev2 with RWF_DSYNC has failed as
	// unsupported.
	noRangeSync atomic.Bool

	mu      sync.Mutex
	wake    sync.Cond // a worker may find something to do, or must stop
	drained sync.Cond // inFlight has become 0
	handles rules.Handles[int]
	locks   map[string]int // path → descriptor that holds its lock
	hot     queue          // WriteSync
	cold    queue          // everything else
	workers int            // goroutines alive
	idle    int            // of them, waiting for wake
	coldRun int            // of them, busy with a cold operation
	pending int            // operations submitted, completion not yet delivered
	closed  bool           // Submit refuses
	stopped bool           // workers leave
}

// startWithoutRangeSync and startWithoutSyncFS are set by the tests of the
// fallbacks.
var startWithoutRangeSync, startWithoutSyncFS bool

// task is an operation that may run; refused ones only need a completion.
type task struct {
	op      diskfs.Op
	refused bool
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
	d := &Disk{root: abs, rootFD: fd, sink: sink, opts: opts.withDefaults(),
		locks: make(map[string]int), eachFile: startWithoutSyncFS || !syncfsReports()}
	d.noRangeSync.Store(startWithoutRangeSync)
	d.wake.L, d.drained.L = &d.mu, &d.mu
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
		d.enqueue(task{op: op, refused: verdict == rules.Refuse})
	}
	d.mu.Unlock()
}

// enqueue makes t runnable and makes sure that a worker will take it. The
// caller holds mu.
func (d *Disk) enqueue(t task) {
	hot := t.op.Kind == diskfs.WriteSync
	if hot {
		d.hot.push(t)
	} else {
		d.cold.push(t)
	}
	// At the limit, the worker that ends a cold operation looks here next.
	if hot || d.coldRun < d.coldLimit() {
		d.rouse()
	}
}

// rouse makes one more worker look for a task. The caller of Signal counts the
// idle worker as busy at once; otherwise two tasks queued in a row would wake
// the same one. The caller holds mu.
func (d *Disk) rouse() {
	switch {
	case d.idle > 0:
		d.idle--
		d.wake.Signal()
	case d.workers < d.opts.Workers:
		d.workers++
		go d.work()
	}
}

func (d *Disk) coldLimit() int { return d.opts.Workers - d.opts.HotWorkers }

// next takes a runnable task, hot ones first. The caller holds mu.
func (d *Disk) next() (task, bool) {
	if t, ok := d.hot.pop(); ok {
		return t, true
	}
	if d.coldRun < d.coldLimit() {
		return d.cold.pop()
	}
	return task{}, false
}

// work is the loop of one worker.
func (d *Disk) work() {
	d.mu.Lock()
	for {
		t, ok := d.next()
		if !ok {
			if d.stopped {
				break
			}
			d.idle++
			d.wake.Wait() // rouse has taken this worker off idle
			continue
		}
		cold := t.op.Kind != diskfs.WriteSync
		if cold {
			d.coldRun++
		}
		fd, path := d.handles.File(t.op.Handle)
		d.mu.Unlock()
		c, opened := d.run(t, fd, path)
		d.sink(c)
		d.mu.Lock()
		if cold {
			d.coldRun--
			if d.cold.len() > 0 && d.hot.len() > 0 {
				d.rouse() // this worker is about to take a hot task instead
			}
		}
		d.finish(t, c.Err, opened)
	}
	d.workers--
	d.drained.Broadcast()
	d.mu.Unlock()
}

// finish updates the handle of a task after its completion was delivered, and
// enqueues what waited for it. The caller holds mu.
func (d *Disk) finish(t task, err error, fd int) {
	switch {
	case t.refused:
	case t.op.Kind == diskfs.Open:
		begin, refuse := d.handles.Opened(t.op.Handle, fd, err == nil)
		for _, held := range begin {
			d.enqueue(task{op: held.Op})
		}
		for _, held := range refuse {
			d.enqueue(task{op: held.Op, refused: true})
		}
	case rules.UsesHandle(t.op.Kind):
		if closing, ok := d.handles.Ended(t.op); ok {
			d.enqueue(task{op: closing.Op})
		}
	}
	if d.pending--; d.pending == 0 {
		d.drained.Broadcast()
	}
}

// Close waits until every operation in flight has completed, stops the workers,
// and closes what is open: handles, and locks as at the end of a process. It
// blocks; it is for the end of a process and for tests.
func (d *Disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for d.pending > 0 {
		d.drained.Wait()
	}
	d.stopped = true
	d.wake.Broadcast()
	for d.workers > 0 {
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

// queue is a first-in, first-out queue.
type queue struct {
	tasks []task
	head  int
}

func (q *queue) push(t task) { q.tasks = append(q.tasks, t) }

func (q *queue) len() int { return len(q.tasks) - q.head }

func (q *queue) pop() (task, bool) {
	if q.head == len(q.tasks) {
		return task{}, false
	}
	t := q.tasks[q.head]
	q.tasks[q.head] = task{} // let go of its buffer
	q.head++
	if q.head == len(q.tasks) {
		q.tasks, q.head = q.tasks[:0], 0
	} else if q.head >= 1024 && q.head*2 >= len(q.tasks) {
		q.tasks = append(q.tasks[:0], q.tasks[q.head:]...)
		q.head = 0
	}
	return t, true
}
