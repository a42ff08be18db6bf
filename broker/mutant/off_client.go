//go:build !mutants

package mutant

// See clientTable.
const (
	C9  = false
	C10 = false
	C11 = false
	S9  = false
)
