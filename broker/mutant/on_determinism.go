//go:build mutants

package mutant

// See determinismTable.
var (
	D1 bool
)

var determinismSwitches = []toggle{
	{"D1", &D1},
}
