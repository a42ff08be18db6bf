package virtual

import (
	"bytes"
	"slices"
)

// pretend changes only what reads see; but the size really grows.
func (f *inode) pretend(seq uint64, offset int64, data []byte) {
	parts(offset, len(data), func(index int64, at, from, to int) {
		content := patched(f.liveSector(index), at, data[from:to])
		if bytes.Equal(content, f.liveSector(index)) {
			return // nothing to lose
		}
		s := f.sector(index)
		s.live, s.stale = content, true
		f.settle(index, s)
	})
	f.grow(seq, offset+int64(len(data)), false)
}

// misdirect puts the data of a write on other sectors of the medium, mostly of
// the same file.
func (fs *FS) misdirect(c *call) {
	fault := *fs.hit(c, MisdirectWrite)
	defer func() { fs.injected[len(fs.injected)-1] = fault }()
	victim := c.file
	if files := fs.files(); len(files) > 0 &&
		(victim.baseSize < 2*sectorSize || fs.fault.Chance(1, 4)) {
		victim = files[fs.fault.IntN(len(files))]
	}
	sectors := roundUp(victim.baseSize) / sectorSize
	if sectors == 0 {
		return // there is no other sector: the write is only lost
	}
	first, own := int64(fs.fault.Uint64N(uint64(sectors))), c.op.Offset/sectorSize
	if victim == c.file && first == own {
		first = (first + 1) % sectors
	}
	fault.ToPath, fault.ToOffset = fs.pathOf(victim), first*sectorSize
	parts(c.op.Offset, len(c.op.Data), func(index int64, at, from, to int) {
		if hit := first + index - own; hit < sectors {
			victim.damage(hit, func(s *sector) []byte {
				return patched(s.base, at, c.op.Data[from:to])
			})
		}
	})
	fs.touched(victim)
}

// damage changes a sector on the medium. Reads see the change at once, unless
// the cache holds other content than the medium did.
func (f *inode) damage(index int64, change func(s *sector) []byte) {
	s := f.sector(index)
	clean := !s.dirty()
	s.base = change(s)
	if clean && index*sectorSize < f.size {
		s.live = s.base
	} else {
		s.stale = true
	}
	f.settle(index, s)
}

// files returns all named files with durable content, by inode.
func (fs *FS) files() (found []*inode) {
	var visit func(dir *inode)
	visit = func(dir *inode) {
		dir.dir.live.Scan(func(_ string, ino *inode) bool {
			if ino.dir != nil {
				visit(ino)
			} else if ino.baseSize > 0 {
				found = append(found, ino)
			}
			return true
		})
	}
	visit(fs.root)
	slices.SortFunc(found, func(a, b *inode) int { return int(a.id) - int(b.id) })
	return found
}

// Rot flips bits of the sector at a byte offset, on the medium, in one of the
// files that match the pattern. A negative offset chooses a sector, one with
// content if there is any. It returns false if no file has such a sector.
func (fs *FS) Rot(pattern string, offset int64, bits int) (Fault, bool) {
	files := slices.DeleteFunc(fs.files(), func(f *inode) bool {
		return !matches(pattern, fs.pathOf(f)) || offset >= f.baseSize
	})
	if len(files) == 0 {
		return Fault{}, false
	}
	f := files[fs.fault.IntN(len(files))]
	if offset < 0 {
		offset = int64(fs.fault.Uint64N(uint64(f.baseSize)))
		if stored := f.durableSectors(); len(stored) > 0 {
			offset = stored[fs.fault.IntN(len(stored))] * sectorSize
		}
	}
	index := offset / sectorSize
	within := int(min(sectorSize, f.baseSize-index*sectorSize))
	f.damage(index, func(s *sector) []byte {
		content := patched(s.base, 0, nil)
		if content == nil {
			content = make([]byte, sectorSize)
		}
		for _, bit := range fs.distinct(min(bits, within*8), within*8) {
			content[bit/8] ^= 1 << (bit % 8)
		}
		return compact(content)
	})
	fs.touched(f)
	fault := Fault{Effect: BitRot, At: fs.sched.Now(), Until: fs.sched.Now(), Path: fs.pathOf(f),
		Offset: index * sectorSize, Length: int64(within)}
	fs.injected = append(fs.injected, fault)
	return fault, true
}

// distinct draws n different numbers below limit.
func (fs *FS) distinct(n, limit int) (drawn []int) {
	for len(drawn) < n {
		if k := fs.fault.IntN(limit); !slices.Contains(drawn, k) {
			drawn = append(drawn, k)
		}
	}
	return drawn
}

// durableSectors returns the sectors that are not zeros on the medium.
func (f *inode) durableSectors() (indexes []int64) {
	f.sectors.Scan(func(index int64, s *sector) bool {
		if s.base != nil && index*sectorSize < f.baseSize {
			indexes = append(indexes, index)
		}
		return true
	})
	return indexes
}
