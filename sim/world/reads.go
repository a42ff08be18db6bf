package world

import "example.com/lockstep/diskfs"

// countedReads knows the reads of counted files that a loop has under way.
type countedReads struct {
	counts   func(path string) bool // reports whether a file is counted; nil: no file is
	files    map[diskfs.Handle]bool // the counted files that are open; looked up only
	underWay int64                  // bytes
	most     int64                  // the largest underWay in this incarnation
}

func (w *World) newCountedReads() countedReads {
	if s, ok := w.subject.(ReadCounter); ok {
		return countedReads{counts: s.CountsReads, files: map[diskfs.Handle]bool{}}
	}
	return countedReads{}
}

// began notes an operation, and returns how many bytes of a counted file it reads.
func (r *countedReads) began(op *diskfs.Op) int64 {
	switch {
	case r.counts == nil:
	case op.Kind == diskfs.Open && r.counts(op.Path):
		r.files[op.Handle] = true
	case op.Kind == diskfs.Close:
		delete(r.files, op.Handle)
	case op.Kind == diskfs.Read && r.files[op.Handle]:
		r.underWay += int64(len(op.Data))
		r.most = max(r.most, r.underWay)
		return int64(len(op.Data))
	}
	return 0
}
