package sim

import (
	"fmt"
	"strconv"
	"strings"

	"example.com/lockstep/broker/env"
)

// A fault may be anchored at a milestone instead of a time: runs of two commits
// drift apart by milliseconds and more, but mostly tell the same story.

// Anchor is what [Fault].After means: the n-th milestone whose key begins with
// some words. "leader t0/0 #2" is the second time that a leader of t0/0 begins,
// whoever it is.
type Anchor struct {
	Words string
	Nth   int // from 1 on
}

// ParseAnchor reads "words" or "words #n".
func ParseAnchor(text string) (Anchor, error) {
	a := Anchor{Words: text, Nth: 1}
	if words, n, ok := strings.Cut(text, " #"); ok {
		nth, err := strconv.Atoi(n)
		if err != nil || nth < 1 {
			return a, fmt.Errorf("anchor %q: want #1 or more behind the words", text)
		}
		a.Words, a.Nth = words, nth
	}
	if a.Words == "" || strings.TrimSpace(a.Words) != a.Words {
		return a, fmt.Errorf("anchor %q: want the first words of a milestone's key", text)
	}
	return a, nil
}

func (a Anchor) String() string {
	if a.Nth == 1 {
		return a.Words
	}
	return a.Words + " #" + strconv.Itoa(a.Nth)
}

// Matches reports whether a milestone is one of those that the anchor counts.
func (a Anchor) Matches(key string) bool {
	rest, ok := strings.CutPrefix(key, a.Words)
	return ok && (rest == "" || rest[0] == ' ')
}

// anchored is a fault that waits for its milestone.
type anchored struct {
	Anchor
	seen  int
	begin func() // nil: it has been given its time
}

// scheduleFault gives a fault its time, or lets it wait for its milestone. If
// that has not come by its bound the fault begins at the bound, so that a commit
// that never gets there still meets it.
func (w *World) scheduleFault(i int) {
	f := &w.plan.Faults[i]
	if f.After == "" {
		w.sched.At(env.Instant(f.At), "fault", func() { w.beginFault(i) })
		return
	}
	anchor, err := ParseAnchor(f.After)
	if err != nil {
		panic(err) // the plan was validated
	}
	a := &anchored{Anchor: anchor}
	a.begin = func() {
		a.begin = nil
		w.After(f.At.Std(), "fault", func() { w.beginFault(i) })
	}
	w.anchors = append(w.anchors, a)
	by := f.By
	if by == 0 {
		by = w.plan.Duration / 10 * 9
	}
	w.sched.At(env.Instant(by), "fault by its bound", func() {
		if a.begin != nil {
			a.begin = nil
			w.beginFault(i)
		}
	})
}

// passAnchors lets faults begin that waited for a milestone.
func (w *World) passAnchors(key string) {
	for _, a := range w.anchors {
		if a.begin != nil && a.Matches(key) {
			if a.seen++; a.seen == a.Nth {
				a.begin()
			}
		}
	}
}
