//go:build mutants

package mutant

// See replicationTable.
var (
	I1  bool
	I3  bool
	I3b bool
	I5  bool
	I11 bool
	F1  bool
	F3  bool
	C1  bool
	E1  bool
	E2  bool
)

var replicationSwitches = []toggle{
	{"I1", &I1},
	{"I3", &I3},
	{"I3b", &I3b},
	{"I5", &I5},
	{"I11", &I11},
	{"F1", &F1},
	{"F3", &F3},
	{"C1", &C1},
	{"E1", &E1},
	{"E2", &E2},
}
