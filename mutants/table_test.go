package mutants

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTableIsInOrder(t *testing.T) {
	all := Table()
	require.NotEmpty(t, all)
	for i, m := range all {
		found, ok := Find(m.ID)
		require.True(t, ok)
		require.Equal(t, m, found)
		require.Equal(t, m.Twice, m.Caught[0] == TwoRunsDiffer, m.ID)
		require.True(t, i == 0 || compare(all[i-1], m) < 0, m.ID)
	}
	_, ok := Find("X1")
	require.False(t, ok)
}

func TestAnIncompleteBugIsRefused(t *testing.T) {
	_, err := parse("W3", []byte(head))
	require.NoError(t, err)
	for _, bad := range []string{
		"", "does: x\n", head + "seeds: 0\n",
		"does: x\nbias: y\ncaught: [P1]\nscenarios: [steady]\n",
	} {
		_, err := parse("W3", []byte(bad))
		require.Error(t, err, bad)
	}
}
