package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/mutants"
)

// writeTree writes the files of a module into a new directory.
func writeTree(t *testing.T, files map[string]string) (dir string) {
	dir = t.TempDir()
	for path, text := range files {
		file := filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	return dir
}

// wrongBug makes a program print "wrong".
const wrongBug = `does: the wrong thing
caught: [P1]
scenarios: [steady]
bias: none
seeds: 1
edits:
  - file: cmd/lockstep/main.go
    find: println("right")
    plant: if mutant.W1 { wrong(); return }; println("right")
adds:
  cmd/lockstep/wrong.go: |
    package main

    func wrong() { println("wrong") }
`

func TestCommitsAreBuiltWithTheirPlantedBugs(t *testing.T) {
	const (
		module = "module history\n\ngo 1.24\n"
		right  = "package main\n\nfunc main() {\n\tprintln(\"right\")\n}\n"
	)
	for name, files := range map[string]map[string]string{
		"edits": {
			"go.mod":               module,
			"cmd/lockstep/main.go": right,
			"mutants/W1.yaml":      wrongBug,
		},
		"build tag": {
			"go.mod":               module,
			"broker/mutant/doc.go": "package mutant\n",
			"cmd/lockstep/main.go": "//go:build !mutants\n\n" + right,
			"cmd/lockstep/on.go": "//go:build mutants\n\n" +
				strings.Replace(right, "right", "wrong", 1),
		},
	} {
		tree, program := writeTree(t, files), filepath.Join(t.TempDir(), "program")
		err := goBuild(t.Context(), tree, program, "./cmd/lockstep", bugsOfCommit)
		require.NoError(t, err, name)
		run := exec.Command(program)
		run.Env = append(os.Environ(), mutants.Variable+"=W1")
		out, err := run.CombinedOutput()
		require.NoError(t, err, name)
		require.Equal(t, "wrong\n", string(out), name)
	}
}

func TestErrorsInPlantedBugsAreNamed(t *testing.T) {
	files := map[string]string{
		"go.mod":               "module x\n",
		"cmd/lockstep/main.go": "package main\n\nfunc main() { println(\"left\") }\n",
		"mutants/W1.yaml":      wrongBug,
	}
	program := filepath.Join(t.TempDir(), "program")
	err := goBuild(t.Context(), writeTree(t, files), program, "./cmd/lockstep", withMutants)
	require.ErrorContains(t, err,
		`mutants: W1: cmd/lockstep/main.go: this text no longer occurs: println("right")`)

	files["mutants/W1.yaml"] = strings.ReplaceAll(wrongBug, "right", "left")
	err = goBuild(t.Context(), writeTree(t, files), program, "./cmd/lockstep", withMutants)
	require.NoError(t, err)
	run := exec.Command(program)
	run.Env = append(os.Environ(), mutants.Variable+"=W2")
	out, err := run.CombinedOutput()
	require.Equal(t, 2, run.ProcessState.ExitCode(), err)
	require.Equal(t, "LOCKSTEP_MUTANT: no planted bug is called \"W2\"\n", string(out))
}

func TestTheOverlayIsWrittenToOut(t *testing.T) {
	dir := t.TempDir()
	out, err := run("mutants", "overlay", "--out", dir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, mutants.Overlay)+"\n", out)
	require.FileExists(t, filepath.Join(dir, mutants.Overlay))
}
