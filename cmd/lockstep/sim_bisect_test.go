package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// historyProgram is a worker in a separate module. All its runs end as its commit says.
const historyProgram = `package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(%s)
	}
}
`

const (
	answersPass = "`{\"result\":{\"verdict\":\"pass\"}}`"
	answersFail = "`{\"result\":{\"verdict\":\"fail\"," +
		"\"failures\":[{\"property\":\"P1\",\"symptom\":\"lost-write\"}]}}`"
	answersOther = "`{\"result\":{\"verdict\":\"fail\",\"failures\":[{\"property\":\"P9\"}]}}`"
	doesNotBuild = "nothing"
)

// commitHistory makes a repository with a commit for each answer and returns its
// directory and the commits.
func commitHistory(t *testing.T, answers ...string) (dir string, commits []string) {
	dir = t.TempDir()
	git := func(args ...string) string {
		c := exec.Command("git",
			append([]string{
				"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org", "-c",
				"commit.gpgsign=false",
			}, args...)...)
		out, err := c.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "cmd", "lockstep"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"),
		[]byte("module history\n\ngo 1.24\n"), 0o644))
	for i, answer := range answers {
		program := fmt.Sprintf(historyProgram, answer) + fmt.Sprintf("\n// %d\n", i)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "cmd", "lockstep", "main.go"),
			[]byte(program), 0o644))
		git("add", "-A")
		git("commit", "-q", "-m", fmt.Sprintf("change %d", i))
		commits = append(commits, git("rev-parse", "HEAD"))
	}
	return dir, commits
}

// reproductionFile writes a file that shows the failure of answersFail.
func reproductionFile(t *testing.T) string {
	plan, err := sim.NewPlan("toy", 1)
	require.NoError(t, err)
	f := world.Failure{Property: "P1", Symptom: "lost-write"}
	r := scenario.Reproduction{Why: "P1", Fingerprint: f.Fingerprint(), Plan: plan}
	file := filepath.Join(t.TempDir(), "plan.yaml")
	require.NoError(t, os.WriteFile(file, []byte(r.String()), 0o644))
	return file
}

func TestBisectFindsTheFirstBadCommit(t *testing.T) {
	file := reproductionFile(t)
	dir, commits := commitHistory(t, answersPass, answersPass, answersPass, answersFail,
		answersFail, answersFail)
	edited := filepath.Join(dir, "cmd", "lockstep", "main.go")
	require.NoError(t, os.WriteFile(edited, []byte("an edit under way"), 0o644))

	out, err := run("sim", "bisect", "--repo", dir, "--plan", file, "--good", commits[0],
		"--bad", "HEAD")
	require.NoError(t, err, out)
	require.Contains(t, out, "the first bad commit: "+commits[3][:7])
	require.Contains(t, out, "change 3 (t, ")

	text, err := os.ReadFile(edited)
	require.NoError(t, err)
	require.Equal(t, "an edit under way", string(text))
	trees, err := exec.Command("git", "-C", dir, "worktree", "list").Output()
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(trees), "\n"), "%s", trees)
}

func TestBisectSkipsWhatItCannotJudge(t *testing.T) {
	file := reproductionFile(t)
	dir, commits := commitHistory(t, answersPass, doesNotBuild, answersPass, answersFail,
		answersOther, answersFail)
	out, err := run("sim", "bisect", "--repo", dir, "--plan", file, "--good", commits[0])
	require.NoError(t, err, out)
	require.Contains(t, out, "the first bad commit: "+commits[3][:7])

	dir, commits = commitHistory(t, answersPass, doesNotBuild, answersOther, answersFail)
	out, err = run("sim", "bisect", "--repo", dir, "--plan", file, "--good", commits[0])
	require.NoError(t, err, out)
	require.Contains(t, out, "it does not build")
	require.Contains(t, out, "it fails in another way: p9-")
	require.Contains(t, out, "one of the 2 skipped commits before it: "+commits[3][:7])
}

func TestBisectChecksItsEnds(t *testing.T) {
	file := reproductionFile(t)
	dir, commits := commitHistory(t, answersPass, answersFail, answersPass)
	for want, args := range map[string][]string{
		"is not good":               {"--good", commits[1]},
		"is not bad":                {"--good", commits[0]},
		"no commit lies between":    {"--good", "HEAD"},
		"git rev-parse":             {"--good", "no-such"},
		`required flag(s) "good"`:   nil,
		"no such file or directory": {"--good", "HEAD", "--plan", file + "x"},
	} {
		_, err := run(append([]string{"sim", "bisect", "--repo", dir, "--plan", file}, args...)...)
		require.ErrorContains(t, err, want, args)
	}
}
