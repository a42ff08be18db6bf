package virtual

import (
	"github.com/tidwall/btree"
)

// directory holds names twice: as processes see them, and on the medium.
type directory struct {
	live btree.Map[string, *inode]
	base btree.Map[string, *inode]
	// chains holds the pending changes of each name for which live and base may
	// differ.
	chains btree.Map[string, *chain]
	// lost is set by a failed SyncDir: changes up to this sequence will not
	// become durable, although later SyncDirs report success.
	lost uint64
}

// chain holds the changes of one name since it was last durable.
type chain struct {
	entries []nameVersion
	picked  int // entries about to become durable; 0 outside of add and commit
}

// nameVersion is one change of a name.
type nameVersion struct {
	seq   uint64
	inode *inode // nil: the name is gone
	// needs are the changes of other names that must be durable with this one,
	// or before it.
	needs []change
}

// change names a nameVersion.
type change struct {
	dir  *inode
	name string
	seq  uint64
}

// setName points a name at an inode, or removes it. Another inode that had the
// name loses it.
func (fs *FS) setName(seq uint64, dir *inode, name string, ino *inode, needs []change) {
	d := dir.dir
	old, _ := d.live.Get(name)
	if ino != nil {
		d.live.Set(name, ino)
		ino.parent, ino.name = dir, name
		ino.users++
		ino.refs++
		if ino.users == 1 {
			fs.used += ino.space()
		}
	} else {
		d.live.Delete(name)
	}
	c, ok := d.chains.Get(name)
	if !ok {
		c = new(chain)
		d.chains.Set(name, c)
		fs.dirtyDirs.Set(dir.id, dir)
	}
	c.entries = append(c.entries, nameVersion{seq, ino, needs})
	if old != nil {
		if old.parent == dir && old.name == name {
			old.parent = nil
		}
		fs.dropUser(old)
	}
}

func (fs *FS) dropUser(ino *inode) {
	if ino.users--; ino.users == 0 {
		fs.used -= ino.space()
	}
	fs.forgetUnreachable(ino)
}

func (fs *FS) dropRef(ino *inode) {
	if ino != nil {
		ino.refs--
		fs.forgetUnreachable(ino)
	}
}

// forgetUnreachable removes an inode without names and handles from the dirty
// sets.
func (fs *FS) forgetUnreachable(ino *inode) {
	if ino.users == 0 && ino.refs == 0 {
		fs.dirtyFiles.Delete(ino.id)
		fs.dirtyDirs.Delete(ino.id)
	}
}

// ancestors returns the pending changes that must be durable so that dir can be
// found after a crash.
func ancestors(dir *inode) []change {
	var needs []change
	for ; dir.parent != nil; dir = dir.parent {
		if c, ok := dir.parent.dir.chains.Get(dir.name); ok {
			last := c.entries[len(c.entries)-1]
			needs = append(needs, change{dir.parent, dir.name, last.seq})
		}
	}
	return needs
}

// inside returns the pending changes of the names in a directory.
func inside(dir *inode) []change {
	var needs []change
	if dir != nil && dir.dir != nil {
		dir.dir.chains.Scan(func(name string, c *chain) bool {
			needs = append(needs, change{dir, name, c.entries[len(c.entries)-1].seq})
			return true
		})
	}
	return needs
}

// rename moves a name; the caller has checked that it may. Since it needs the
// place of toDir as it is now, pending moves of directories cannot leave a loop
// that is cut off from the root.
func (fs *FS) rename(fromDir *inode, from string, toDir *inode, to string) {
	ino, _ := fromDir.dir.live.Get(from)
	replaced, _ := toDir.dir.live.Get(to)
	seq := fs.tick()
	needs := append(ancestors(toDir), inside(replaced)...)
	fs.setName(seq, toDir, to, ino, append(needs, change{fromDir, from, seq}))
	fs.setName(seq, fromDir, from, nil, []change{{toDir, to, seq}})
}

// remove removes a name.
func (fs *FS) remove(dir *inode, name string) {
	ino, _ := dir.dir.live.Get(name)
	fs.setName(fs.tick(), dir, name, nil, inside(ino))
}

// removeAll removes a name and all below it.
func (fs *FS) removeAll(dir *inode, name string) {
	ino, _ := dir.dir.live.Get(name)
	if ino.dir != nil {
		for _, below := range ino.dir.live.Keys() {
			fs.removeAll(ino, below)
		}
	}
	fs.remove(dir, name)
}

// selection is a set of changes to make durable together, closed under needs.
type selection []change

// add picks the change and all it needs.
func (sel *selection) add(want change) {
	c, ok := want.dir.dir.chains.Get(want.name)
	if !ok {
		return // durable already
	}
	for c.picked < len(c.entries) && c.entries[c.picked].seq <= want.seq {
		if c.picked == 0 {
			*sel = append(*sel, change{dir: want.dir, name: want.name})
		}
		c.picked++
		for _, need := range c.entries[c.picked-1].needs {
			sel.add(need)
		}
	}
}

// commit makes the selection durable.
func (fs *FS) commit(sel selection) {
	for _, at := range sel {
		d := at.dir.dir
		c, _ := d.chains.Get(at.name)
		old, _ := d.base.Get(at.name)
		for i, e := range c.entries[:c.picked] {
			if i < c.picked-1 {
				fs.dropRef(e.inode) // superseded
			} else if e.inode != nil {
				d.base.Set(at.name, e.inode) // takes over the entry's reference
			} else {
				d.base.Delete(at.name)
			}
		}
		c.entries = append(c.entries[:0:0], c.entries[c.picked:]...)
		c.picked = 0
		fs.dropRef(old)
		if len(c.entries) == 0 {
			d.chains.Delete(at.name)
			if d.chains.Len() == 0 {
				fs.dirtyDirs.Delete(at.dir.id)
			}
		}
	}
}

// syncDir makes the changes of a directory up to seq durable.
func (fs *FS) syncDir(dir *inode, seq uint64) {
	var sel selection
	fs.selectNames(&sel, dir, seq)
	fs.commit(sel)
}

// syncNames is syncDir for all directories.
func (fs *FS) syncNames(seq uint64) {
	var sel selection
	for _, dir := range fs.dirtyDirs.Values() {
		fs.selectNames(&sel, dir, seq)
	}
	fs.commit(sel)
}

func (fs *FS) selectNames(sel *selection, dir *inode, seq uint64) {
	dir.dir.chains.Scan(func(name string, c *chain) bool {
		last := uint64(0)
		for _, e := range c.entries {
			if e.seq <= seq {
				last = e.seq
			}
		}
		if last > dir.dir.lost {
			sel.add(change{dir, name, last})
		}
		return true
	})
}
