//go:build mutants

package mutant

// See controlTable.
var (
	L1  bool
	L2  bool
	M6  bool
	E9  bool
	L3  bool
	L4  bool
	L5  bool
	L7  bool
	L8  bool
	R1  bool
	R2  bool
	R4  bool
	R5  bool
	R6  bool
	R7  bool
	R9  bool
	R10 bool
	M1  bool
	M2  bool
	M3  bool
	M4  bool
	M5  bool
	M7  bool
	M8  bool
	M9  bool
	M10 bool
	M11 bool
	E8  bool
	E11 bool
	E13 bool
	E14 bool
	S1  bool
	S3  bool
)

var controlSwitches = []toggle{
	{"L1", &L1},
	{"L2", &L2},
	{"M6", &M6},
	{"E9", &E9},
	{"L3", &L3},
	{"L4", &L4},
	{"L5", &L5},
	{"L7", &L7},
	{"L8", &L8},
	{"R1", &R1},
	{"R2", &R2},
	{"R4", &R4},
	{"R5", &R5},
	{"R6", &R6},
	{"R7", &R7},
	{"R9", &R9},
	{"R10", &R10},
	{"M1", &M1},
	{"M2", &M2},
	{"M3", &M3},
	{"M4", &M4},
	{"M5", &M5},
	{"M7", &M7},
	{"M8", &M8},
	{"M9", &M9},
	{"M10", &M10},
	{"M11", &M11},
	{"E8", &E8},
	{"E11", &E11},
	{"E13", &E13},
	{"E14", &E14},
	{"S1", &S1},
	{"S3", &S3},
}
