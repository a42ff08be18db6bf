package pool

import (
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/sim/world"
)

// stateDifference is the first turn after which two runs' states differ.
type stateDifference struct {
	found bool
	Where string
	// Record is the number of records when the turn ended, in run A.
	Record uint64
	A, B   []string // lines of the state that only this run has
	First  bool     // no earlier turn of the loop was compared: it may have differed before
}

func (d *stateDifference) String() string {
	if !d.found {
		return "no state differs before it: the turn that wrote the record decided what " +
			"differs\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the first state that differs is that of %s, after the turn that ended with "+
		"record #%d", d.Where, d.Record-1)
	if d.First {
		b.WriteString(" (no earlier turn of it was compared: it may have differed before)")
	}
	b.WriteString(":\n")
	for _, side := range []struct {
		name  string
		lines []string
	}{{"A", d.A}, {"B", d.B}} {
		for _, line := range side.lines {
			fmt.Fprintf(&b, "  %s:  %s\n", side.name, line)
		}
	}
	return b.String()
}

// differentLines bounds the lines that are kept of each run.
const differentLines = 24

// firstStateDifference compares the states of two runs, turn by turn.
func firstStateDifference(a, b []world.TurnState) (d stateDifference) {
	for i := range min(len(a), len(b)) {
		x, y := &a[i], &b[i]
		if x.Where == y.Where && slices.Equal(x.Lines, y.Lines) {
			continue
		}
		d = stateDifference{found: true, Where: x.Where, Record: x.Record, First: x.First ||
			y.First}
		if x.Where != y.Where {
			d.A, d.B = []string{"it is the turn of " + x.Where},
				[]string{"it is the turn of " + y.Where}
			return d
		}
		d.A, d.B = without(x.Lines, y.Lines), without(y.Lines, x.Lines)
		return d
	}
	return d
}

// without lists the lines that are not among others, up to differentLines.
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
