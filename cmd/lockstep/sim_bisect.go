package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"example.com/lockstep/mutants"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

func simBisectCommand() *cobra.Command {
	var b bisection
	c := &cobra.Command{
		Use:   "bisect",
		Short: "Find the commit from which on a plan fails",
		Long: `Find the commit from which on a plan fails. Commits are built in git worktrees in a
temporary directory, and run the plan. A commit is bad if the run fails with the
fingerprint that the file names, and good if it passes. A commit that does not build,
or that fails in another way, is skipped. Only first parents are followed. Your
files and your index do not change.`,
		Example: `  lockstep sim bisect --plan shrunk.yaml --good v1.2 --bad HEAD`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			text, err := os.ReadFile(b.plan)
			if err != nil {
				return err
			}
			if b.again, err = scenario.LoadReproduction(text); err != nil {
				return fmt.Errorf("%s: %w", b.plan, err)
			}
			b.out = cmd.OutOrStdout()
			return b.run(ctx)
		},
	}
	f := c.Flags()
	f.StringVar(&b.plan, "plan", "", "a plan or a reproduction (YAML)")
	f.StringVar(&b.plan, "scenario", "", "the same as --plan")
	f.StringVar(&b.good, "good", "", "a commit on which the plan passes")
	f.StringVar(&b.bad, "bad", "HEAD", "a commit on which the plan fails")
	f.StringVar(&b.repo, "repo", ".", "a directory in the repository")
	_ = f.MarkHidden("scenario")
	_ = c.MarkFlagRequired("good")
	return c
}

// bisection looks for the first commit on which a plan fails.
type bisection struct {
	plan, good, bad, repo string
	again                 *scenario.Reproduction
	out                   io.Writer
}

// standing is how a plan ends on a commit.
type standing int

const (
	unjudged standing = iota // the commit does not build, or fails in another way
	passes
	fails
)

func (b *bisection) run(ctx context.Context) error {
	tip, err := b.git(ctx, "rev-parse", "--verify", b.bad+"^{commit}")
	if err != nil {
		return err
	}
	start, err := b.git(ctx, "rev-parse", "--verify", b.good+"^{commit}")
	if err != nil {
		return err
	}
	list, err := b.git(ctx, "rev-list", "--first-parent", "--reverse", start+".."+tip)
	if err != nil {
		return err
	}
	commits := append([]string{start}, strings.Fields(list)...)
	if len(commits) < 2 {
		return fmt.Errorf("no commit lies between %s and %s", b.good, b.bad)
	}
	for _, end := range []struct {
		commit string
		want   standing
		name   string
	}{{start, passes, "good"}, {tip, fails, "bad"}} {
		got, err := b.judge(ctx, end.commit)
		if err != nil {
			return err
		}
		if got != end.want {
			return fmt.Errorf("%.12s is not %s", end.commit, end.name)
		}
	}
	return b.search(ctx, commits)
}

// search bisects: commits[0] is good and the last one is bad, at all times.
func (b *bisection) search(ctx context.Context, commits []string) error {
	skipped := map[string]bool{}
	for {
		mid := middle(commits, skipped)
		if mid < 0 {
			break
		}
		got, err := b.judge(ctx, commits[mid])
		if err != nil {
			return err
		}
		switch got {
		case passes:
			commits = commits[mid:]
		case fails:
			commits = commits[:mid+1]
		default:
			skipped[commits[mid]] = true
		}
	}
	first := commits[len(commits)-1]
	subject, err := b.git(ctx, "log", "-1", "--format=%h %s (%an, %ad)", "--date=short", first)
	if err != nil {
		return err
	}
	if between := len(commits) - 2; between > 0 {
		fmt.Fprintf(b.out, "the first bad commit is this one, or one of the %d skipped commits "+
			"before it: %s\n", between, subject)
		return nil
	}
	_, err = fmt.Fprintf(b.out, "the first bad commit: %s\n", subject)
	return err
}

// middle is the index of the middle one of the commits between the first and the last,
// without those that were skipped; -1 if there is none.
func middle(commits []string, skipped map[string]bool) int {
	var open []int
	for i := 1; i < len(commits)-1; i++ {
		if !skipped[commits[i]] {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return -1
	}
	return open[len(open)/2]
}

// judge builds a commit and runs the plan on it.
func (b *bisection) judge(ctx context.Context, commit string) (got standing, err error) {
	subject, err := b.git(ctx, "log", "-1", "--format=%h %s", commit)
	if err != nil {
		return unjudged, err
	}
	dir, err := os.MkdirTemp("", "lockstep-bisect-")
	if err != nil {
		return unjudged, err
	}
	tree := filepath.Join(dir, "tree")
	defer func() {
		// Remove the worktree even after an interruption.
		_, removal := b.git(context.WithoutCancel(ctx), "worktree", "remove", "--force", tree)
		err = errors.Join(err, removal, os.RemoveAll(dir))
	}()
	if _, err := b.git(ctx, "worktree", "add", "--detach", tree, commit); err != nil {
		return unjudged, err
	}
	program := filepath.Join(dir, "lockstep")
	var kind buildKind
	if b.again.Mutant != "" {
		kind = bugsOfCommit
	}
	if err := goBuild(ctx, tree, program, "./cmd/lockstep", kind); err != nil {
		if ctx.Err() != nil {
			return unjudged, context.Cause(ctx)
		}
		_, err = fmt.Fprintf(b.out, "skipped  %s: it does not build: %s\n",
			subject, firstMessage(err))
		return unjudged, err
	}
	workers := pool.Pool{Program: program, Env: []string{mutants.Variable + "=" + b.again.Mutant}}
	r := workers.Run([]pool.Job{{Scenario: b.again.Plan.Scenario, Seed: b.again.Plan.Seed,
		Plan: b.again.Plan}}, nil)[0].Result
	if ctx.Err() != nil {
		return unjudged, context.Cause(ctx)
	}
	switch {
	case r.Verdict == world.Pass:
		_, err = fmt.Fprintf(b.out, "good     %s\n", subject)
		return passes, err
	case b.again.Fingerprint == "" || r.FailsWith(b.again.Fingerprint):
		_, err = fmt.Fprintf(b.out, "bad      %s\n", subject)
		return fails, err
	}
	other := ""
	if len(r.Failures) > 0 {
		// Computed here: an old commit may not print a fingerprint.
		other = r.Failures[0].Fingerprint()
	}
	_, err = fmt.Fprintf(b.out, "skipped  %s: it fails in another way: %s\n", subject, other)
	return unjudged, err
}

// bugsOfCommit is withMutants for an old commit: planted bugs were code under a build
// tag before they were edits of package mutants.
func bugsOfCommit(tree, dir string) (flags []string, err error) {
	if _, err := os.Stat(filepath.Join(tree, "broker", "mutant")); err == nil {
		return []string{"-tags", "mutants"}, nil
	}
	return withMutants(tree, dir)
}

// firstMessage is the first message of a failed build about the code.
func firstMessage(err error) string {
	var failed *buildError
	text := err.Error()
	if errors.As(err, &failed) {
		text = failed.output
	}
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// git runs git in the repository and returns what it prints, without white space around
// it.
func (b *bisection) git(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"-C", b.repo}, args...)...)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
