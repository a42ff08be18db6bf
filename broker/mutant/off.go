//go:build !mutants

package mutant

import "errors"

// Built says whether this binary contains the planted bugs.
const Built = false

// Select switches on the named bug and all others off; "" switches all off.
func Select(name string) error {
	if name == "" {
		return nil
	}
	return errors.New("mutant: this binary was built without planted bugs (go build -tags mutants)")
}
