package mutants

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		require.Equal(t, m.Twice, slices.Contains(m.Caught, TwoRunsDiffer), m.ID)
		require.True(t, i == 0 || compare(all[i-1], m) < 0, m.ID)
	}
	_, ok := Find("X1")
	require.False(t, ok)
}

func TestEachTestOfABugIsThere(t *testing.T) {
	for _, m := range Table() {
		for _, test := range m.Tests {
			dir, name, _ := strings.Cut(test, " ")
			files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
			require.NoError(t, err)
			require.True(t, slices.ContainsFunc(files, func(file string) bool {
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				return strings.Contains(string(text), "\nfunc "+name+"(")
			}), "%s: %s", m.ID, test)
		}
	}
}

func TestAnIncompleteBugIsRefused(t *testing.T) {
	_, err := parse("W3", []byte(head))
	require.NoError(t, err)
	_, err = parse("W3", []byte("does: x\nbias: y\ntests: [a/b TestX]\n"))
	require.NoError(t, err)
	for _, bad := range []string{
		"", "does: x\n", head + "seeds: 0\n",
		"does: x\nbias: y\ncaught: [P1]\nscenarios: [steady]\n",
		head + "tests: [a TestX]\n", "does: x\nbias: y\ntests: [TestX]\n",
	} {
		_, err := parse("W3", []byte(bad))
		require.Error(t, err, bad)
	}
}
