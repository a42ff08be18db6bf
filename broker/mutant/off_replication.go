//go:build !mutants

package mutant

// See replicationTable.
const (
	L6   = false
	I1   = false
	I2   = false
	I3   = false
	I3b  = false
	I4   = false
	I4b  = false
	I5   = false
	I6   = false
	I6b  = false
	I6c  = false
	I7   = false
	I8   = false
	I8b  = false
	I9   = false
	I10  = false
	I10b = false
	I11  = false
	I12  = false
	I15  = false
	I16  = false
	I18  = false
	I20  = false
	I21  = false
	I22  = false
	I23  = false
	I24  = false
	I25  = false
	I27  = false
	I28  = false
	F1   = false
	F2   = false
	F3   = false
	F4   = false
	F5   = false
	F6   = false
	F7   = false
	C1   = false
	C2   = false
	C5   = false
	C6   = false
	E1   = false
	E2   = false
	E7   = false
)
