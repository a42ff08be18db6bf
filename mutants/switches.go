package mutants

import (
	"fmt"
	"strings"
)

// Variable is the environment variable that names the bug to switch on in a program
// with planted bugs; "" is none.
const Variable = "LOCKSTEP_MUTANT"

// switchesSource is the package of switches. The program reads the variable
// before it makes any loop, and never sets a switch later, so loops may read
// the switches without synchronisation.
const switchesSource = `// Package switches has a variable for each planted bug.
package switches

import (
	"fmt"
	"os"
)

var (
	%s bool
)

func init() {
	name := os.Getenv(%q)
	if name == "" {
		return
	}
	on, ok := map[string]*bool{
		%s,
	}[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: no planted bug is called %%q\n", name)
		os.Exit(2)
	}
	*on = true
}
`

// switches writes the package of switches.
func switches(all []Mutant) string {
	var names, entries []string
	for _, m := range all {
		names = append(names, m.ID)
		entries = append(entries, fmt.Sprintf("%q: &%s", m.ID, m.ID))
	}
	return fmt.Sprintf(switchesSource, strings.Join(names, ", "), Variable,
		strings.Join(entries, ",\n\t\t"), Variable)
}
