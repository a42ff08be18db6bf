package virtual

import "github.com/tidwall/btree"

// Volume is the content of a file system, taken out of it: the disk of a machine that another
// machine gets, or that is not mounted for a while.
type Volume struct {
	root       *inode
	used       int64
	lastInode  uint64
	seq        uint64
	dirtyFiles *btree.Map[uint64, *inode]
	dirtyDirs  *btree.Map[uint64, *inode]
}

// Mount replaces the content of the file system, and returns what was in it. nil stands for an
// empty volume. No process may run on the machine. Faults stay with the machine.
func (fs *FS) Mount(v *Volume) *Volume {
	if len(fs.processes) > 0 {
		panic("virtual: a process uses the volume")
	}
	out := &Volume{root: fs.root, used: fs.used, lastInode: fs.lastInode, seq: fs.seq,
		dirtyFiles: fs.dirtyFiles.Copy(), dirtyDirs: fs.dirtyDirs.Copy()}
	fs.mounted++
	if v == nil {
		fs.root = fs.newInode(true)
		fs.root.users, fs.root.refs = 1, 1
		fs.used = 0
		fs.dirtyFiles, fs.dirtyDirs = btree.Map[uint64, *inode]{}, btree.Map[uint64, *inode]{}
		return out
	}
	// Inodes and changes are numbered on each machine; new ones come after those of the volume.
	fs.lastInode, fs.seq = max(fs.lastInode, v.lastInode), max(fs.seq, v.seq)
	fs.root, fs.used = v.root, v.used
	fs.dirtyFiles, fs.dirtyDirs = *v.dirtyFiles.Copy(), *v.dirtyDirs.Copy()
	return out
}

// Copy returns a copy of the content, which may be mounted later, once. What is not durable yet is
// not durable in the copy either.
func (fs *FS) Copy() *Volume {
	done := make(map[*inode]*inode)
	v := &Volume{root: fs.root.clone(done), used: fs.used, lastInode: fs.lastInode, seq: fs.seq,
		dirtyFiles: new(btree.Map[uint64, *inode]), dirtyDirs: new(btree.Map[uint64, *inode])}
	for _, f := range fs.dirtyFiles.Values() {
		v.dirtyFiles.Set(f.id, f.clone(done))
	}
	for _, d := range fs.dirtyDirs.Values() {
		v.dirtyDirs.Set(d.id, d.clone(done))
	}
	return v
}

// Mounted counts the calls of Mount: the content has been replaced since it was lower.
func (fs *FS) Mounted() int { return fs.mounted }
