package mark_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/mark"
)

func TestMarksHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range mark.All() {
		pkg, what, ok := strings.Cut(name, ": ")
		require.True(t, ok && pkg != "" && what != "", "%q", name)
		require.False(t, seen[name], name)
		seen[name] = true
	}
	require.GreaterOrEqual(t, len(seen), 50)
}

func TestHitsAreCounted(t *testing.T) {
	mark.Reset()
	mark.Hit(mark.LeaseExpired)
	mark.HitIf(true, mark.LeaseExpired)
	mark.HitIf(false, mark.WALTornTail)
	counts := mark.Counts()
	require.Len(t, counts, len(mark.All()))
	require.EqualValues(t, 2, counts[mark.LeaseExpired])
	require.Zero(t, counts[mark.WALTornTail])
	mark.Reset()
	require.Zero(t, mark.Counts()[mark.LeaseExpired])
}

// A mark without a place in the code could never be hit. A mark in another package than its name
// says would mislead the reader.
func TestEveryMarkHasAPlace(t *testing.T) {
	places := map[string]string{} // constant to package
	require.NoError(t, filepath.WalkDir("..",
		func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") ||
				strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil,
				parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if name, ok := ofMark(call.Fun); ok && (name == "Hit" || name == "HitIf") {
					if constant, ok := ofMark(call.Args[len(call.Args)-1]); ok {
						places[constant] = filepath.Base(filepath.Dir(path))
					}
				}
				return true
			})
			return nil
		}))
	for constant, name := range declared(t) {
		pkg, _, _ := strings.Cut(name, ":")
		require.Equal(t, pkg, places[constant],
			"mark.%s: no place in the code, or in another package than its name says", constant)
	}
}

// ofMark returns X of mark.X.
func ofMark(e ast.Expr) (string, bool) {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return sel.Sel.Name, ok && pkg.Name == "mark"
}

// declared reads constants and names from the table.
func declared(t *testing.T) map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), "table.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	names := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			names[kv.Key.(*ast.Ident).Name] = text(t, kv.Value)
		}
		return true
	})
	require.Len(t, names, len(mark.All()))
	return names
}

// text is the value of a string constant, which may consist of several parts.
func text(t *testing.T, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		require.NoError(t, err)
		return value
	case *ast.BinaryExpr:
		return text(t, e.X) + text(t, e.Y)
	}
	require.Failf(t, "no string constant", "%T", e)
	return ""
}

func TestFewMarksAreNotDemandedAndEachSaysWhy(t *testing.T) {
	seldom := 0
	for _, name := range mark.All() {
		if !mark.Demanded(name) {
			seldom++
		}
	}
	require.Positive(t, seldom)
	require.Less(t, seldom, len(mark.All())/10)
	require.True(t, mark.Demanded(mark.LeaseExpired.String()))
}
