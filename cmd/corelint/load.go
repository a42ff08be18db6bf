package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/analysis"
)

// listed is what `go list` says of a package.
type listed struct {
	ImportPath     string
	Dir            string
	Export         string // file with the types, for importers
	DepOnly        bool
	Imports        []string
	GoFiles        []string
	CgoFiles       []string
	TestGoFiles    []string
	XTestGoFiles   []string
	IgnoredGoFiles []string
	ImportMap      map[string]string
	Error          *struct{ Err string }
}

const listFields = "-json=ImportPath,Dir,Export,DepOnly,Imports,GoFiles,CgoFiles," +
	"TestGoFiles,XTestGoFiles,IgnoredGoFiles,ImportMap,Error"

// finding is one violation, printed as file:line:column: message.
type finding struct {
	position token.Position
	message  string
}

func (f finding) String() string { return fmt.Sprintf("%s: %s", f.position, f.message) }

// check runs the analyzer over packages of the module in dir. An error means
// that some of them could not be checked.
func check(dir, tags string, patterns ...string) ([]finding, error) {
	packages, err := list(dir, tags, patterns)
	if err != nil {
		return nil, err
	}
	return checkAll(packages)
}

// checkAll runs the analyzer over listed packages, except those that are listed
// only as dependencies.
func checkAll(packages []*listed) ([]finding, error) {
	fset := token.NewFileSet()
	imports := exportImporter(fset, packages)
	var found []finding
	var failed error
	for _, p := range packages {
		if p.DepOnly {
			continue
		}
		findings, err := checkPackage(fset, imports, p)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s cannot be checked: %w", p.ImportPath, err))
		}
		found = append(found, findings...)
	}
	slices.SortFunc(found, func(a, b finding) int {
		return bytes.Compare([]byte(a.String()), []byte(b.String()))
	})
	return found, failed
}

// list asks the go command for packages, their dependencies, and export data of all.
func list(dir, tags string, patterns []string) ([]*listed, error) {
	args := append([]string{"list", "-e", "-deps", "-export", "-tags=" + tags, listFields},
		patterns...)
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("corelint: go list: %w\n%s", err, stderr.Bytes())
	}
	var packages []*listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := dec.Decode(p); err == io.EOF {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("corelint: go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// exportImporter imports the types of any listed package.
func exportImporter(fset *token.FileSet, packages []*listed) types.Importer {
	exports := map[string]string{}
	for _, p := range packages {
		exports[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data of %s: it does not compile", path)
		}
		return os.Open(exports[path])
	})
}

// checkPackage type-checks the files of the build and parses the others: the
// rules for test files are about imports only, and files that build tags leave
// out are checked for the rules that need no types.
func checkPackage(fset *token.FileSet, imports types.Importer, p *listed) ([]finding, error) {
	if p.Error != nil && len(p.GoFiles) == 0 {
		return nil, errors.New(p.Error.Err)
	}
	parse := func(names []string, mode parser.Mode) (files []*ast.File, err error) {
		for _, name := range names {
			file, parseErr := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, mode)
			err = errors.Join(err, parseErr)
			if parseErr == nil {
				files = append(files, file)
			}
		}
		return files, err
	}
	built, err := parse(slices.Concat(p.GoFiles, p.CgoFiles),
		parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	tests, err := parse(slices.Concat(p.TestGoFiles, p.XTestGoFiles), parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	ignored, err := parse(p.IgnoredGoFiles, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return analyze(fset, mapped{imports, p.ImportMap}, p.ImportPath, built,
		slices.Concat(tests, ignored))
}

// mapped resolves import paths that the build renames (vendoring in std).
type mapped struct {
	types.Importer
	paths map[string]string
}

func (m mapped) Import(path string) (*types.Package, error) {
	if to, ok := m.paths[path]; ok {
		path = to
	}
	return m.Importer.Import(path)
}

// analyze runs the analyzer over one package.
func analyze(
	fset *token.FileSet, imports types.Importer, path string, built, others []*ast.File,
) ([]finding, error) {
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{},
		Defs:  map[*ast.Ident]types.Object{},
		Uses:  map[*ast.Ident]types.Object{},
	}
	var typeError error // the first; the rest often follows from it
	config := types.Config{Importer: imports, FakeImportC: true, Error: func(err error) {
		if typeError == nil {
			typeError = err
		}
	}}
	pkg, _ := config.Check(path, fset, built, info) // errors come to config.Error
	var found []finding
	pass := &analysis.Pass{
		Analyzer: Analyzer, Fset: fset, Files: slices.Concat(built, others), Pkg: pkg,
		TypesInfo: info, Report: func(d analysis.Diagnostic) {
			found = append(found, finding{fset.Position(d.Pos), d.Message})
		},
	}
	_, err := Analyzer.Run(pass)
	return found, errors.Join(typeError, err)
}
