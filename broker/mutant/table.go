package mutant

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Mutant describes one planted bug.
type Mutant struct {
	// Name is the switch, and the bug's id in BUGS.md (with a letter behind it
	// where the line there names two). Numbers beyond its last are bugs thought of
	// since.
	Name string
	// Does is what the broker does wrong, in a sentence.
	Does string
	// Caught are the properties of which a violation catches the bug: the
	// beginning of what a failed run names, and behind " | ", where many things
	// break one property, the beginning of the detail. A run that fails for any
	// other reason says nothing about the bug.
	Caught []string
	// Scenarios are the simulator's scenarios that show it, and Bias why they do.
	Scenarios []string
	Bias      string
	// Seeds is how many seeds of each scenario it may survive.
	Seeds int
	// Twice: the bug breaks no property of a run, but two runs of a seed differ.
	Twice bool
}

// assertion begins the names of assertions that a bug breaks: they are always
// on, in production too, and stop the node.
const assertion = "every assertion holds | assertion failed: "

// Find returns a planted bug by name.
func Find(name string) (Mutant, bool) {
	for _, m := range Table() {
		if m.Name == name {
			return m, true
		}
	}
	return Mutant{}, false
}

// Table lists the planted bugs of all areas in the order of BUGS.md.
func Table() []Mutant {
	all := slices.Concat(logTable(), replicationTable(), controlTable(), determinismTable(), clientTable())
	slices.SortFunc(all, func(a, b Mutant) int { return compareNames(a.Name, b.Name) })
	return all
}

// groups are the initials of names in the order of BUGS.md.
const groups = "LRMWIFCGTESD"

// compareNames orders by group, then number, then the letter behind it.
func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(strings.IndexByte(groups, a[0]), strings.IndexByte(groups, b[0])),
		cmp.Compare(number(a), number(b)), cmp.Compare(a, b))
}

func number(name string) int {
	n, _ := strconv.Atoi(strings.TrimRight(name[1:], "abcdefgh")) // TestTableIsComplete checks the form
	return n
}
