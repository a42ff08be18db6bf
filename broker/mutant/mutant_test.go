package mutant

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTableIsComplete(t *testing.T) {
	form := regexp.MustCompile("^[" + groups + "][0-9]+[a-h]?$")
	seen := map[string]bool{}
	for _, m := range Table() {
		require.False(t, seen[m.Name], m.Name)
		seen[m.Name] = true
		require.Regexp(t, form, m.Name)
		require.NotEmpty(t, m.Does, m.Name)
		require.NotEmpty(t, m.Caught, m.Name)
		require.NotEmpty(t, m.Scenarios, m.Name)
		require.NotEmpty(t, m.Bias, m.Name)
		require.Positive(t, m.Seeds, m.Name)
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

// A build sees only one of the two sets of files, so their sources are compared.
func TestTableSwitchesAndCodeAgree(t *testing.T) {
	for area, table := range map[string][]Mutant{"log": logTable(), "replication": replicationTable(), "control": controlTable(), "determinism": determinismTable()} {
		var want []string
		for _, m := range table {
			want = append(want, m.Name)
		}
		require.ElementsMatch(t, want, declared(t, "on_"+area+".go", "bool"))
		require.ElementsMatch(t, want, declared(t, "off_"+area+".go", "false"))
	}
	used := usedInTheBroker(t)
	for _, m := range Table() {
		require.True(t, used[m.Name], "%s is planted nowhere", m.Name)
	}
}

// declared returns the names that a file declares with the type or value is.
func declared(t *testing.T, file, is string) []string {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	var names []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !isIdent(spec.Type, is) && !(len(spec.Values) == 1 && isIdent(spec.Values[0], is)) {
			return true
		}
		for _, name := range spec.Names {
			names = append(names, name.Name)
		}
		return true
	})
	return names
}

func isIdent(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}

// usedInTheBroker returns the switches that the broker's code, without its
// tests, refers to.
func usedInTheBroker(t *testing.T) map[string]bool {
	reference := regexp.MustCompile(`\bmutant\.([A-Z][0-9]+[a-h]?)\b`)
	used := map[string]bool{}
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			filepath.Dir(path) == filepath.Join("..", "mutant") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range reference.FindAllSubmatch(text, -1) {
			used[string(match[1])] = true
		}
		return err
	}))
	return used
}
