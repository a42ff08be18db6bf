package virtual

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
)

const sectorSize = diskfs.SectorSize

// sector is one sector of a file. Contents are immutable slices of sectorSize
// bytes that versions share; nil means zeros.
type sector struct {
	base     []byte    // on the medium
	live     []byte    // what reads see
	versions []version // written since base, oldest first
	stale    bool      // live will never reach the medium: a lost write or a failed sync
}

// version is a content that may reach the medium.
type version struct {
	seq  uint64 // of the operation that wrote it
	data []byte
	cut  bool // by a truncation: kept or lost together with the size of the same seq
}

func (s *sector) dirty() bool  { return len(s.versions) > 0 || s.stale }
func (s *sector) absent() bool { return !s.dirty() && s.base == nil && s.live == nil }

// write makes data the newest content.
func (s *sector) write(seq uint64, data []byte, cut bool) {
	s.live, s.stale = data, false
	s.versions = append(s.versions, version{seq, data, cut})
}

// promote makes the last version up to seq the durable one.
func (s *sector) promote(seq uint64) {
	n := 0
	for n < len(s.versions) && s.versions[n].seq <= seq {
		n++
	}
	if n > 0 {
		s.base = s.versions[n-1].data
		s.versions = append(s.versions[:0:0], s.versions[n:]...)
	}
}

// forget loses the written versions up to seq, as a kernel does with the pages
// of a failed sync. Then reads show the lost content forever, or, if revert is
// set, the older one. Cuts stay: they are metadata.
func (s *sector) forget(seq uint64, revert bool) {
	kept := s.versions[:0:0]
	for _, v := range s.versions {
		if v.seq > seq || v.cut {
			kept = append(kept, v)
		}
	}
	lostLast := len(s.versions) > 0 &&
		(len(kept) == 0 || kept[len(kept)-1].seq != s.versions[len(s.versions)-1].seq)
	s.versions = kept
	switch {
	case !lostLast:
	case !revert:
		s.stale = true
	case len(kept) > 0:
		s.live = kept[len(kept)-1].data
	default:
		s.live = s.base
	}
}

// evict drops the cached content where it is not waiting to be written.
func (s *sector) evict() {
	if s.stale {
		s.stale, s.live = false, s.base
		if n := len(s.versions); n > 0 {
			s.live = s.versions[n-1].data
		}
	}
}

// candidates returns the contents that a crash may leave, oldest first, if it
// leaves the size of version sizeSeq. Then cuts up to sizeSeq have happened;
// later cuts, and what was written after them, have not.
func (s *sector) candidates(sizeSeq uint64) [][]byte {
	found := [][]byte{s.base}
	for _, v := range s.versions {
		switch {
		case v.cut && v.seq <= sizeSeq:
			found = found[:0]
		case v.cut:
			return found
		}
		found = append(found, v.data)
	}
	return found
}

// patched returns a copy of old with data at byte at, nil if that is all zeros.
func patched(old []byte, at int, data []byte) []byte {
	content := make([]byte, sectorSize)
	copy(content, old)
	copy(content[at:], data)
	return compact(content)
}

// compact returns nil for a sector of zeros.
func compact(content []byte) []byte {
	for _, b := range content {
		if b != 0 {
			return content
		}
	}
	return nil
}

// torn returns a mixture of two contents at byte granularity.
func torn(a, b []byte, rand *env.Rand) []byte {
	content := make([]byte, sectorSize)
	copy(content, a)
	other := make([]byte, sectorSize)
	copy(other, b)
	at := rand.IntN(sectorSize + 1)
	switch rand.IntN(4) {
	case 0: // the head is new
		copy(content[:at], other[:at])
	case 1: // the tail is new
		copy(content[at:], other[at:])
	case 2: // some physical sectors are new
		const physical = 512
		for i := 0; i < sectorSize; i += physical {
			if rand.Chance(1, 2) {
				copy(content[i:i+physical], other[i:])
			}
		}
	default: // any bytes are new
		for i := 0; i < sectorSize; i += 64 {
			for bits, j := rand.Uint64(), i; j < i+64; bits, j = bits>>1, j+1 {
				if bits&1 != 0 {
					content[j] = other[j]
				}
			}
		}
	}
	return compact(content)
}
