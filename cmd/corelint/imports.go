package main

import (
	"go/ast"
	"slices"
	"strconv"

	"golang.org/x/tools/go/analysis"
)

// checkImport checks one import of package pkg, a path relative to the module.
func checkImport(pass *analysis.Pass, pkg string, test bool, spec *ast.ImportSpec) {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return // the compiler reports it
	}
	if imported, ok := ours(path); ok {
		checkOurs(pass, pkg, imported, test, spec)
		return
	}
	if test {
		return
	}
	if !isCore(pkg) {
		checkModule(pass, pkg, path, spec)
		return
	}
	switch {
	case slices.Contains(coreStd, path), slices.Contains(coreStdUsers[path], pkg):
	case isStd(path):
		pass.Reportf(spec.Pos(), "core package %s imports %s: %s", pkg, path, instead(path))
	default:
		users, listed := coreModules[path]
		if !listed || !slices.Contains(users, "*") && !slices.Contains(users, pkg) {
			pass.Reportf(spec.Pos(), "core package %s imports %s: %s", pkg, path, instead(path))
		}
	}
}

// checkModule checks the import of another module by a package for which the table of its
// room bounds such imports.
func checkModule(pass *analysis.Pass, pkg, path string, spec *ast.ImportSpec) {
	room := roomOf(pkg)
	if room == nil || isStd(path) {
		return
	}
	if allowed, bounded := room.modules[pkg]; bounded && !slices.Contains(allowed, path) {
		pass.Reportf(spec.Pos(),
			"%s must not import %s (modules of %s in cmd/corelint/rooms.go): %s",
			pkg, path, room.table, room.advice)
	}
}

// checkOurs checks the import of one of our packages by another.
func checkOurs(pass *analysis.Pass, pkg, imported string, test bool, spec *ast.ImportSpec) {
	room := roomOf(pkg)
	switch {
	case pkg == imported: // an external test of its own package
	case within(imported, "cmd") && !within(pkg, "cmd"):
		pass.Reportf(spec.Pos(), "%s imports %s: nothing imports cmd; move what is shared to a "+
			"package of its own", pkg, imported)
	case test && (room == nil || !room.tests):
	case !test && isReal(imported) && !within(pkg, "cmd"):
		pass.Reportf(spec.Pos(), "%s imports %s, which is for cmd and tests: %s",
			pkg, imported, realWorld[imported])
	case room != nil:
		if !room.allows(pkg, imported) {
			pass.Reportf(spec.Pos(), "%s must not import %s (%s in cmd/corelint/rooms.go): %s",
				pkg, imported, room.table, room.advice)
		}
	case product(pkg) && !product(imported):
		pass.Reportf(spec.Pos(),
			"%s imports %s: what runs in production must not import the simulator; "+
				"use the contracts netsim, diskfs and broker/loop", pkg, imported)
	}
}

func isReal(pkg string) bool {
	_, ok := realWorld[pkg]
	return ok
}

// product reports whether a package is part of a node. The binary is not: its
// subcommands also run the simulator.
func product(pkg string) bool {
	return within(pkg, "broker") || within(pkg, "netsim") || within(pkg, "diskfs")
}
