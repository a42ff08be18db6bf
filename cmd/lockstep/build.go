package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"example.com/lockstep/mutants"
)

// buildKind is a special way to build a program; nil is the ordinary way. It returns
// flags of go build, and may write files for it into dir.
type buildKind func(tree, dir string) (flags []string, err error)

// withRace builds with the race detector.
func withRace(_, _ string) ([]string, error) { return []string{"-race"}, nil }

// withMutants builds with the planted bugs of the source tree.
func withMutants(tree, dir string) ([]string, error) {
	overlay, err := mutants.Plant(tree, filepath.Join(dir, "mutants"))
	return []string{"-overlay", overlay}, err
}

// buildSelf builds this program in another way, in the source tree around the
// working directory. done removes it; it is never nil.
func buildSelf(ctx context.Context, kind buildKind) (program string, done func(), err error) {
	done = func() {}
	tree, err := sourceTree()
	if err != nil {
		return "", done, err
	}
	dir, err := os.MkdirTemp("", "lockstep-build-")
	if err != nil {
		return "", done, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	program = filepath.Join(dir, "lockstep")
	return program, done, goBuild(ctx, tree, program, ownPackage(), kind)
}

// sourceTree is the root of the module around the working directory.
func sourceTree() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not in the source tree of Lockstep, which is needed to "+
				"build a program", start)
		}
	}
}

// buildError is a failed go build with the output of the compiler.
type buildError struct {
	flags  []string
	err    error
	output string
}

func (e *buildError) Error() string {
	return fmt.Sprintf("go build %s: %v\n%s", strings.Join(e.flags, " "), e.err, e.output)
}

func (e *buildError) Unwrap() error { return e.err }

// goBuild builds a package of a source tree.
func goBuild(ctx context.Context, tree, program, pkg string, kind buildKind) error {
	var flags []string
	if kind != nil {
		var err error
		if flags, err = kind(tree, filepath.Dir(program)); err != nil {
			return err
		}
	}
	args := append(append([]string{"build"}, flags...), "-o", program, pkg)
	build := exec.CommandContext(ctx, "go", args...)
	build.Dir = tree
	if out, err := build.CombinedOutput(); err != nil {
		return errors.Join(context.Cause(ctx), &buildError{flags, err, string(out)})
	}
	return nil
}

// ownPackage is the import path of this program, whatever the path of the module.
func ownPackage() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "./cmd/lockstep"
	}
	return info.Main.Path + "/cmd/lockstep"
}
