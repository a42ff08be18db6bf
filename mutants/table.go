package mutants

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Mutant is one planted bug.
type Mutant struct {
	// ID is the name of the bug's file and switch: the letter of its group and
	// a number, and a letter if there are variants of one bug.
	ID string `yaml:"-"`
	// Does is what the broker does wrong, in a sentence.
	Does string `yaml:"does"`
	// Caught are the properties that the bug breaks: the name of a property, or the number of one,
	// such as P3, for all of its parts. After " | " comes the beginning of the detail, where many
	// bugs break one property. A run that fails for any other reason says nothing about the bug.
	Caught []string `yaml:"caught"`
	// Scenarios are the simulator's scenarios that show it, and Bias why they do.
	Scenarios []string `yaml:"scenarios"`
	Bias      string   `yaml:"bias"`
	// Seeds is how many seeds of each scenario it may survive.
	Seeds int `yaml:"seeds"`
	// Tests are tests that fail with the bug, as "directory TestName": of code that the simulator
	// does not run, or of counts that no run reaches. A bug has them or scenarios.
	Tests []string `yaml:"tests"`
	// Twice: the bug breaks no property of a run, but two runs of a seed differ.
	Twice bool `yaml:"twice"`
	// Edits and Adds are the bug itself: changes of the source tree's files, and files
	// that it does not have, by path.
	Edits []Edit            `yaml:"edits"`
	Adds  map[string]string `yaml:"adds"`
}

// Edit replaces one text of a file. See the package's documentation.
type Edit struct {
	File    string   `yaml:"file"`
	In      string   `yaml:"in"`
	Find    string   `yaml:"find"`
	Plant   string   `yaml:"plant"`
	Imports []string `yaml:"imports"`
}

// TwoRunsDiffer is the property that a bug breaks if it makes runs differ.
const TwoRunsDiffer = "two runs of one seed are equal"

//go:embed *.yaml
var files embed.FS

var table = sync.OnceValue(func() []Mutant {
	all, err := Load(files)
	if err != nil {
		panic(err) // the package's tests load the same files
	}
	return all
})

// Table lists the planted bugs, group by group.
func Table() []Mutant { return slices.Clone(table()) }

// Find returns a planted bug by its ID.
func Find(id string) (Mutant, bool) {
	i := slices.IndexFunc(table(), func(m Mutant) bool { return m.ID == id })
	if i < 0 {
		return Mutant{}, false
	}
	return table()[i], true
}

// Load reads the bugs' files in the root of dir, in the order of [Table].
func Load(dir fs.FS) ([]Mutant, error) {
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("mutants: %w", err)
	}
	var all []Mutant
	var errs []error
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("mutants: %w", err)
		}
		m, err := parse(strings.TrimSuffix(name, path.Ext(name)), text)
		if err != nil {
			errs = append(errs, fmt.Errorf("mutants: %s: %w", name, err))
		}
		all = append(all, m)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(all, compare)
	return all, nil
}

// parse reads the file of the bug id.
func parse(id string, text []byte) (Mutant, error) {
	var m Mutant
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil {
		return m, err
	}
	m.ID = id
	return m, m.validate()
}

// groups are the letters that IDs begin with, in the order of the table.
const groups = "LRMWIFCGTESOD"

var form = regexp.MustCompile("^[" + groups + "][0-9]+[a-h]?$")

var testForm = regexp.MustCompile(`^[a-z/]+ Test\w+$`)

// validate refuses a bug with missing or malformed fields.
func (m *Mutant) validate() error {
	switch {
	case !form.MatchString(m.ID):
		return fmt.Errorf("%q is not a bug's ID, such as W3 or W4b", m.ID)
	case m.Does == "" || m.Bias == "":
		return errors.New("does and bias must be given")
	case len(m.Tests) > 0 && (len(m.Caught) > 0 || len(m.Scenarios) > 0 || m.Seeds != 0):
		return errors.New("a bug has either tests, or caught, scenarios and seeds")
	case len(m.Tests) == 0 && (len(m.Caught) == 0 || len(m.Scenarios) == 0 || m.Seeds <= 0):
		return errors.New("caught, scenarios and seeds must be given, or tests")
	}
	for _, test := range m.Tests {
		if !testForm.MatchString(test) {
			return fmt.Errorf("%q is not a directory and the name of a test", test)
		}
	}
	for _, e := range m.Edits {
		switch {
		case e.File == "":
			return errors.New("an edit must name its file")
		case strings.TrimSpace(e.Find) == "":
			return fmt.Errorf("%s: an edit must say what text it finds", e.File)
		}
	}
	return nil
}

// compare orders by group, then number, then letter.
func compare(a, b Mutant) int {
	return cmp.Or(
		cmp.Compare(strings.IndexByte(groups, a.ID[0]), strings.IndexByte(groups, b.ID[0])),
		cmp.Compare(number(a.ID), number(b.ID)),
		cmp.Compare(a.ID, b.ID))
}

func number(id string) int {
	n, _ := strconv.Atoi(strings.TrimRight(id[1:], "abcdefgh")) // validate checks the form
	return n
}
