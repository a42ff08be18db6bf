package sim

import (
	"fmt"
	"slices"
	"strings"
)

// TurnState is what a turn changed in its loop's state.
type TurnState struct {
	Record uint64 `json:"record"` // number of trace records when it ended
	Where  string `json:"where"`  // the loop
	First  bool   `json:"first,omitempty"`
	// Lines are the lines of the state that are new; of the first turn of a loop
	// in the window all. A line that is gone is written without a value.
	Lines []string `json:"lines,omitempty"`
}

// stateLog collects the states of all loops after their turns in a window of
// records. A nil log collects nothing.
type stateLog struct {
	from, upTo uint64
	last       map[*loopHost][]string // looked up only
	namer      StateNamer
	hear       func(TurnState)
}

func newStateLog(from, upTo uint64, namer StateNamer, hear func(TurnState)) *stateLog {
	return &stateLog{from: from, upTo: upTo, hear: hear, last: map[*loopHost][]string{}, namer: namer}
}

// turn takes a loop's state at the end of a turn. records is the number of trace
// records so far.
func (s *stateLog) turn(l *loopHost, records uint64) {
	if s == nil || records < s.from || records >= s.upTo || l.loop == nil {
		return
	}
	before, known := s.last[l]
	now := dumpState(l.loop, s.namer)
	s.last[l] = now
	s.hear(TurnState{
		Record: records, Where: fmt.Sprintf("%s life %d", l.where(), l.node.incarnation), First: !known, Lines: newLines(before, now),
	})
}

// newLines are the lines of a state that are not in the one before, and the paths
// that are gone.
func newLines(before, now []string) (lines []string) {
	// Most of a state stays as it is.
	for len(before) > 0 && len(now) > 0 && before[0] == now[0] {
		before, now = before[1:], now[1:]
	}
	for len(before) > 0 && len(now) > 0 && before[len(before)-1] == now[len(now)-1] {
		before, now = before[:len(before)-1], now[:len(now)-1]
	}
	had, paths := make(map[string]bool, len(before)), make(map[string]bool, len(now))
	for _, line := range before {
		had[line] = true
	}
	for _, line := range now {
		path, _, _ := strings.Cut(line, " = ")
		paths[path] = true
		if !had[line] {
			lines = append(lines, line)
		}
	}
	for _, line := range before {
		if path, _, _ := strings.Cut(line, " = "); !paths[path] {
			lines = append(lines, path)
		}
	}
	return lines
}

// stateDifference is the first turn after which two runs' states differ.
type stateDifference struct {
	found bool
	Where string
	// Record is the number of records when the turn ended, in run A.
	Record uint64
	A, B   []string // the lines in which the states differ, of each run
	First  bool     // of the loop in the window: it may have begun earlier
}

// differentLines is how many lines of a difference are kept of each run.
const differentLines = 24

// firstStateDifference compares the states of two runs, turn by turn.
func firstStateDifference(a, b []TurnState) (d stateDifference) {
	for i := range min(len(a), len(b)) {
		x, y := &a[i], &b[i]
		if x.Where == y.Where && slices.Equal(x.Lines, y.Lines) {
			continue
		}
		d = stateDifference{found: true, Where: x.Where, Record: x.Record, First: x.First || y.First}
		if x.Where != y.Where {
			d.A, d.B = []string{"it is the turn of " + x.Where}, []string{"it is the turn of " + y.Where}
			return d
		}
		d.A, d.B = without(x.Lines, y.Lines), without(y.Lines, x.Lines)
		return d
	}
	return d
}

// without lists the lines that others lack, up to differentLines.
func without(lines, others []string) (out []string) {
	have := make(map[string]bool, len(others))
	for _, line := range others {
		have[line] = true
	}
	for _, line := range lines {
		if !have[line] && len(out) < differentLines {
			out = append(out, line)
		}
	}
	return out
}
