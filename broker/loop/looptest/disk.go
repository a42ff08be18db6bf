package looptest

import (
	"errors"
	"fmt"
	"math"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/virtual"
)

// Disk is a machine's disk. It outlives the processes that use it. It completes operations when the
// transcript says so, in the order in which they began.
type Disk struct {
	// FS is the file system. A transcript may damage it and look at it.
	FS *virtual.FS

	queue   []func()
	running *virtual.Process
	host    *Host // of the loop of running
	paths   map[diskfs.Handle]string
	// groups are the synced writes of this process, which are the groups of its log.
	groups []place
}

type place struct {
	path   string
	offset int64
	size   int
}

// NewDisk returns a disk with the directories.
func NewDisk(dirs ...string) *Disk {
	d := &Disk{}
	d.FS = virtual.New(d, func(subsystem, purpose string) *env.Rand {
		return env.NewRand(env.Key(1, subsystem, purpose))
	}, virtual.Options{NoTear: true, Workers: math.MaxInt})
	setUp := d.FS.Start().Disk(func(diskfs.Completion) {})
	for _, dir := range dirs {
		setUp.Submit(diskfs.Op{Kind: diskfs.Mkdir, Path: dir})
	}
	d.run(len(d.queue))
	return d
}

// Now implements virtual.Scheduler: it is the time of the loop that uses the disk.
func (d *Disk) Now() env.Instant {
	if d.host == nil {
		return 0
	}
	return d.host.Now.Mono
}

// At implements virtual.Scheduler: operations take no time, and complete in the order of their
// submission.
func (d *Disk) At(_ env.Instant, _ string, fn func()) { d.queue = append(d.queue, fn) }

func (d *Disk) run(n int) {
	for range n {
		fn := d.queue[0]
		d.queue = d.queue[1:]
		fn()
	}
}

// Finish completes all operations in flight.
func (d *Disk) Finish() { d.run(len(d.queue)) }

// InFlight is the number of operations that have begun and not completed.
func (d *Disk) InFlight() int { return len(d.queue) }

// Complete completes the n oldest operations in flight, or all of them if there are fewer. The loop
// takes the completions in one turn.
func (h *Host) Complete(n int) {
	h.disk.machine.run(min(n, len(h.disk.machine.queue)))
	h.Turn()
}

// Settle completes operations until none is in flight.
func (h *Host) Settle() {
	for h.Stopped == nil && len(h.disk.machine.queue) > 0 {
		h.Complete(len(h.disk.machine.queue))
	}
}

// Kill ends the process. Operations in flight have no effect.
func (d *Disk) Kill() {
	if d.running != nil {
		d.queue = nil
		d.running.Kill()
	}
}

// Tear ends the process while it writes a group to its log. The group reaches the disk, and then
// bits of it flip: a recovery finds a group that is not whole, as after half a write.
func (d *Disk) Tear() error {
	d.Finish()
	d.Kill()
	return d.RotGroup(-1)
}

// RotGroup flips bits in the n-th group that the process wrote to its log, counted from 1. -1 is
// the last group.
func (d *Disk) RotGroup(n int) error {
	if n < 0 {
		n += len(d.groups) + 1
	}
	if n < 1 || n > len(d.groups) {
		return fmt.Errorf("there are %d groups", len(d.groups))
	}
	const bits = 500 // a group ends with padding, and some bits must hit the records before it
	g := d.groups[n-1]
	if _, ok := d.FS.Rot(g.path, g.offset, bits); !ok {
		return errors.New("nothing to rot")
	}
	return nil
}

// process starts a process with one loop.
func (d *Disk) process(h *Host) *loopDisk {
	d.running, d.host, d.paths, d.groups = d.FS.Start(), h, map[diskfs.Handle]string{}, nil
	return &loopDisk{host: h, machine: d, disk: d.running.Disk(func(c diskfs.Completion) {
		if c.Err != nil && !expected(c.Err) {
			h.Trace.Addf("disk → %v", c.Err)
		}
		h.Post(loop.Event{Kind: loop.Disk, Disk: c})
	})}
}

// expected reports whether an error is a usual answer. Such errors are not printed.
func expected(err error) bool {
	return errors.Is(err, diskfs.ErrNotExist) || errors.Is(err, diskfs.ErrExist)
}

// loopDisk is the disk of the hosted loop.
type loopDisk struct {
	host    *Host
	machine *Disk
	disk    *virtual.Disk
}

// Submit implements diskfs.Disk.
func (l *loopDisk) Submit(op diskfs.Op) {
	m := l.machine
	switch op.Kind {
	case diskfs.Open:
		m.paths[op.Handle] = op.Path
	case diskfs.WriteSync:
		m.groups = append(m.groups, place{m.paths[op.Handle], op.Offset, len(op.Data)})
	}
	if text := m.describe(op); text != "" {
		l.host.Trace.Addf("disk ← %s", text)
	}
	l.disk.Submit(op)
}

// Executing implements diskfs.Disk.
func (l *loopDisk) Executing(yield func(diskfs.Execution)) { l.disk.Executing(yield) }

// describe prints an operation. It leaves out those that neither change anything nor read a file's
// data.
func (d *Disk) describe(op diskfs.Op) string {
	file := op.Path
	if file == "" {
		file = d.paths[op.Handle]
	}
	switch op.Kind {
	case diskfs.Open, diskfs.Close, diskfs.List, diskfs.Space:
		return ""
	case diskfs.Read:
		return fmt.Sprintf("read %s at %d", file, op.Offset)
	case diskfs.Write:
		return fmt.Sprintf("write %s to %s at %d", bytes(int64(len(op.Data))), file, op.Offset)
	case diskfs.WriteSync:
		size := bytes(int64(len(op.Data)))
		return fmt.Sprintf("write and sync %s of %s at %d", size, file, op.Offset)
	case diskfs.Sync:
		return "sync " + file
	case diskfs.SyncDir:
		return "sync directory " + file
	case diskfs.SyncFS:
		return "sync the file system"
	case diskfs.Allocate:
		return fmt.Sprintf("allocate %s for %s", bytes(op.Size), file)
	case diskfs.Truncate:
		return fmt.Sprintf("cut %s to %s", file, bytes(op.Size))
	case diskfs.Rename:
		return fmt.Sprintf("rename %s to %s", file, op.To)
	default:
		return fmt.Sprintf("%v %s", op.Kind, file)
	}
}
