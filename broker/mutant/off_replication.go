//go:build !mutants

package mutant

// See replicationTable.
const (
	I1  = false
	I3  = false
	I3b = false
	I5  = false
	I11 = false
	F1  = false
	F3  = false
	C1  = false
	E1  = false
	E2  = false
)
