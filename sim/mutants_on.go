//go:build mutants

package sim

import (
	"fmt"
	"os"

	"example.com/lockstep/broker/mutant"
)

// init switches on the planted bug that the environment names, before any world
// is built: this process is a worker of RunMutant, or somebody replays one of
// its seeds.
func init() {
	if err := mutant.Select(os.Getenv(MutantVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
