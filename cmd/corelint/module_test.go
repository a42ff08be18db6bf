package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the module's directory, as seen from here.
const root = "../.."

var listModule = sync.OnceValues(func() ([]*listed, error) {
	return list(root, "", []string{"./..."})
})

// wholeModule lists the packages of the module, once for all tests. The go
// command compiles what has changed, as it does for any other test: tags would
// have it compile all of it again.
func wholeModule(t *testing.T) []*listed {
	t.Helper()
	packages, err := listModule()
	require.NoError(t, err)
	return packages
}

// The whole module keeps the rules, so that `go test ./...` enforces them.
func TestTheModuleKeepsTheRules(t *testing.T) {
	packages := wholeModule(t)
	found, err := checkAll(packages)
	for _, f := range found {
		t.Error(f)
	}
	require.NoError(t, err)

	// The go command remembers a passed test until something that the test has
	// opened changes. The analyzer opens every file that it checks; opening the
	// directories makes a new file count as well.
	require.NoError(t, filepath.WalkDir(root,
		func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return err
			}
			if name := entry.Name(); name == "testdata" ||
				len(name) > 2 && strings.HasPrefix(name, ".") {
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
	packages := wholeModule(t)
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
	require.Subset(t, notCore(imports),
		[]string{"broker/limits imports checker", "broker/limits imports sim through checker"},
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
				walk(to, " through "+to)
			}
		}
		walk(pkg, "")
	}
	slices.Sort(found)
	return found
}
