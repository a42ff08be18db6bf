//go:build !mutants

package mutant

// See determinismTable.
const (
	D1 = false
)
