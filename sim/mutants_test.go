package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/mutants"
)

func TestEveryMutantHasScenarios(t *testing.T) {
	for _, m := range mutants.Table() {
		for _, name := range m.Scenarios {
			s, err := FindScenario(name)
			require.NoError(t, err, m.ID)
			require.False(t, s.Planted, "%s: what must fail anyway shows nothing", m.ID)
		}
	}
}

func TestOnlyExpectedFailuresCatchAMutant(t *testing.T) {
	m := mutants.Mutant{Caught: []string{"P1", "every assertion holds | assertion failed: wal:"}}
	for _, c := range []struct {
		failure Failure
		caught  bool
	}{
		{Failure{Property: "P1: acknowledged records are durable"}, true},
		{Failure{Property: "P3: committed offsets are unique"}, false},
		{Failure{Property: "every assertion holds", Detail: "assertion failed: wal: release of 3"}, true},
		{Failure{Property: "every assertion holds", Detail: "assertion failed: shard: unknown operation"}, false},
		{Failure{Property: "a run ends without killing its process"}, false},
	} {
		require.Equal(t, c.caught, expected(m, c.failure), "%+v", c.failure)
	}
}

// TestQuickMutantsAreCaught hunts those planted bugs that show within a few
// seeds; make mutants hunts all of them.
func TestQuickMutantsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another program")
	}
	program, err := buildMutants()
	require.NoError(t, err)
	hunt, clean := Campaign{Program: program, Workers: *workersFlag}, Campaign{Workers: *workersFlag}
	for _, name := range []string{"I1", "W1", "W6", "L2", "L9", "S2", "W12", "C3"} {
		m, ok := mutants.Find(name)
		require.True(t, ok)
		run := HuntMutant(m, 0, hunt, clean)
		require.True(t, run.Caught, "%s survived %d seeds", name, run.Seeds)
		for _, r := range run.Alarms {
			t.Errorf("false alarm without %s:\n%s", name, r.Report())
		}
	}
}
