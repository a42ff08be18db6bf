//go:build !mutants

package mutant

// See logTable.
const (
	W1 = false
	W3 = false
	W6 = false
	W9 = false
)
