//go:build !mutants

package mutant

// See controlTable.
const (
	L1 = false
	L2 = false
	M6 = false
	E9 = false
	L3 = false
)
