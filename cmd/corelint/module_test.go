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

// root is the module's directory, relative to this package.
const root = "../.."

var listModule = sync.OnceValues(func() ([]*listed, error) {
	return list(root, "", []string{"./..."})
})

// wholeModule lists the packages of the module, once for all tests. The go
// command compiles only what has changed, as for any other test; with tags it
// would compile everything again.
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

	// The go command caches a passed test until a file that the test has opened
	// changes. The analyzer opens every file that it checks. The directories
	// are opened too, so that a new file ends the caching.
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

// Checking one package at a time is enough only if all packages that a core
// package imports, directly or not, keep the core's rules too.
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
		"indirect imports are found, too")
}

// notCore lists, for every core package, the packages of the module that it
// imports, over any number of steps, and that are not core.
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
