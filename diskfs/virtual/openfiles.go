package virtual

// opens notes that the process has one more file open.
func (p *Process) opens() {
	p.open++
	p.fs.mostOpen = max(p.fs.mostOpen, p.open)
}

// outOfFiles says whether an operation cannot get a descriptor. An operation on a directory holds
// one while it runs, which takes no time here.
func (fs *FS) outOfFiles(c *call) bool {
	limit := fs.opts.OpenFiles
	if limit == 0 || !NeedFile.Has(c.op.Kind) || c.disk.process.open < limit {
		return false
	}
	fs.hit(c, OutOfFiles)
	return true
}

// MostOpen is the largest number of files that one process has had open at a time.
func (fs *FS) MostOpen() int { return fs.mostOpen }

// SetOpenFiles sets how many files a process may have open; 0 for no limit.
func (fs *FS) SetOpenFiles(limit int) { fs.opts.OpenFiles = limit }
