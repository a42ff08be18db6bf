package main

import (
	"os"
	"os/exec"
	"path/filepath"
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

func TestCommitsAreBuiltWithTheirPlantedBugs(t *testing.T) {
	const (
		module = "module history\n\ngo 1.24\n"
		right  = "package main\n\nfunc main() {\n\tprintln(\"right\")\n}\n"
	)
	for name, files := range map[string]map[string]string{
		"edits": {
			"go.mod":               module,
			"cmd/lockstep/main.go": right,
			"mutants/W1.yaml": "does: w\ncaught: [P1]\nscenarios: [s]\nbias: b\nseeds: 1\nedits:\n" +
				"- {file: cmd/lockstep/main.go, find: println, plant: 'if mutant.W1 { wrong(); return }; println'}\n" +
				"adds:\n  cmd/lockstep/wrong.go: |\n    package main\n\n    func wrong() { println(\"wrong\") }\n",
		},
		"build tag": {
			"go.mod":               module,
			"broker/mutant/doc.go": "package mutant\n",
			"cmd/lockstep/main.go": "//go:build !mutants\n\n" + right,
			"cmd/lockstep/on.go":   "//go:build mutants\n\npackage main\n\nfunc main() { println(\"wrong\") }\n",
		},
	} {
		tree, program := writeTree(t, files), filepath.Join(t.TempDir(), "program")
		require.NoError(t, goBuild(t.Context(), tree, program, "./cmd/lockstep", bugsOfCommit), name)
		run := exec.Command(program)
		run.Env = append(os.Environ(), mutants.Variable+"=W1")
		out, err := run.CombinedOutput()
		require.NoError(t, err, name)
		require.Equal(t, "wrong\n", string(out), name)
	}
}

// An overlay names a bug that does not fit, and a program one that it does not have.
func TestMistakesWithPlantedBugsAreNamed(t *testing.T) {
	tree := writeTree(t, map[string]string{
		"go.mod":  "module x\n",
		"main.go": "package main\n\nfunc main() {}\n",
		"mutants/W1.yaml": "does: w\ncaught: [P1]\nscenarios: [s]\nbias: b\nseeds: 1\n" +
			"edits: [{file: main.go, find: gone, plant: mutant.W1}]\n",
	})
	program := filepath.Join(t.TempDir(), "program")
	err := goBuild(t.Context(), tree, program, ".", withMutants)
	require.ErrorContains(t, err, "mutants: W1: main.go: this text no longer occurs: gone")

	require.NoError(t, os.WriteFile(filepath.Join(tree, "mutants", "W1.yaml"), []byte(
		"does: w\ncaught: [P1]\nscenarios: [s]\nbias: b\nseeds: 1\n"+
			"edits: [{file: main.go, find: '() {', plant: '() { _ = mutant.W1'}]\n"), 0o644))
	require.NoError(t, goBuild(t.Context(), tree, program, ".", withMutants))
	run := exec.Command(program)
	run.Env = append(os.Environ(), mutants.Variable+"=W2")
	out, err := run.CombinedOutput()
	require.Equal(t, 2, run.ProcessState.ExitCode(), err)
	require.Equal(t, "LOCKSTEP_MUTANT: no planted bug is called \"W2\"\n", string(out))
}

func TestTheOverlayIsWrittenWhereItIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	out, err := run("mutants", "overlay", "--out", dir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, mutants.Overlay)+"\n", out)
	require.FileExists(t, filepath.Join(dir, mutants.Overlay))
}
