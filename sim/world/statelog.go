package world

import (
	"fmt"
	"strings"
)

// TurnState is what a turn changed in its loop's state.
type TurnState struct {
	Record uint64 `json:"record"` // number of trace records when the turn ended
	Where  string `json:"where"`  // the loop
	First  bool   `json:"first,omitempty"`
	// Lines are the lines of the state that are new. For the first turn of a loop in the window
	// they are all lines. A line that is gone is written without its value.
	Lines []string `json:"lines,omitempty"`
}

// stateLog reports what each turn changes in its loop's state, in a window of trace records. A nil
// log reports nothing.
type stateLog struct {
	from, upTo uint64
	last       map[*loopHost][]string // looked up only
	namer      StateNamer
	hear       func(TurnState) // see Options.TurnStates
}

func newStateLog(from, upTo uint64, namer StateNamer, hear func(TurnState)) *stateLog {
	return &stateLog{from: from, upTo: upTo, hear: hear, last: map[*loopHost][]string{},
		namer: namer}
}

// turn reports what a turn that has just ended changed. records is the number of trace records so
// far.
func (s *stateLog) turn(l *loopHost, records uint64) {
	if s == nil || records < s.from || records >= s.upTo || l.loop == nil {
		return
	}
	before, known := s.last[l]
	now := dumpState(l.loop, s.namer)
	s.last[l] = now
	s.hear(TurnState{
		Record: records, Where: fmt.Sprintf("%s incarnation %d", l.where(), l.node.incarnation),
		First: !known, Lines: newLines(before, now),
	})
}

// newLines are the lines of a state that are not in the state before, and the paths that are gone.
func newLines(before, now []string) (lines []string) {
	// Most of a state does not change.
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
