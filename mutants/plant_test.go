package mutants

import (
	"go/build"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// Every bug can be planted in the present source tree. If the code that an edit
// names has changed, this fails.
func TestAllBugsCanBePlanted(t *testing.T) {
	planted, err := Plan(os.DirFS(".."))
	require.NoError(t, err)
	require.Contains(t, planted["mutants/built.go"], "Built = true")
}

// An ordinary build has no planted bugs.
func TestTheBrokerKnowsNoBug(t *testing.T) {
	check := func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		require.False(t, reference.Match(text), path)
		return err
	}
	require.NoError(t, filepath.WalkDir("../broker", check))
	require.False(t, Built)
}

const (
	head = "does: wrong\ncaught: [P1]\nscenarios: [steady]\nbias: none\nseeds: 1\n"
	// logFile holds texts that occur once, twice, and twice but once in a
	// function.
	logFile = `package wal // the log

import "errors"

type log struct {
	size  int
	next  int
}

func (l *log) submit() error {
	if l.size > 0 {
		return errors.New("full")
	}
	return nil
}

func (l log) close() error {
	if l.size > 0 {
		l.size = 0
	}
	return nil
}
`
)

// tree is a source tree with logFile and the bugs' files, by ID.
func tree(bugs map[string]string) fstest.MapFS {
	files := fstest.MapFS{
		"go.mod":    {Data: []byte("module example.org/x\n")},
		"wal/it.go": {Data: []byte(logFile)},
	}
	for id, text := range bugs {
		files["mutants/"+id+".yaml"] = &fstest.MapFile{Data: []byte(head + text)}
	}
	return files
}

func TestEditsReplaceTextsAndAddFiles(t *testing.T) {
	planted, err := Plan(tree(map[string]string{
		"W1": `
edits:
  - file: wal/it.go
    in: (*log).submit
    find: |
      if l.size > 0 {
      return errors.New("full")
    plant: |
      if l.size > 0 && !mutant.W1 {
        fmt.Println()
        return errors.New("full")
    imports: [fmt, errors]
`,
		"W2": `
edits:
  - {file: wal/it.go, in: log.close, find: l.size > 0, plant: mutant.W2 || l.size > 0}
  - {file: wal/it.go, in: log, find: next int, plant: next int; more rest, imports: [fmt]}
adds:
  wal/rest.go: |
    package wal

    type rest struct{}
`}))
	require.NoError(t, err)
	want := strings.NewReplacer(
		"package wal", `package wal; import mutant "example.org/x/mutants/switches"; import "fmt"`,
		"submit() error {\n\tif l.size > 0 {\n\t\t",
		"submit() error {\n\tif l.size > 0 && !mutant.W1 {\n  fmt.Println()\n  ",
		"close() error {\n\tif l", "close() error {\n\tif mutant.W2 || l",
		"next  int", "next int; more rest",
	).Replace(logFile)
	require.Equal(t, want, planted["wal/it.go"])
	require.Equal(t, "package wal\n\ntype rest struct{}\n", planted["wal/rest.go"])
	require.Contains(t, planted["mutants/switches/switches.go"], "W1, W2 bool")
}

func TestEditsThatDoNotFitAreRefused(t *testing.T) {
	edit := func(find, plant string) string {
		return "edits:\n- {file: wal/it.go, find: '" + find + "', plant: '" + plant + "'}\n"
	}
	for _, c := range []struct{ w1, w2, want string }{
		{w1: edit("l.size > 1", "mutant.W1"),
			want: "mutants: W1: wal/it.go: this text no longer occurs: l.size > 1"},
		{w1: edit("l.size > 0", "mutant.W1"),
			want: "mutants: W1: wal/it.go: this text occurs 2 times: l.size > 0"},
		{w1: "edits:\n- file: wal/it.go\n  find: |\n    l.size > 0 {\n  plant: mutant.W1 {\n",
			want: "mutants: W1: wal/it.go: this text no longer occurs: l.size > 0 {"},
		{w1: "edits: [{file: wal/it.go, in: log, find: submit, plant: mutant.W1}]\n",
			want: "mutants: W1: wal/it.go: this text no longer occurs in log: submit"},
		{w1: "edits: [{file: wal/it.go, in: log.submit, find: size, plant: mutant.W1}]\n",
			want: "0 functions, methods or types are called log.submit"},
		{w1: "edits: [{file: wal/no.go, find: x, plant: mutant.W1}]\n",
			want: "mutants: W1: wal/no.go: open wal/no.go: file does not exist"},
		{w1: edit(`New("full`, "mutant.W1"), w2: edit(`"full")`, "mutant.W2"),
			want: `mutants: W2: wal/it.go: its edit overlaps with one of W1: "full")`},
		{w1: edit("full", "none"),
			want: "mutants: W1: nothing uses its switch, mutant.W1"},
		{w1: "edits: []\n",
			want: "mutants: W1: nothing uses its switch, mutant.W1"},
		{w1: edit("full", "mutant.W12"),
			want: "mutants: W1: wal/it.go: it uses the switch of another bug, mutant.W12"},
		{w1: edit("return errors", "if mutant.W1"),
			want: "mutants: W1: wal/it.go: what is planted is not Go"},
		{w1: `adds: {wal/it.go: "package wal // mutant.W1"}`,
			want: "mutants: W1: wal/it.go: it adds a file that is there already"},
		{w1: "edit: []\n",
			want: "mutants: W1.yaml: yaml: unmarshal errors:\n  line 6: field edit not found"},
		{w1: edit(" ", "mutant.W1"),
			want: "mutants: W1.yaml: wal/it.go: an edit must say what text it finds"},
	} {
		bugs := map[string]string{"W1": c.w1}
		if c.w2 != "" {
			bugs["W2"] = c.w2
		}
		_, err := Plan(tree(bugs))
		require.ErrorContains(t, err, c.want)
	}
	_, err := Plan(tree(map[string]string{"w": ""}))
	require.ErrorContains(t, err, `mutants: w.yaml: "w" is not a bug's ID`)
}

// For the go command the copies in an overlay must not be Go files: it would
// treat them as packages of the module.
func TestAnOverlayMayLieInTheTree(t *testing.T) {
	dir := t.TempDir()
	overlay, err := Plant("..", dir)
	require.NoError(t, err)
	text, err := os.ReadFile(overlay)
	require.NoError(t, err)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	require.Contains(t, string(text), filepath.Join(root, "mutants", "built.go"))
	_, err = build.ImportDir(filepath.Join(dir, "mutants"), 0)
	require.ErrorAs(t, err, new(*build.NoGoError))
}
