package pool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim/world"
)

// HuntByTests runs the tests of a planted bug with the bug. Then it runs them without it; all of
// them must pass. overlay is what mutants.Plant has made of the source tree.
func HuntByTests(ctx context.Context, m mutants.Mutant, tree, overlay string) (MutantRun, error) {
	run := MutantRun{Mutant: m, Caught: true}
	began := time.Now()
	for _, test := range m.Tests {
		with, err := goTest(ctx, test, tree, overlay, m.ID)
		if err != nil {
			return run, err
		}
		run.Caught = run.Caught && with.failed
		run.Failure = world.Failure{Property: test}
	}
	run.Wall = time.Since(began)
	for _, test := range m.Tests {
		without, err := goTest(ctx, test, tree, overlay, "")
		if err != nil {
			return run, err
		}
		if without.failed {
			run.Alarms = append(run.Alarms, world.Result{Verdict: world.Fail,
				Failures: []world.Failure{{Property: test, Detail: without.output}}})
		}
	}
	return run, nil
}

// testRun is what go test said of one test.
type testRun struct {
	failed bool
	output string
}

// goTest runs a test with a planted bug, or with none. It is an error if the test does not run.
func goTest(ctx context.Context, test, tree, overlay, bug string) (testRun, error) {
	dir, name, _ := strings.Cut(test, " ")
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-v", "-count=1", "-overlay", overlay,
		"-run", "^"+name+"$", "./"+dir)
	cmd.Dir, cmd.Env = tree, append(os.Environ(), mutants.Variable+"="+bug)
	out, err := cmd.CombinedOutput()
	text := string(out)
	failed := strings.Contains(text, "\n--- FAIL: "+name+" ")
	var exit *exec.ExitError
	switch {
	case failed && errors.As(err, &exit):
		return testRun{failed: true, output: text}, nil
	case err == nil && strings.Contains(text, "--- PASS: "+name+" "):
		return testRun{output: text}, nil
	}
	return testRun{}, fmt.Errorf("pool: go test %s: %w\n%s", test, errors.Join(err), text)
}
