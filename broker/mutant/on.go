//go:build mutants

package mutant

import "fmt"

// Built says whether this binary contains the planted bugs.
const Built = true

// The planted bugs. See Table for what each one does.
var W1, W3, W6, W9, I1, I3, I3b, I5, I11, L1, L2, M6, F1, F3, C1, E1, E2, E9 bool

// Select switches on the named bug and all others off; "" switches all off.
func Select(name string) error {
	switches := []struct {
		name string
		on   *bool
	}{
		{"W1", &W1}, {"W3", &W3}, {"W6", &W6}, {"W9", &W9},
		{"I1", &I1}, {"I3", &I3}, {"I3b", &I3b}, {"I5", &I5}, {"I11", &I11},
		{"L1", &L1}, {"L2", &L2}, {"M6", &M6}, {"F1", &F1}, {"F3", &F3}, {"C1", &C1},
		{"E1", &E1}, {"E2", &E2}, {"E9", &E9},
	}
	found := name == ""
	for _, s := range switches {
		*s.on = s.name == name
		found = found || *s.on
	}
	if !found {
		return fmt.Errorf("mutant: no planted bug is called %q", name)
	}
	return nil
}
