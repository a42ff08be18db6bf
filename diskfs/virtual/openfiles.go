package virtual

import (
	"strings"

	"example.com/lockstep/diskfs"
)

// LimitFiles bounds the files that one process may have open, as RLIMIT_NOFILE does; 0 for no
// limit. With a directory, given as "dir/", only files below it count and are refused, so that a
// test can bound exactly one use of files. It comes before the process opens files.
func (fs *FS) LimitFiles(dir string, limit int) { fs.filesIn, fs.filesMax = dir, limit }

// counts says whether a path counts for the limit.
func (fs *FS) counts(path string) bool { return strings.HasPrefix(path, fs.filesIn) }

// opens notes that the process has one more file open, or one less.
func (p *Process) opens(path string, n int) {
	if p.fs.counts(path) {
		p.open += n
		p.fs.mostOpen = max(p.fs.mostOpen, p.open)
	}
}

// outOfFiles says whether an operation cannot get a descriptor. An operation on a directory holds
// one while it runs, which takes no time here.
func (fs *FS) outOfFiles(c *call) bool {
	if fs.filesMax == 0 || !NeedFile.Has(c.op.Kind) || c.disk.process.open < fs.filesMax ||
		fs.filesIn != "" && (c.op.Kind != diskfs.Open || !fs.counts(c.path)) {
		return false
	}
	fs.hit(c, OutOfFiles)
	return true
}

// MostOpen is the largest number of files that one process has had open at a time.
func (fs *FS) MostOpen() int { return fs.mostOpen }
