package main

import (
	"go/ast"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer checks one package.
var Analyzer = &analysis.Analyzer{
	Name: "corelint",
	Doc:  "checks that the core is deterministic and that imports go one way",
	Run:  run,
}

func run(pass *analysis.Pass) (any, error) {
	pkg, ok := ours(strings.TrimSuffix(pass.Pkg.Path(), "_test"))
	if !ok {
		return nil, nil
	}
	if room := roomOf(pkg); room != nil && !room.lists(pkg) {
		if first := firstFile(pass); first != nil {
			pass.Reportf(first.Name.Pos(), "%s has no place in the import order: list it in %s "+
				"(cmd/corelint/rooms.go) with the packages it may import", pkg, room.table)
		}
	}
	for _, file := range pass.Files {
		test := isTest(pass, file)
		for _, spec := range file.Imports {
			checkImport(pass, pkg, test, spec)
		}
		if isCore(pkg) && !test {
			c := newCoreCheck(pass, file)
			ast.Inspect(file, c.visit)
			c.finish()
		}
	}
	return nil, nil
}

func isTest(pass *analysis.Pass, file *ast.File) bool {
	return strings.HasSuffix(pass.Fset.File(file.Package).Name(), "_test.go")
}

// firstFile is the first file that is no test file.
func firstFile(pass *analysis.Pass) *ast.File {
	for _, file := range pass.Files {
		if !isTest(pass, file) {
			return file
		}
	}
	return nil
}
