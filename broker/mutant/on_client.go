//go:build mutants

package mutant

// See clientTable.
var (
	C9  bool
	C10 bool
	C11 bool
	S9  bool
)

var clientSwitches = []toggle{
	{"C9", &C9},
	{"C10", &C10},
	{"C11", &C11},
	{"S9", &S9},
}
