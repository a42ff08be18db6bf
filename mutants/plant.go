package mutants

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Dir is the directory in the source tree into which the command "lockstep
// mutants overlay" plants the bugs, and Overlay the name of the overlay there.
const (
	Dir     = "out/mutants"
	Overlay = "overlay.json"
)

// Plant writes the program of a source tree with all its planted bugs into dir:
// the files that differ from the tree's, and the overlay with which go build
// uses them. It returns the overlay's absolute path. The copies in dir do not
// have names of Go files, so dir may be inside the tree.
func Plant(tree, dir string) (overlay string, err error) {
	contents, err := Plan(os.DirFS(tree))
	if err != nil {
		return "", err
	}
	if tree, err = filepath.Abs(tree); err != nil {
		return "", fmt.Errorf("mutants: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", fmt.Errorf("mutants: %w", err)
	}
	replace := map[string]string{}
	for path, text := range contents {
		file := filepath.Join(dir, filepath.FromSlash(path)+".planted")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", fmt.Errorf("mutants: %w", err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("mutants: %w", err)
		}
		replace[filepath.Join(tree, filepath.FromSlash(path))] = file
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return "", fmt.Errorf("mutants: overlay: %w", err)
	}
	overlay = filepath.Join(dir, Overlay)
	if err := os.WriteFile(overlay, text, 0o644); err != nil {
		return "", fmt.Errorf("mutants: %w", err)
	}
	return overlay, nil
}

// Plan makes the edits of all bugs in a source tree's directory mutants. It
// returns the text of each file that differs from the tree's, by its path in
// the tree. If there are several errors, it returns all of them.
func Plan(tree fs.FS) (map[string]string, error) {
	module, err := modulePath(tree)
	if err != nil {
		return nil, err
	}
	dir, err := fs.Sub(tree, "mutants")
	if err != nil {
		return nil, fmt.Errorf("mutants: %w", err)
	}
	all, err := Load(dir)
	if err != nil {
		return nil, err
	}
	p := planter{
		tree: tree, switches: module + "/mutants/switches",
		sources: map[string]string{}, changes: map[string][]change{}, planted: map[string]string{},
	}
	for _, m := range all {
		p.checkSwitches(&m)
		p.locate(&m)
	}
	for _, path := range slices.Sorted(maps.Keys(p.changes)) {
		p.edit(path)
	}
	for _, m := range all {
		p.add(&m)
	}
	p.planted["mutants/switches/switches.go"] = switches(all)
	p.planted["mutants/built.go"] = "package mutants\n\nconst Built = true\n"
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return p.planted, nil
}

// planter makes one plan.
type planter struct {
	tree     fs.FS
	switches string              // import path of the package of switches
	sources  map[string]string   // of the files that are edited, by path
	changes  map[string][]change // the same files' changes
	planted  map[string]string
	errs     []error
}

// change is an edit and its place in the file.
type change struct {
	span
	bug  string
	edit *Edit
}

func (p *planter) fail(bug, path string, err error) {
	p.errs = append(p.errs, fmt.Errorf("mutants: %s: %s: %w", bug, path, err))
}

// locate finds the places of a bug's edits.
func (p *planter) locate(m *Mutant) {
	for i := range m.Edits {
		e := &m.Edits[i]
		source, ok := p.sources[e.File]
		if !ok {
			text, err := fs.ReadFile(p.tree, e.File)
			if err != nil {
				p.fail(m.ID, e.File, err)
				continue
			}
			source = string(text)
			p.sources[e.File] = source
		}
		at, err := e.locate(source)
		if err != nil {
			p.fail(m.ID, e.File, err)
			continue
		}
		p.changes[e.File] = append(p.changes[e.File], change{at, m.ID, e})
	}
}

// reference is the use of a switch.
var reference = regexp.MustCompile(`\bmutant\.(\w+)`)

// checkSwitches demands that a bug uses its own switch and no other switch.
func (p *planter) checkSwitches(m *Mutant) {
	used := false
	check := func(path, text string) {
		for _, match := range reference.FindAllStringSubmatch(text, -1) {
			if match[1] != m.ID {
				p.fail(m.ID, path, fmt.Errorf("it uses the switch of another bug, %s", match[0]))
			}
			used = used || match[1] == m.ID
		}
	}
	for _, e := range m.Edits {
		check(e.File, e.Plant)
	}
	for _, path := range slices.Sorted(maps.Keys(m.Adds)) {
		check(path, m.Adds[path])
	}
	if !used {
		p.errs = append(p.errs, fmt.Errorf("mutants: %s: nothing uses its switch, mutant.%[1]s",
			m.ID))
	}
}

// edit makes all changes of one file.
func (p *planter) edit(path string) {
	source, changes := p.sources[path], p.changes[path]
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	var text strings.Builder
	var bugs, imports []string
	done := 0
	for i, c := range changes {
		if c.begin < done {
			p.fail(c.bug, path, fmt.Errorf("its edit overlaps with one of %s: %s",
				changes[i-1].bug, c.edit.text()))
			return
		}
		text.WriteString(source[done:c.begin])
		text.WriteString(c.edit.Plant)
		if c.edit.wholeLines() && !strings.HasSuffix(c.edit.Plant, "\n") {
			text.WriteByte('\n')
		}
		done = c.end
		bugs = append(bugs, c.bug)
		imports = append(imports, c.edit.Imports...)
	}
	text.WriteString(source[done:])
	p.finish(strings.Join(slices.Compact(bugs), ", "), path, text.String(), imports)
}

// add adds a bug's own files, which the tree must not have.
func (p *planter) add(m *Mutant) {
	for _, path := range slices.Sorted(maps.Keys(m.Adds)) {
		_, err := fs.Stat(p.tree, path)
		_, twice := p.planted[path]
		if twice || !errors.Is(err, fs.ErrNotExist) {
			p.fail(m.ID, path, errors.New("it adds a file that is there already"))
			continue
		}
		p.finish(m.ID, path, m.Adds[path], nil)
	}
}

// finish adds the imports that a file's planted code needs. They are on the
// line of the package clause, so that the lines before the first edit keep
// their numbers.
func (p *planter) finish(bugs, path, text string, imports []string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		p.fail(bugs, path, fmt.Errorf("what is planted is not Go: %w", err))
		return
	}
	clause := ""
	if reference.MatchString(text) {
		clause = fmt.Sprintf("; import mutant %q", p.switches)
	}
	slices.Sort(imports)
	for _, path := range slices.Compact(imports) {
		has := func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) }
		if !slices.ContainsFunc(file.Imports, has) {
			clause += fmt.Sprintf("; import %q", path)
		}
	}
	at := files.Position(file.Name.End()).Offset
	p.planted[path] = text[:at] + clause + text[at:]
}

// modulePath reads the tree's import path from its go.mod.
func modulePath(tree fs.FS) (string, error) {
	text, err := fs.ReadFile(tree, "go.mod")
	if err != nil {
		return "", fmt.Errorf("mutants: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "module" {
			return f[1], nil
		}
	}
	return "", errors.New("mutants: go.mod names no module")
}
