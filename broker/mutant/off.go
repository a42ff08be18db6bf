//go:build !mutants

package mutant

import "errors"

// Built says whether this binary contains the planted bugs.
const Built = false

// The planted bugs. See Table for what each one does.
const (
	W1  = false
	W3  = false
	W6  = false
	W9  = false
	I1  = false
	I3  = false
	I3b = false
	I5  = false
	I11 = false
	L1  = false
	L2  = false
	M6  = false
	F1  = false
	F3  = false
	C1  = false
	E1  = false
	E2  = false
	E9  = false
)

// Select switches on the named bug and all others off; "" switches all off.
func Select(name string) error {
	if name == "" {
		return nil
	}
	return errors.New("mutant: this binary was built without planted bugs (go build -tags mutants)")
}
