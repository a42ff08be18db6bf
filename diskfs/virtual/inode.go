package virtual

import (
	"slices"

	"github.com/tidwall/btree"

	"example.com/lockstep/broker/env"
)

// inode is a file or a directory, independent of its names.
type inode struct {
	id  uint64
	dir *directory // nil for a file

	// Its present directory and name, for reports; parent is nil if it has
	// none.
	parent *inode
	name   string

	users int // its present name and open handles: while there are any, it takes space
	refs  int // durable and pending names

	size     int64         // what processes see
	baseSize int64         // on the medium
	sizes    []sizeVersion // since baseSize, oldest first
	sectors  btree.Map[int64, *sector]
	dirty    btree.Map[int64, *sector] // those of sectors that a crash has to decide about
}

// sizeVersion is a size that may reach the medium.
type sizeVersion struct {
	seq  uint64
	size int64
	cut  bool // smaller than the size before
}

// maxVersions bounds the versions that are kept of a sector, or size, that is
// changed many times without a sync.
const maxVersions = 8

// parts splits a range of bytes at sector boundaries.
func parts(offset int64, length int, each func(index int64, at, from, to int)) {
	for from := 0; from < length; {
		at := int((offset + int64(from)) % sectorSize)
		to := min(length, from+sectorSize-at)
		each((offset+int64(from))/sectorSize, at, from, to)
		from = to
	}
}

// sector returns a sector to be written, making it if it is absent.
func (f *inode) sector(index int64) *sector {
	s, ok := f.sectors.Get(index)
	if !ok {
		s = new(sector)
		f.sectors.Set(index, s)
	}
	return s
}

// settle updates the trees of sectors and dirty sectors after a change of s.
func (f *inode) settle(index int64, s *sector) {
	switch {
	case s.dirty():
		f.dirty.Set(index, s)
		return
	case s.absent():
		f.sectors.Delete(index)
	}
	f.dirty.Delete(index)
}

// put makes content the newest version of a sector. With thin it may forget a
// version in the middle, which is correct while no sync is in flight.
func (f *inode) put(seq uint64, index int64, content []byte, thin bool) {
	if _, ok := f.sectors.Get(index); !ok && content == nil {
		return // zeros on zeros
	}
	s := f.sector(index)
	s.write(seq, content, false)
	if thin && len(s.versions) > maxVersions {
		i := slices.IndexFunc(s.versions, func(v version) bool { return !v.cut })
		if i < len(s.versions)-1 { // the newest is needed
			s.versions = slices.Delete(s.versions, i, i+1)
		}
	}
	f.settle(index, s)
}

// store writes data as one operation.
func (f *inode) store(seq uint64, offset int64, data []byte, thin bool) {
	own := slices.Clone(data)
	parts(offset, len(own), func(index int64, at, from, to int) {
		content := own[from:to:to]
		if len(content) == sectorSize {
			content = compact(content)
		} else {
			content = patched(f.liveSector(index), at, content)
		}
		f.put(seq, index, content, thin)
	})
	if len(data) > 0 {
		f.grow(seq, offset+int64(len(data)), thin)
	}
}

// storeSome leaves a mixture of old and new: each sector is untouched, written
// or torn, and the file has grown as far as that went.
func (f *inode) storeSome(seq uint64, offset int64, data []byte, rand *env.Rand) {
	end := int64(0)
	parts(offset, len(data), func(index int64, at, from, to int) {
		choice := rand.IntN(4)
		if choice < 2 {
			return
		}
		old := f.liveSector(index)
		content := patched(old, at, data[from:to])
		if choice == 3 {
			content = torn(old, content, rand)
		}
		f.put(seq, index, content, false)
		end = offset + int64(to)
	})
	f.grow(seq, end, false)
}

// zero writes zeros over a range; only sectors that are stored there need work.
func (f *inode) zero(seq uint64, offset, end int64, thin bool) {
	f.eachStored(offset, end, func(index int64, s *sector) {
		from := max(offset-index*sectorSize, 0)
		to := min(end-index*sectorSize, sectorSize)
		f.put(seq, index, patched(s.live, int(from), make([]byte, to-from)), false)
	})
	f.grow(seq, end, thin)
}

// truncate sets the size; sectors beyond a cut become zeros with it.
func (f *inode) truncate(seq uint64, size int64, thin bool) {
	if size >= f.size {
		f.grow(seq, size, thin)
		return
	}
	f.eachStored(size, f.size, func(index int64, s *sector) {
		content := []byte(nil)
		if keep := size - index*sectorSize; keep > 0 {
			content = patched(s.live, int(keep), make([]byte, sectorSize-keep))
		}
		s.write(seq, content, true)
		f.settle(index, s)
	})
	f.size = size
	f.sizes = append(f.sizes, sizeVersion{seq, size, true})
}

// grow makes the file at least size bytes long.
func (f *inode) grow(seq uint64, size int64, thin bool) {
	if size <= f.size {
		return
	}
	f.size = size
	f.sizes = append(f.sizes, sizeVersion{seq, size, false})
	if thin && len(f.sizes) > maxVersions {
		i := slices.IndexFunc(f.sizes, func(v sizeVersion) bool { return !v.cut })
		if i < len(f.sizes)-1 {
			f.sizes = slices.Delete(f.sizes, i, i+1)
		}
	}
}

// eachStored visits the stored sectors that [offset, end) touches. each may
// change the trees.
func (f *inode) eachStored(offset, end int64, each func(index int64, s *sector)) {
	var indexes []int64
	f.sectors.Ascend(offset/sectorSize, func(index int64, _ *sector) bool {
		if index*sectorSize < end {
			indexes = append(indexes, index)
			return true
		}
		return false
	})
	for _, index := range indexes {
		s, _ := f.sectors.Get(index)
		each(index, s)
	}
}

func (f *inode) liveSector(index int64) []byte {
	if s, ok := f.sectors.Get(index); ok {
		return s.live
	}
	return nil
}

// read fills data with what processes see and returns the bytes read.
func (f *inode) read(data []byte, offset int64) int {
	return readAt(data, offset, f.size, &f.sectors, func(s *sector) []byte { return s.live })
}

// readDurable is read of what the medium holds.
func (f *inode) readDurable(data []byte, offset int64) int {
	return readAt(data, offset, f.baseSize, &f.sectors, func(s *sector) []byte { return s.base })
}

func readAt(
	data []byte, offset, size int64, sectors *btree.Map[int64, *sector],
	content func(*sector) []byte,
) int {
	n := int(max(0, min(int64(len(data)), size-offset)))
	data = data[:n]
	clear(data)
	end := offset + int64(n)
	sectors.Ascend(offset/sectorSize, func(index int64, s *sector) bool {
		start := index * sectorSize
		if start >= end {
			return false
		}
		if from := content(s); from == nil {
			return true
		} else if start >= offset {
			copy(data[start-offset:], from)
		} else {
			copy(data, from[offset-start:])
		}
		return true
	})
	return n
}

// promote makes everything up to seq durable: a sync of the file.
func (f *inode) promote(seq uint64) {
	f.eachDirty(func(index int64, s *sector) {
		s.promote(seq)
		f.settle(index, s)
	})
	f.promoteSize(seq)
}

func (f *inode) promoteSize(seq uint64) {
	n := 0
	for n < len(f.sizes) && f.sizes[n].seq <= seq {
		f.baseSize = f.sizes[n].size
		n++
	}
	f.sizes = append(f.sizes[:0:0], f.sizes[n:]...)
}

// promoteRange makes the bytes [offset, end) durable, which operation seq has
// written, and as little else as possible.
func (f *inode) promoteRange(seq uint64, offset, end int64) {
	if offset == end {
		return
	}
	if slices.ContainsFunc(f.sizes, func(v sizeVersion) bool { return v.cut && v.seq <= seq }) {
		// The file system commits an earlier cut with the later size; otherwise a
		// crash could cut off what is durable.
		f.promoteSize(seq)
		f.eachDirty(func(index int64, s *sector) {
			for i := len(s.versions) - 1; i >= 0; i-- {
				if v := s.versions[i]; v.cut && v.seq <= seq {
					s.promote(v.seq)
					break
				}
			}
			f.settle(index, s)
		})
	}
	f.baseSize = max(f.baseSize, end)
	f.sizes = slices.DeleteFunc(f.sizes, func(v sizeVersion) bool {
		return v.seq <= seq && v.size <= f.baseSize
	})
	f.eachStored(offset, end, func(index int64, s *sector) {
		s.promote(seq)
		f.settle(index, s)
	})
}

// forget loses, sector by sector, what a failed sync should have made durable.
func (f *inode) forget(seq uint64, rand *env.Rand) {
	revert := rand.Chance(1, 2)
	f.eachDirty(func(index int64, s *sector) {
		if rand.Chance(3, 4) {
			s.forget(seq, revert)
		}
		f.settle(index, s)
	})
}

// evict drops the cached content where it is not waiting to be written.
func (f *inode) evict() {
	f.eachDirty(func(index int64, s *sector) {
		s.evict()
		f.settle(index, s)
	})
}

// eachDirty visits the dirty sectors; each may change the trees.
func (f *inode) eachDirty(each func(index int64, s *sector)) {
	for _, index := range f.dirty.Keys() {
		s, _ := f.dirty.Get(index)
		each(index, s)
	}
}

func (f *inode) isDirty() bool { return len(f.sizes) > 0 || f.dirty.Len() > 0 }

// space is what the file occupies.
func (f *inode) space() int64 { return roundUp(f.size) }

func roundUp(size int64) int64 { return (size + sectorSize - 1) / sectorSize * sectorSize }
