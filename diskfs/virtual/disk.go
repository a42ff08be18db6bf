package virtual

import (
	"fmt"
	"hash/crc32"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/internal/rules"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// call is an operation that may execute: its handle is open, or it needs none.
type call struct {
	id      uint64
	disk    *Disk
	op      diskfs.Op
	stamp   uint64 // FS.seq at Submit: lower numbers had completed by then
	sum     uint32 // of the data of a write at Submit
	file    *inode // of its handle
	path    string // of its handle or its own, for errors
	refused bool
	invalid error // what is wrong with its fields
	gone    bool  // its process died: no completion

	executing bool // it has left its queue
	since     env.Instant
	bytes     int64 // what it moves, while it executes
}

// whats are the labels of events, made once.
var whats = func() (names [64]string) {
	for k := range names {
		names[k] = "disk " + diskfs.Kind(k).String()
	}
	return names
}()

// Submit begins op or, if it must wait for others on its handle, queues it.
func (d *Disk) Submit(op diskfs.Op) {
	if d.process.dead {
		return
	}
	if coversPast(op.Kind) {
		d.syncs++
	}
	held := rules.Held{Op: op, Stamp: d.fs.seq}
	verdict := rules.Begin
	if op.Kind == diskfs.Open || rules.UsesHandle(op.Kind) {
		verdict = d.handles.Submit(held)
	}
	if verdict != rules.Wait {
		d.begin(held, verdict == rules.Refuse)
	}
}

// coversPast says whether an operation makes durable what had completed before
// its own Submit.
func coversPast(k diskfs.Kind) bool { return k == diskfs.Sync || k == diskfs.SyncFS }

// begin puts an operation into its queue, where it may execute at once.
func (d *Disk) begin(held rules.Held, refused bool) {
	fs, op := d.fs, held.Op
	fs.lastOp++
	c := &call{id: fs.lastOp, disk: d, op: op, stamp: held.Stamp, path: op.Path, refused: refused,
		invalid: rules.Check(op)}
	if rules.UsesHandle(op.Kind) && !refused {
		c.file, c.path = d.handles.File(op.Handle)
	}
	if isWrite(op.Kind) {
		c.sum = crc32.Checksum(op.Data, castagnoli)
	}
	fs.inFlight.Set(c.id, c)
	if d.queues.Submit(&c.op, c) {
		fs.execution(c)
	}
}

// execution begins the execution of an operation.
func (fs *FS) execution(c *call) {
	c.executing, c.since = true, fs.sched.Now()
	c.bytes = c.moves()
	if c.bytes > 0 {
		fs.moving++
	}
	fs.schedule(c)
}

// executed ends the execution of an operation, with or without its effect.
func (fs *FS) executed(c *call) {
	if c.executing && c.bytes > 0 {
		fs.moving--
	}
	c.executing = false
}

// Executing implements [diskfs.Disk].
func (d *Disk) Executing(yield func(diskfs.Execution)) {
	d.fs.inFlight.Scan(func(_ uint64, c *call) bool {
		if c.disk == d && c.executing {
			yield(diskfs.Execution{
				Kind: c.op.Kind, Owner: c.op.Owner, Token: c.op.Token, Since: c.since,
			})
		}
		return true
	})
}

func isWrite(k diskfs.Kind) bool { return k == diskfs.Write || k == diskfs.WriteSync }

func (fs *FS) schedule(c *call) {
	what := whats[min(int(c.op.Kind), len(whats)-1)]
	fs.sched.At(fs.sched.Now().Add(fs.duration(c)), what, func() { fs.end(c) })
}

// end lets an operation take effect and delivers its completion.
func (fs *FS) end(c *call) {
	if c.gone {
		return
	}
	if fs.stalled(c.op.Kind) {
		fs.parked = append(fs.parked, c)
		return
	}
	fs.inFlight.Delete(c.id)
	fs.executed(c)
	done, opened := fs.run(c)
	d := c.disk
	if coversPast(c.op.Kind) {
		d.syncs--
	}
	d.sink(done)
	if d.process.dead {
		return // the sink has ended its own process
	}
	if opened != nil {
		opened.users++ // the handle's
		d.process.opens(c.path, 1)
	}
	if next, ok := d.queues.Ended(&c.op); ok {
		fs.execution(next)
	}
	switch {
	case c.refused:
	case c.op.Kind == diskfs.Open:
		begin, refuse := d.handles.Opened(c.op.Handle, opened, done.Err == nil)
		for _, held := range begin {
			d.begin(held, false)
		}
		for _, held := range refuse {
			d.begin(held, true)
		}
	case rules.UsesHandle(c.op.Kind):
		if c.op.Kind == diskfs.Close {
			fs.dropUser(c.file)
			d.process.opens(c.path, -1)
		}
		if closing, ok := d.handles.Ended(c.op); ok {
			d.begin(closing, false)
		}
	}
}

// run lets an operation take effect, or fail, and returns its completion.
func (fs *FS) run(c *call) (done diskfs.Completion, opened *inode) {
	done = rules.Completion(c.op, nil)
	err := error(diskfs.ErrClosed)
	if !c.refused {
		if err = c.invalid; err == nil {
			c.checkData()
			opened, err = fs.execute(c, &done)
		}
	}
	done.Err = rules.Wrap(c.op, c.path, err)
	return done, opened
}

// checkData enforces obligation 3.
func (c *call) checkData() {
	if isWrite(c.op.Kind) && crc32.Checksum(c.op.Data, castagnoli) != c.sum {
		panic(fmt.Sprintf("diskfs: the data of a %v at %d of %s changed while the disk owned it",
			c.op.Kind, c.op.Offset, c.path))
	}
}

// moves is how many bytes the operation moves to or from the medium.
func (c *call) moves() int64 {
	switch c.op.Kind {
	case diskfs.Read, diskfs.Write, diskfs.WriteSync:
		return int64(len(c.op.Data))
	case diskfs.Allocate:
		return min(max(c.op.Size, 0), 1<<40)
	case diskfs.Sync:
		if c.file != nil {
			return int64(c.file.dirty.Len()) * sectorSize
		}
	case diskfs.SyncFS:
		bytes := int64(0)
		c.disk.fs.dirtyFiles.Scan(func(_ uint64, f *inode) bool {
			bytes += int64(f.dirty.Len()) * sectorSize
			return true
		})
		return bytes
	}
	return 0
}

// duration draws how long an operation takes.
func (fs *FS) duration(c *call) time.Duration {
	total := time.Duration(0)
	switch c.op.Kind {
	case diskfs.Read:
		total = fs.cost(&fs.opts.Read, c.bytes)
	case diskfs.Write, diskfs.Allocate:
		total = fs.cost(&fs.opts.Write, c.bytes)
	case diskfs.WriteSync:
		total = fs.cost(&fs.opts.Write, c.bytes) + fs.cost(&fs.opts.Sync, 0)
	case diskfs.Sync, diskfs.SyncFS:
		total = fs.cost(&fs.opts.Sync, c.bytes)
	case diskfs.SyncDir:
		total = fs.cost(&fs.opts.Sync, 0)
	case diskfs.Remove:
		total = fs.cost(&fs.opts.Remove, 0)
	case diskfs.RemoveAll:
		total = fs.cost(&fs.opts.Remove, 0) * time.Duration(fs.namesBelow(c.op.Path))
	default:
		total = fs.cost(&fs.opts.Names, 0)
	}
	if fs.opts.BytesPerSecond > 0 {
		total = max(total, transfer(c.bytes, fs.opts.BytesPerSecond)*time.Duration(fs.moving))
	}
	return total * time.Duration(fs.slowFactor())
}

// namesBelow counts a path and what is below it: all that RemoveAll has to remove.
func (fs *FS) namesBelow(path string) int {
	ino, err := fs.find(path)
	if err != nil {
		return 1
	}
	return ino.names()
}

func (f *inode) names() int {
	n := 1
	if f.dir != nil {
		f.dir.live.Scan(func(_ string, below *inode) bool {
			n += below.names()
			return true
		})
	}
	return n
}

// transfer is how long bytes take.
func transfer(bytes, perSecond int64) time.Duration {
	return time.Duration(bytes/perSecond)*time.Second +
		time.Duration(bytes%perSecond*int64(time.Second)/perSecond)
}

func (fs *FS) cost(c *Cost, bytes int64) time.Duration {
	total := c.Base + time.Duration(fs.latency.Between(0, int64(c.Jitter)))
	if c.BytesPerSecond > 0 {
		total += transfer(bytes, c.BytesPerSecond)
	}
	if c.SpikeOneIn > 0 && fs.latency.Chance(1, c.SpikeOneIn) {
		total += c.Spike
	}
	return total
}

var _ diskfs.Disk = (*Disk)(nil)
