//go:build mutants

package mutant

// See controlTable.
var (
	L1 bool
	L2 bool
	M6 bool
	E9 bool
	L3 bool
)

var controlSwitches = []toggle{
	{"L1", &L1},
	{"L2", &L2},
	{"M6", &M6},
	{"E9", &E9},
	{"L3", &L3},
}
