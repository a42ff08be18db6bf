package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// repository is what the pages speak of: Go packages, planted bugs, stories.
type repository struct {
	files    fs.FS
	packages map[string]map[string]bool // by directory: the names that it declares
}

func newRepository(files fs.FS) *repository {
	return &repository{files: files, packages: map[string]map[string]bool{}}
}

func (r *repository) has(name string) bool {
	_, err := fs.Stat(r.files, name)
	return err == nil
}

// read returns a file that the caller has found before.
func (r *repository) read(name string) string {
	b, err := fs.ReadFile(r.files, name)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// names are the files with one of the endings, without those that make writes.
func (r *repository) names(endings ...string) (all []string) {
	err := fs.WalkDir(r.files, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "out"}, name):
			return fs.SkipDir
		case !d.IsDir() && slices.Contains(endings, path.Ext(name)):
			all = append(all, name)
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	return all
}

// declares reports whether there is such a name: "broker/wal.Log.Append" is
// Append, a method or field of type Log, in the package of directory broker/wal.
func (r *repository) declares(symbol string) bool {
	slash := strings.LastIndexByte(symbol, '/') + 1
	pkg, name, ok := strings.Cut(symbol[slash:], ".")
	return ok && r.declared(symbol[:slash] + pkg)[name]
}

// declared are the names that a package declares, its test files included.
func (r *repository) declared(dir string) map[string]bool {
	if names, ok := r.packages[dir]; ok {
		return names
	}
	names := map[string]bool{}
	r.packages[dir] = names
	entries, err := fs.ReadDir(r.files, dir)
	if err != nil {
		return names
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		name := path.Join(dir, e.Name())
		const mode = parser.SkipObjectResolution
		file, err := parser.ParseFile(token.NewFileSet(), name, r.read(name), mode)
		if err != nil {
			continue // the compiler will say it
		}
		for _, d := range file.Decls {
			declare(names, d)
		}
	}
	return names
}

func declare(names map[string]bool, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names[d.Name.Name] = true
			return
		}
		names[receiver(d.Recv.List[0].Type)+"."+d.Name.Name] = true
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				names[s.Name.Name] = true
				declareMembers(names, s)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names[n.Name] = true
				}
			}
		}
	}
}

func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

func declareMembers(names map[string]bool, s *ast.TypeSpec) {
	var members *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		members = t.Fields
	case *ast.InterfaceType:
		members = t.Methods
	default:
		return
	}
	for _, m := range members.List {
		for _, n := range m.Names {
			names[s.Name.Name+"."+n.Name] = true
		}
	}
}
