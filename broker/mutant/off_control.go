//go:build !mutants

package mutant

// See controlTable.
const (
	L1  = false
	L2  = false
	M6  = false
	E9  = false
	L3  = false
	L4  = false
	L5  = false
	L7  = false
	L8  = false
	R1  = false
	R2  = false
	R4  = false
	R5  = false
	R6  = false
	R7  = false
	R9  = false
	R10 = false
	M1  = false
	M2  = false
	M3  = false
	M4  = false
	M5  = false
	M7  = false
	M8  = false
	M9  = false
	M10 = false
	M11 = false
	E8  = false
	E11 = false
	E13 = false
	E14 = false
	S1  = false
	S3  = false
)
