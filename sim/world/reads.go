package world

import "example.com/lockstep/diskfs"

// countedReads are the reads that a loop has under way, of files that count.
type countedReads struct {
	counts   func(path string) bool // nil: no file does
	files    map[diskfs.Handle]bool // looked up only
	underWay int64                  // bytes
	most     int64                  // of underWay, in this incarnation
}

func (w *World) newCountedReads() countedReads {
	if s, ok := w.subject.(ReadCounter); ok {
		return countedReads{counts: s.CountsReads, files: map[diskfs.Handle]bool{}}
	}
	return countedReads{}
}

// began notes an operation and returns the bytes that it reads of such a file.
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
