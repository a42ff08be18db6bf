package virtual

import (
	"errors"
	"fmt"
	"strings"

	"example.com/lockstep/diskfs"
)

// Failures that callers do not branch on.
var (
	errNotDir   = errors.New("not a directory")
	errIsDir    = errors.New("is a directory")
	errNotEmpty = errors.New("directory not empty")
	errBelow    = errors.New("cannot move a directory below itself")
)

// execute changes the state as the operation says.
func (fs *FS) execute(c *call, done *diskfs.Completion) (opened *inode, err error) {
	op := c.op
	if fs.strike(FailIO, c) {
		return nil, fs.fail(c)
	}
	if fs.strike(Refuse, c) || fs.outOfFiles(c) {
		return nil, diskfs.ErrUnavailable
	}
	switch op.Kind {
	case diskfs.Close: // FS.end releases the handle
	case diskfs.Read:
		fs.writesMayShow(c)
		done.N = c.file.read(op.Data, op.Offset)
	case diskfs.Write, diskfs.WriteSync:
		done.N, err = fs.write(c)
		return nil, err
	case diskfs.Sync:
		c.file.promote(c.stamp)
		if op.Flags&diskfs.Uncached != 0 {
			c.file.evict()
		}
		fs.touched(c.file)
	case diskfs.Truncate:
		return nil, fs.resize(c, op.Size, func(seq uint64) {
			c.file.truncate(seq, op.Size, fs.thin())
		})
	case diskfs.Allocate:
		if op.Size == 0 {
			return nil, nil
		}
		end := op.Offset + op.Size
		return nil, fs.resize(c, max(end, c.file.size), func(seq uint64) {
			c.file.zero(seq, op.Offset, end, fs.thin())
		})
	case diskfs.Space:
		done.Size = fs.free()
	case diskfs.SyncFS:
		for _, f := range fs.dirtyFiles.Values() {
			f.promote(c.stamp)
			fs.touched(f)
		}
		fs.syncNames(c.stamp)
	case diskfs.List, diskfs.SyncDir:
		return nil, fs.onDir(c, done)
	default:
		return fs.onName(c, done)
	}
	return nil, nil
}

// onDir is execute for operations on a directory as a whole.
func (fs *FS) onDir(c *call, done *diskfs.Completion) error {
	dir, err := fs.find(c.op.Path)
	switch {
	case err != nil:
		return err
	case dir.dir == nil:
		return errNotDir
	case c.op.Kind == diskfs.List:
		done.Entries = entries(dir)
	default:
		fs.syncDir(dir, c.stamp)
	}
	return nil
}

// onName is execute for operations that look up a name.
func (fs *FS) onName(c *call, done *diskfs.Completion) (opened *inode, err error) {
	op := c.op
	dir, name, ino, err := fs.lookup(op.Path)
	if err != nil {
		if op.Kind == diskfs.RemoveAll && errors.Is(err, diskfs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	switch op.Kind {
	case diskfs.Open:
		opened, err = fs.open(dir, name, ino, op.Flags)
		if err == nil {
			done.Size = opened.size
		}
		return opened, err
	case diskfs.Mkdir:
		if ino != nil {
			return nil, diskfs.ErrExist
		}
		fs.setName(fs.tick(), dir, name, fs.newInode(true), nil)
	case diskfs.Rename:
		return nil, fs.renameOp(dir, name, ino, op.To)
	case diskfs.Remove:
		switch {
		case ino == nil:
			return nil, diskfs.ErrNotExist
		case ino.dir != nil && ino.dir.live.Len() > 0:
			return nil, errNotEmpty
		}
		fs.remove(dir, name)
	case diskfs.RemoveAll:
		if ino != nil {
			fs.removeAll(dir, name)
		}
	case diskfs.Lock:
		return nil, fs.lock(c, dir, name, ino)
	default:
		return nil, fmt.Errorf("unknown kind %d", op.Kind)
	}
	return nil, nil
}

func (fs *FS) open(dir *inode, name string, ino *inode, flags diskfs.Flags) (*inode, error) {
	switch {
	case ino == nil && flags&diskfs.Create == 0:
		return nil, diskfs.ErrNotExist
	case ino == nil:
		ino = fs.newInode(false)
		fs.setName(fs.tick(), dir, name, ino, nil)
	case flags&diskfs.Exclusive != 0:
		return nil, diskfs.ErrExist
	case ino.dir != nil:
		return nil, errIsDir
	}
	return ino, nil
}

func (fs *FS) renameOp(fromDir *inode, from string, ino *inode, path string) error {
	if ino == nil {
		return diskfs.ErrNotExist
	}
	toDir, to, replaced, err := fs.lookup(path)
	switch {
	case err != nil:
		return err
	case replaced == ino:
		return nil
	}
	for dir := toDir; dir != nil; dir = dir.parent {
		if dir == ino {
			return errBelow
		}
	}
	if replaced != nil {
		switch {
		case ino.dir == nil && replaced.dir != nil:
			return errIsDir
		case ino.dir != nil && replaced.dir == nil:
			return errNotDir
		case replaced.dir != nil && replaced.dir.live.Len() > 0:
			return errNotEmpty
		}
	}
	fs.rename(fromDir, from, toDir, to)
	return nil
}

func (fs *FS) lock(c *call, dir *inode, name string, ino *inode) error {
	ino, err := fs.open(dir, name, ino, diskfs.Create)
	if err != nil {
		return err
	}
	switch fs.locks[ino.id] {
	case nil:
		fs.locks[ino.id] = c.disk.process
		c.disk.process.opens(c.path, 1)
	case c.disk.process:
	default:
		return diskfs.ErrLocked
	}
	return nil
}

// write is Write and WriteSync.
func (fs *FS) write(c *call) (n int, err error) {
	f, op := c.file, c.op
	end := op.Offset + int64(len(op.Data))
	if len(op.Data) == 0 {
		return 0, nil
	}
	limit := fs.limit(f)
	if end > f.size && fs.strike(NoSpace, c) {
		limit = f.size
	} else if end > limit {
		fs.hit(c, NoSpace)
	}
	if end > limit {
		if fits := limit - op.Offset; fits > 0 {
			fs.change(f, func(seq uint64) { f.storeSome(seq, op.Offset, op.Data[:fits], fs.fault) })
		}
		return 0, diskfs.ErrNoSpace
	}
	dishonest := false
	switch {
	case fs.strike(LoseWrite, c):
		dishonest = true
	case fs.strike(MisdirectWrite, c):
		fs.misdirect(c)
		dishonest = true
	}
	fs.change(f, func(seq uint64) {
		if dishonest {
			f.pretend(seq, op.Offset, op.Data)
		} else {
			f.store(seq, op.Offset, op.Data, fs.thin())
		}
		if op.Kind == diskfs.WriteSync {
			f.promoteRange(seq, op.Offset, end)
		}
	})
	return len(op.Data), nil
}

// change runs one operation's change of a file and updates the space in use.
func (fs *FS) change(f *inode, change func(seq uint64)) {
	before := f.space()
	change(fs.tick())
	if f.users > 0 {
		fs.used += f.space() - before
	}
	fs.touched(f)
}

// resize is change for operations that set the size to a known value.
func (fs *FS) resize(c *call, size int64, change func(seq uint64)) error {
	if size > c.file.size && fs.strike(NoSpace, c) {
		return diskfs.ErrNoSpace
	}
	if size > fs.limit(c.file) {
		fs.hit(c, NoSpace)
		return diskfs.ErrNoSpace
	}
	fs.change(c.file, change)
	return nil
}

// writesMayShow lets some sectors of writes in flight take effect early, where
// a read in flight with them could see them.
func (fs *FS) writesMayShow(read *call) {
	from, to := read.op.Offset, read.op.Offset+int64(len(read.op.Data))
	fs.inFlight.Scan(func(_ uint64, w *call) bool {
		op := w.op
		if !isWrite(op.Kind) || w.invalid != nil || w.file != read.file ||
			op.Offset >= min(to, w.file.size) || op.Offset+int64(len(op.Data)) <= from {
			return true
		}
		parts(op.Offset, len(op.Data), func(index int64, at, i, j int) {
			start := index*sectorSize + int64(at)
			if start+int64(j-i) <= w.file.size && fs.choice.Chance(1, 4) {
				fs.change(w.file, func(seq uint64) {
					w.file.store(seq, start, op.Data[i:j], fs.thin())
				})
			}
		})
		return true
	})
}

func entries(dir *inode) []diskfs.Entry {
	found := make([]diskfs.Entry, 0, dir.dir.live.Len())
	dir.dir.live.Scan(func(name string, ino *inode) bool {
		found = append(found, diskfs.Entry{Name: name, Dir: ino.dir != nil, Size: ino.size})
		return true
	})
	return found
}

// lookup finds the directory of a path's last name, and the inode with that
// name, nil if there is none.
func (fs *FS) lookup(path string) (dir *inode, name string, ino *inode, err error) {
	parent := "."
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		parent, path = path[:i], path[i+1:]
	}
	if dir, err = fs.find(parent); err != nil {
		return nil, "", nil, err
	}
	if dir.dir == nil {
		return nil, "", nil, errNotDir
	}
	ino, _ = dir.dir.live.Get(path)
	return dir, path, ino, nil
}

// find finds an existing path.
func (fs *FS) find(path string) (*inode, error) {
	return walk(fs.root, path, func(d *directory, name string) *inode {
		ino, _ := d.live.Get(name)
		return ino
	})
}

func walk(at *inode, path string, next func(d *directory, name string) *inode) (*inode, error) {
	if path == "." {
		return at, nil
	}
	for name := range strings.SplitSeq(path, "/") {
		if at.dir == nil {
			return nil, errNotDir
		}
		if at = next(at.dir, name); at == nil {
			return nil, diskfs.ErrNotExist
		}
	}
	return at, nil
}

// pathOf returns an inode's present path, or "" if it has none.
func (fs *FS) pathOf(ino *inode) string {
	path := ""
	for ; ino != fs.root; ino = ino.parent {
		if ino == nil {
			return ""
		}
		path = "/" + ino.name + path
	}
	return strings.TrimPrefix(path, "/")
}
