package virtual

import (
	"encoding/binary"
	"hash/crc64"
	"slices"

	"github.com/tidwall/btree"

	"example.com/lockstep/broker/env"
)

// View is one of the two states of the disk.
type View uint8

const (
	Visible View = iota // what processes see
	Durable             // what the medium holds: a crash leaves at least this
)

// Node is a file or directory in a snapshot.
type Node struct {
	Path string
	Dir  bool
	Size int64
	Sum  uint64 // CRC-64 of the content that is not zero, with its place
}

var ecma = crc64.MakeTable(crc64.ECMA)

// Snapshot lists everything in one view, sorted by directory and name.
func (fs *FS) Snapshot(view View) []Node {
	var nodes []Node
	var visit func(dir *inode, prefix string)
	visit = func(dir *inode, prefix string) {
		view.names(dir.dir).Scan(func(name string, ino *inode) bool {
			node := Node{Path: prefix + name, Dir: ino.dir != nil}
			if node.Dir {
				nodes = append(nodes, node)
				visit(ino, node.Path+"/")
				return true
			}
			node.Size = ino.size
			if view == Durable {
				node.Size = ino.baseSize
			}
			ino.sectors.Scan(func(index int64, s *sector) bool {
				content := s.live
				if view == Durable {
					content = s.base
				}
				if content != nil && index*sectorSize < node.Size {
					node.Sum = crc64.Update(node.Sum, ecma,
						binary.BigEndian.AppendUint64(nil, uint64(index)))
					node.Sum = crc64.Update(node.Sum, ecma,
						content[:min(sectorSize, node.Size-index*sectorSize)])
				}
				return true
			})
			nodes = append(nodes, node)
			return true
		})
	}
	visit(fs.root, "")
	return nodes
}

func (v View) names(d *directory) *btree.Map[string, *inode] {
	if v == Durable {
		return &d.base
	}
	return &d.live
}

// Names lists what a process sees in a directory, sorted; nothing if there is no
// such directory.
func (fs *FS) Names(dir string) (names []string) {
	d, err := fs.find(dir)
	if err != nil || d.dir == nil {
		return nil
	}
	d.dir.live.Scan(func(name string, _ *inode) bool {
		names = append(names, name)
		return true
	})
	return names
}

// ReadDurable returns what the medium holds under a path, by durable names; false
// if there is no such file.
func (fs *FS) ReadDurable(path string) ([]byte, bool) { return fs.content(path, Durable) }

// ReadVisible returns what a process that reads the file would see.
func (fs *FS) ReadVisible(path string) ([]byte, bool) { return fs.content(path, Visible) }

func (fs *FS) content(path string, view View) ([]byte, bool) {
	f, err := walk(fs.root, path, func(d *directory, name string) *inode {
		ino, _ := view.names(d).Get(name)
		return ino
	})
	if err != nil || f.dir != nil {
		return nil, false
	}
	if view == Durable {
		data := make([]byte, f.baseSize)
		f.readDurable(data, 0)
		return data, true
	}
	data := make([]byte, f.size)
	f.read(data, 0)
	return data, true
}

// Clone returns a copy of the disk as it is at this moment, without processes
// and faults. A caller can crash the copy and see what a node would recover
// from it. What is in flight is in flight in the copy as well, until its Crash
// decides.
func (fs *FS) Clone(sched Scheduler, entropy env.Entropy) *FS {
	c := &FS{sched: sched, opts: fs.opts, lastInode: fs.lastInode, seq: fs.seq, used: fs.used,
		lastOp: fs.lastOp, locks: make(map[uint64]*Process)}
	c.streams(entropy)
	done := make(map[*inode]*inode)
	c.root = fs.root.clone(done)
	for _, f := range fs.dirtyFiles.Values() {
		c.dirtyFiles.Set(f.id, f.clone(done))
	}
	for _, d := range fs.dirtyDirs.Values() {
		c.dirtyDirs.Set(d.id, d.clone(done))
	}
	for _, from := range fs.inFlight.Values() {
		to := *from
		to.op.Data = slices.Clone(from.op.Data)
		to.file = from.file.clone(done)
		to.disk = new(Disk)
		to.disk.fs, to.disk.process = c, &Process{fs: c, dead: true}
		c.inFlight.Set(to.id, &to)
	}
	return c
}

// clone copies an inode and everything below it. Sector contents are immutable
// and shared.
func (f *inode) clone(done map[*inode]*inode) *inode {
	if f == nil {
		return nil
	}
	if c, ok := done[f]; ok {
		return c
	}
	c := &inode{id: f.id, name: f.name, users: f.users, refs: f.refs, size: f.size,
		baseSize: f.baseSize, sizes: slices.Clone(f.sizes)}
	done[f] = c
	c.parent = f.parent.clone(done)
	f.sectors.Scan(func(index int64, s *sector) bool {
		copied := *s
		copied.versions = slices.Clone(s.versions)
		c.sectors.Set(index, &copied)
		c.settle(index, &copied)
		return true
	})
	if f.dir != nil {
		c.dir = f.dir.clone(done)
	}
	return c
}

func (d *directory) clone(done map[*inode]*inode) *directory {
	c := &directory{lost: d.lost}
	d.live.Scan(func(name string, ino *inode) bool {
		c.live.Set(name, ino.clone(done))
		return true
	})
	d.base.Scan(func(name string, ino *inode) bool {
		c.base.Set(name, ino.clone(done))
		return true
	})
	d.chains.Scan(func(name string, from *chain) bool {
		to := &chain{entries: slices.Clone(from.entries)}
		for i := range to.entries {
			e := &to.entries[i]
			e.inode, e.needs = e.inode.clone(done), slices.Clone(e.needs)
			for j := range e.needs {
				e.needs[j].dir = e.needs[j].dir.clone(done)
			}
		}
		c.chains.Set(name, to)
		return true
	})
	return c
}
