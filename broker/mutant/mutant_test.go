package mutant

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Table() {
		require.False(t, seen[m.Name], m.Name)
		seen[m.Name] = true
		require.NotEmpty(t, m.Does, m.Name)
		require.NotEmpty(t, m.Caught, m.Name)
		require.NotEmpty(t, m.Scenarios, m.Name)
		require.Positive(t, m.Seeds, m.Name)
	}
	for _, name := range []string{"W1", "W3", "W6", "W9", "I1", "I3", "I5", "I11", "L1", "L2", "M6", "F1", "F3", "C1", "E1", "E2", "E9"} {
		require.True(t, seen[name], "%s is in the brief and not in the table", name)
	}
}

func TestSelectKnowsWhatIsInTheTable(t *testing.T) {
	require.NoError(t, Select(""))
	require.Error(t, Select("no such bug"))
	for _, m := range Table() {
		if err := Select(m.Name); Built {
			require.NoError(t, err, m.Name)
		} else {
			require.Error(t, err, "an ordinary build has no planted bugs")
		}
	}
	require.NoError(t, Select(""))
}

func TestOrdinaryBuildsHaveNoneOn(t *testing.T) {
	for _, on := range []bool{W1, W3, W6, W9, I1, I3, I3b, I5, I11, L1, L2, M6, F1, F3, C1, E1, E2, E9} {
		require.False(t, on)
	}
}
