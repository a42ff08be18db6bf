package virtual

import (
	"math"
	"slices"

	"example.com/lockstep/diskfs"
)

// crashBias is how one crash tends to decide, in percent. Some crashes keep
// everything, some nothing: if each sector were a fair coin, combinations such
// as "all lost" would never be seen.
type crashBias struct{ keep, tear uint64 }

func (fs *FS) drawBias() crashBias {
	bias := crashBias{keep: []uint64{0, 50, 100, fs.crash.Uint64N(101)}[fs.crash.IntN(4)],
		tear: []uint64{0, 0, 10, 50}[fs.crash.IntN(4)]}
	if fs.opts.NoTear {
		bias.tear = 0
	}
	return bias
}

// Crash cuts the power of the machine: all processes die, operations in flight
// end without completion, and any part of what was not durable may be kept. It
// leaves faults as they are: a stall outlives the machine's restart.
func (fs *FS) Crash() { fs.crashIn(fs.drawBias) }

// CrashTorn is Crash with the worst crash bias for a reader that trusts
// sectors: any version of an unsynced sector may be kept, and tear percent of
// these sectors become byte-wise mixtures of two versions. It ignores the
// option NoTear.
func (fs *FS) CrashTorn(tear uint64) {
	fs.crashIn(func() crashBias { return crashBias{keep: 50, tear: min(tear, 100)} })
}

func (fs *FS) crashIn(draw func() crashBias) {
	for _, c := range fs.inFlight.Values() {
		fs.abandon(c)
	}
	for _, p := range fs.processes {
		p.die()
	}
	fs.processes, fs.parked = nil, nil
	fs.inFlight.Clear()
	clear(fs.locks)

	bias := draw()
	fs.crashNames(bias)
	for _, f := range fs.dirtyFiles.Values() {
		fs.crashFile(f, bias)
	}
	fs.dirtyFiles.Clear()
	fs.used = 0
	fs.recount(fs.root)
}

// Kill ends the process; the machine goes on and keeps its page cache.
func (p *Process) Kill() {
	fs := p.fs
	for _, c := range fs.inFlight.Values() {
		if c.disk.process == p {
			fs.inFlight.Delete(c.id)
			fs.abandon(c)
		}
	}
	for _, d := range p.disks {
		files := d.handles.Drop()
		slices.SortFunc(files, func(a, b *inode) int { return int(a.id) - int(b.id) })
		for _, f := range files {
			fs.dropUser(f)
		}
	}
	for _, ino := range fs.lockedBy(p) {
		delete(fs.locks, ino)
	}
	fs.parked = slices.DeleteFunc(fs.parked, func(c *call) bool { return c.gone })
	fs.processes = slices.DeleteFunc(fs.processes, func(q *Process) bool { return q == p })
	p.die()
}

func (fs *FS) lockedBy(p *Process) (inodes []uint64) {
	for ino, owner := range fs.locks { // each is deleted: the order cannot be seen
		if owner == p {
			inodes = append(inodes, ino)
		}
	}
	return inodes
}

func (p *Process) die() {
	p.dead = true
	p.disks = nil
}

// Alive says whether the process still runs.
func (p *Process) Alive() bool { return !p.dead }

// abandon ends an operation of a process that dies: it has happened, or not, or
// in part.
func (fs *FS) abandon(c *call) {
	c.gone = true
	fs.executed(c)
	op := c.op
	switch {
	case c.refused || c.invalid != nil:
	case isWrite(op.Kind):
		if fits := min(int64(len(op.Data)), fs.limit(c.file)-op.Offset); fits > 0 {
			fs.change(c.file, func(seq uint64) {
				c.file.storeSome(seq, op.Offset, op.Data[:fits], fs.crash)
			})
		}
	case op.Kind == diskfs.Close || op.Kind == diskfs.Read || op.Kind == diskfs.Lock:
	case fs.crash.Chance(1, 2):
		fs.run(c)
	}
}

// crashNames decides about every pending name.
func (fs *FS) crashNames(bias crashBias) {
	var sel selection
	dirs := fs.dirtyDirs.Values()
	for _, dir := range dirs {
		dir.dir.chains.Scan(func(name string, c *chain) bool {
			n := len(c.entries)
			if fs.crash.Uint64N(100) >= bias.keep {
				n = fs.crash.IntN(n) // the last one is not kept, but an earlier one may be
				if fs.crash.Chance(1, 2) {
					n = 0
				}
			}
			if n > 0 {
				sel.add(change{dir, name, c.entries[n-1].seq})
			}
			return true
		})
	}
	fs.commit(sel)
	for _, dir := range dirs { // what was not selected never happened
		d := dir.dir
		for _, name := range d.chains.Keys() {
			if ino, ok := d.base.Get(name); ok {
				d.live.Set(name, ino)
			} else {
				d.live.Delete(name)
			}
		}
		// If a name's whole chain was committed, base and live agree.
		d.chains.Clear()
		d.lost = 0
	}
	fs.dirtyDirs.Clear()
}

// crashFile decides about the size of a file and about every dirty sector.
func (fs *FS) crashFile(f *inode, bias crashBias) {
	size, sizeSeq := f.baseSize, uint64(0)
	if n := len(f.sizes); n > 0 {
		pick := n - 1
		if fs.crash.Uint64N(100) >= bias.keep {
			pick = fs.crash.IntN(n+1) - 1
		}
		if pick >= 0 {
			size, sizeSeq = f.sizes[pick].size, f.sizes[pick].seq
		}
	}
	f.eachDirty(func(index int64, s *sector) {
		content := fs.crashSector(s.candidates(sizeSeq), bias)
		*s = sector{base: content, live: content}
		f.settle(index, s)
	})
	f.eachStored(size, math.MaxInt64, func(index int64, s *sector) {
		var content []byte
		if keep := size - index*sectorSize; keep > 0 {
			content = patched(s.base, int(keep), make([]byte, sectorSize-keep))
		}
		*s = sector{base: content, live: content}
		f.settle(index, s)
	})
	f.size, f.baseSize, f.sizes = size, size, nil
}

func (fs *FS) crashSector(candidates [][]byte, bias crashBias) []byte {
	n := len(candidates)
	if n == 1 {
		return candidates[0]
	}
	pick := n - 1
	if fs.crash.Uint64N(100) >= bias.keep {
		pick = 0
		if fs.crash.Chance(1, 4) {
			pick = fs.crash.IntN(n)
		}
	}
	if fs.opts.Ruin && fs.crash.Chance(1, 3) {
		ruined := make([]byte, sectorSize)
		fs.crash.Fill(ruined)
		return ruined
	}
	if fs.crash.Uint64N(100) < bias.tear {
		return torn(candidates[pick], candidates[fs.crash.IntN(n)], fs.crash)
	}
	return candidates[pick]
}

// recount sets parents, references and space from the names that are left.
func (fs *FS) recount(dir *inode) {
	dir.dir.live.Scan(func(name string, ino *inode) bool {
		ino.parent, ino.name = dir, name
		ino.users, ino.refs = 1, 1
		fs.used += ino.space()
		if ino.dir != nil {
			fs.recount(ino)
		}
		return true
	})
}
