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
)

// The programs that runs need besides this one: with planted bugs in it, and
// under the race detector.
var (
	withMutants = []string{"-tags", "mutants"}
	withRace    = []string{"-race"}
)

// buildSelf builds this program with flags of go build, in the source tree. done
// removes it; it is never nil.
func buildSelf(ctx context.Context, flags []string) (program string, done func(), err error) {
	dir, err := os.MkdirTemp("", "lockstep-build-")
	if err != nil {
		return "", func() {}, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	program = filepath.Join(dir, "lockstep")
	if out, err := goBuild(ctx, ".", program, flags, ownPackage()); err != nil {
		return "", done, fmt.Errorf("%w\n%s", err, out)
	}
	return program, done, nil
}

// goBuild builds a package in a source tree, and returns what the compiler said.
func goBuild(ctx context.Context, tree, program string, flags []string, pkg string) (out []byte, err error) {
	args := append(append([]string{"build"}, flags...), "-o", program, pkg)
	build := exec.CommandContext(ctx, "go", args...)
	build.Dir = tree
	if out, err = build.CombinedOutput(); err != nil {
		err = errors.Join(context.Cause(ctx), fmt.Errorf("go build %s: %w", strings.Join(flags, " "), err))
	}
	return out, err
}

// ownPackage is the import path of this program, wherever the module has its home.
func ownPackage() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "./cmd/lockstep"
	}
	return info.Main.Path + "/cmd/lockstep"
}
