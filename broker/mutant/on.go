//go:build mutants

package mutant

import (
	"fmt"
	"slices"
)

// Built says whether this binary contains the planted bugs.
const Built = true

// toggle is one planted bug's switch.
type toggle struct {
	name string
	on   *bool
}

// Select switches on the named bug and all others off; "" switches all off.
func Select(name string) error {
	found := name == ""
	for _, t := range slices.Concat(logSwitches, replicationSwitches, controlSwitches, determinismSwitches, clientSwitches) {
		*t.on = t.name == name
		found = found || *t.on
	}
	if !found {
		return fmt.Errorf("mutant: no planted bug is called %q", name)
	}
	return nil
}
