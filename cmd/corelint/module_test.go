package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The whole module keeps the rules, so that `go test ./...` enforces them.
func TestTheModuleKeepsTheRules(t *testing.T) {
	const root = "../.."
	found, err := check(root, "", "./...")
	for _, f := range found {
		t.Error(f)
	}
	require.NoError(t, err)

	// The go command remembers a passed test until something that the test has
	// opened changes. The analyzer opens every file that it checks; opening the
	// directories makes a new file count as well.
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name := entry.Name(); name == "testdata" || len(name) > 2 && strings.HasPrefix(name, ".") {
			return fs.SkipDir
		}
		dir, err := os.Open(path)
		if err != nil {
			return err
		}
		return dir.Close()
	}))
}

// The rules for one package at a time add up only if whatever a core package
// imports, at any distance, is held to the core's rules itself.
func TestWhatTheCoreImportsIsCore(t *testing.T) {
	packages, err := list("../..", "", []string{"./..."})
	require.NoError(t, err)
	imports := map[string][]string{}
	for _, p := range packages {
		if pkg, ok := ours(p.ImportPath); ok {
			imports[pkg] = p.Imports
		}
	}
	require.NotEmpty(t, imports["broker/node"])
	require.Empty(t, notCore(imports))

	imports["broker/limits"] = append(imports["broker/limits"], module+"/checker")
	imports["checker"] = []string{module + "/sim"}
	require.Subset(t, notCore(imports), []string{"broker/limits imports checker", "broker/limits imports sim by way of checker"},
		"a package behind another is seen, too")
}

// notCore lists, for every core package, what of the module it imports and is
// not core, over any number of steps.
func notCore(imports map[string][]string) (found []string) {
	for pkg := range imports {
		if !isCore(pkg) {
			continue
		}
		seen := map[string]bool{}
		var walk func(from, via string)
		walk = func(from, via string) {
			for _, path := range imports[from] {
				to, ok := ours(path)
				if !ok || seen[to] {
					continue
				}
				seen[to] = true
				if !isCore(to) {
					found = append(found, pkg+" imports "+to+via)
				}
				walk(to, " by way of "+to)
			}
		}
		walk(pkg, "")
	}
	slices.Sort(found)
	return found
}
