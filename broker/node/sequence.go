package node

import "example.com/lockstep/diskfs"

// sequence is a list of disk operations that run one after the other: each begins when the one
// before has completed. The check of a step judges its completion, and may insert further steps
// directly after it.
type sequence struct {
	steps []step
	at    int
	end   func(err error) // called once, after the last step or the first error
}

// step is one operation of a sequence. An error of check ends the sequence.
type step struct {
	op    diskfs.Op
	check func(s *sequence, c diskfs.Completion) error
}

// must is the check of a step that may not fail.
func must(_ *sequence, c diskfs.Completion) error { return c.Err }

// then inserts steps directly after the present one.
func (s *sequence) then(steps ...step) {
	rest := append(steps, s.steps[s.at+1:]...)
	s.steps = append(s.steps[:s.at+1:s.at+1], rest...)
}

// run starts a sequence on the control loop's disk.
func (c *Control) run(s *sequence) {
	c.lastToken++
	c.sequences[c.lastToken] = s
	c.submit(c.lastToken, s.steps[0].op)
}

// stepDone takes the completion of a sequence's present step.
func (c *Control) stepDone(d *diskfs.Completion) {
	s := c.sequences[d.Token]
	if err := s.steps[s.at].check(s, *d); err != nil {
		delete(c.sequences, d.Token)
		s.end(err)
		return
	}
	if s.at++; s.at == len(s.steps) {
		delete(c.sequences, d.Token)
		s.end(nil)
		return
	}
	c.submit(d.Token, s.steps[s.at].op)
}

// wholeFile returns the steps that make a file durable under its name, whole or not at all.
func wholeFile(dir, name string, handle diskfs.Handle, data []byte) []step {
	path := name
	if dir != "." {
		path = dir + "/" + name
	}
	temp := tempOf(path)
	return []step{
		{diskfs.Op{Kind: diskfs.Open, Path: temp, Handle: handle, Flags: diskfs.Create}, must},
		{diskfs.Op{Kind: diskfs.Truncate, Handle: handle}, must},
		{diskfs.Op{Kind: diskfs.Write, Handle: handle, Data: data}, must},
		{diskfs.Op{Kind: diskfs.Sync, Handle: handle}, must},
		{diskfs.Op{Kind: diskfs.Close, Handle: handle}, must},
		{diskfs.Op{Kind: diskfs.Rename, Path: temp, To: path}, must},
		{diskfs.Op{Kind: diskfs.SyncDir, Path: dir}, must},
	}
}

// tempOf is the name under which wholeFile writes a file before it is renamed to path.
func tempOf(path string) string { return path + ".tmp" }

// readFile returns the steps that read a whole file and give its bytes to take.
func readFile(path string, handle diskfs.Handle, take func(s *sequence, data []byte) error) []step {
	return []step{
		{diskfs.Op{Kind: diskfs.Open, Path: path, Handle: handle},
			func(s *sequence, c diskfs.Completion) error {
				if c.Err != nil {
					return c.Err
				}
				s.then(
					step{diskfs.Op{
						Kind: diskfs.Read, Handle: handle, Data: make([]byte, c.Size),
					}, func(s *sequence, c diskfs.Completion) error {
						if c.Err != nil {
							return c.Err
						}
						return take(s, c.Data[:c.N])
					}},
					step{diskfs.Op{Kind: diskfs.Close, Handle: handle}, must},
				)
				return nil
			}},
	}
}
