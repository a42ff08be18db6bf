package rules

import (
	"fmt"

	"example.com/lockstep/diskfs"
)

// Verdict says what to do with a submitted operation.
type Verdict uint8

const (
	// Begin: the operation may run now.
	Begin Verdict = iota + 1
	// Wait: the table keeps the operation and returns it later.
	Wait
	// Refuse: its handle is not open; it ends with ErrClosed.
	Refuse
)

// Handles is the table of the handles of one Disk. F is what the implementation
// keeps for an open file. The table enforces obligation 2: operations begin
// after their Open, and a Close begins after the operations before it.
type Handles[F any] struct {
	open map[diskfs.Handle]*handle[F]
}

// Held is an operation with a stamp: a number that was taken when the operation
// was submitted. It stays the same while the operation waits (a Sync covers
// what had completed by then).
type Held struct {
	Op    diskfs.Op
	Stamp uint64
}

type handle[F any] struct {
	file    F
	path    string
	opening bool
	running int    // operations begun and not ended; Close not counted
	waiting []Held // submitted while opening, in order
	closing bool   // a Close was submitted: what comes later is refused
	close   *Held  // a Close that waits for running to become 0
}

// Submit decides about an operation that uses a handle or opens one. It is a
// bug of the submitter to open a handle that is in use, and Submit panics.
func (t *Handles[F]) Submit(held Held) Verdict {
	op := held.Op
	h := t.open[op.Handle]
	switch {
	case op.Kind == diskfs.Open:
		if h != nil {
			panic(fmt.Sprintf("diskfs: handle %d (%s) opened again as %s",
				op.Handle, h.path, op.Path))
		}
		if t.open == nil {
			t.open = make(map[diskfs.Handle]*handle[F])
		}
		t.open[op.Handle] = &handle[F]{path: op.Path, opening: true}
		return Begin
	case h == nil || h.closing:
		return Refuse
	}
	h.closing = op.Kind == diskfs.Close
	if h.opening {
		h.waiting = append(h.waiting, held)
		return Wait
	}
	return h.begin(held)
}

func (h *handle[F]) begin(held Held) Verdict {
	if held.Op.Kind != diskfs.Close {
		h.running++
		return Begin
	}
	if h.running > 0 {
		h.close = &held
		return Wait
	}
	return Begin
}

// Opened ends the Open of a handle and returns the operations that waited for
// it: those to begin or, if the Open failed, those to refuse. The caller must
// deliver the Open's completion before it acts on them.
func (t *Handles[F]) Opened(id diskfs.Handle, file F, ok bool) (begin, refuse []Held) {
	h := t.open[id]
	waiting := h.waiting
	h.waiting = nil
	if !ok {
		delete(t.open, id)
		return nil, waiting
	}
	h.opening, h.file = false, file
	for _, held := range waiting {
		if h.begin(held) == Begin {
			begin = append(begin, held)
		}
	}
	return begin, nil
}

// Ended ends an operation other than Open that had begun. If the handle's Close
// waited for it, Ended returns the Close, which now begins.
func (t *Handles[F]) Ended(op diskfs.Op) (closing Held, ok bool) {
	h := t.open[op.Handle]
	if op.Kind == diskfs.Close {
		delete(t.open, op.Handle)
		return Held{}, false
	}
	h.running--
	if h.running > 0 || h.close == nil {
		return Held{}, false
	}
	closing, h.close = *h.close, nil
	return closing, true
}

// File returns the file of an open handle and the path it was opened with.
func (t *Handles[F]) File(id diskfs.Handle) (file F, path string) {
	if h := t.open[id]; h != nil {
		return h.file, h.path
	}
	return file, ""
}

// Drop forgets all handles and returns the files that were open, in no
// particular order.
func (t *Handles[F]) Drop() []F {
	var files []F
	for _, h := range t.open {
		if !h.opening {
			files = append(files, h.file)
		}
	}
	t.open = nil
	return files
}
