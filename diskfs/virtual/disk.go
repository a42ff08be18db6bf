package virtual

import (
	"fmt"
	"hash/crc32"
	"time"

	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/internal/rules"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// call is an operation that has begun.
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

// begin schedules the end of an operation.
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
	fs.schedule(c)
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

// duration draws how long an operation takes.
func (fs *FS) duration(c *call) time.Duration {
	bytes := int64(len(c.op.Data))
	total := time.Duration(0)
	switch c.op.Kind {
	case diskfs.Read:
		total = fs.cost(&fs.opts.Read, bytes)
	case diskfs.Write:
		total = fs.cost(&fs.opts.Write, bytes)
	case diskfs.WriteSync:
		total = fs.cost(&fs.opts.Write, bytes) + fs.cost(&fs.opts.Sync, 0)
	case diskfs.Allocate:
		total = fs.cost(&fs.opts.Write, min(max(c.op.Size, 0), 1<<40))
	case diskfs.Sync:
		if c.file != nil {
			bytes = int64(c.file.dirty.Len()) * sectorSize
		}
		total = fs.cost(&fs.opts.Sync, bytes)
	case diskfs.SyncFS:
		fs.dirtyFiles.Scan(func(_ uint64, f *inode) bool {
			bytes += int64(f.dirty.Len()) * sectorSize
			return true
		})
		total = fs.cost(&fs.opts.Sync, bytes)
	case diskfs.SyncDir:
		total = fs.cost(&fs.opts.Sync, 0)
	default:
		total = fs.cost(&fs.opts.Names, 0)
	}
	return total * time.Duration(fs.slowFactor())
}

func (fs *FS) cost(c *Cost, bytes int64) time.Duration {
	total := c.Base + time.Duration(fs.latency.Between(0, int64(c.Jitter)))
	if c.BytesPerSecond > 0 {
		total += time.Duration(bytes/c.BytesPerSecond)*time.Second +
			time.Duration(bytes%c.BytesPerSecond*int64(time.Second)/c.BytesPerSecond)
	}
	if c.SpikeOneIn > 0 && fs.latency.Chance(1, c.SpikeOneIn) {
		total += c.Spike
	}
	return total
}

var _ diskfs.Disk = (*Disk)(nil)
