//go:build mutants

package mutant

// See logTable.
var (
	W1 bool
	W3 bool
	W6 bool
	W9 bool
)

var logSwitches = []toggle{
	{"W1", &W1},
	{"W3", &W3},
	{"W6", &W6},
	{"W9", &W9},
}
