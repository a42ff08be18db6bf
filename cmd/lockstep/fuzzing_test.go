package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"example.com/lockstep/sim/campaign"
)

const (
	workflowFile = "../../.github/workflows/fuzz.yml"
	jobFile      = "../../docs/fuzzing/kubernetes-job.yaml"
	fuzzingPage  = "../../docs/fuzzing/README.md"
)

// The files for other machines use commands and flags that this program has, and their
// shards cover the range of seeds.

func TestTheWorkflowsShardsCoverItsSeeds(t *testing.T) {
	var w struct {
		Jobs map[string]struct {
			Needs    any
			Strategy struct {
				Matrix struct{ Shard []int }
			}
			Steps []struct {
				Uses, Run string
				With      map[string]string
			}
		}
	}
	readYAML(t, workflowFile, &w)
	require.Equal(t, "build", w.Jobs["shard"].Needs)
	require.Equal(t, "shard", w.Jobs["summary"].Needs)

	var uploads []string
	for _, step := range w.Jobs["shard"].Steps {
		if strings.HasPrefix(step.Uses, "actions/upload-artifact@") {
			uploads = append(uploads, step.With["path"])
		}
	}
	require.Equal(t, []string{"out"}, uploads)
	shards := w.Jobs["shard"].Strategy.Matrix.Shard
	require.NotEmpty(t, shards)
	var parts []campaign.Seeds
	for _, shard := range shards {
		for _, step := range w.Jobs["shard"].Steps {
			for _, o := range campaignsOf(t, step.Run, map[string]string{
				"SEEDS": "1-20000", "SCENARIO": "all", "BUDGET": "5h", "SHARD": strconv.Itoa(shard),
			}) {
				require.Equal(t, fmt.Sprintf("out/shard-%d", shard), o.Dir)
				require.EqualValues(t, len(shards), o.Shard.Of)
				parts = append(parts, o.Shard.Part(o.Seeds))
			}
		}
	}
	requireCover(t, campaign.Seeds{First: 1, Last: 20000}, parts)

	merges := 0
	for _, step := range w.Jobs["summary"].Steps {
		merges += merged(t, step.Run)
	}
	require.Equal(t, 1, merges)
}

func TestTheKubernetesJobsPodsCoverItsSeeds(t *testing.T) {
	var job struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Spec       struct {
			CompletionMode string `yaml:"completionMode"`
			Completions    int
			Parallelism    int
			Template       struct {
				Spec struct {
					RestartPolicy string `yaml:"restartPolicy"`
					Containers    []struct{ Command, Args []string }
				}
			}
		}
	}
	readYAML(t, jobFile, &job)
	require.Equal(t, "batch/v1", job.APIVersion)
	require.Equal(t, "Job", job.Kind)
	require.Equal(t, "Indexed", job.Spec.CompletionMode)
	require.Equal(t, "Never", job.Spec.Template.Spec.RestartPolicy)
	require.Equal(t, job.Spec.Completions, job.Spec.Parallelism)
	container := job.Spec.Template.Spec.Containers[0]
	require.Equal(t, []string{"/bin/sh", "-c"}, container.Command)
	require.Len(t, container.Args, 1)
	var parts []campaign.Seeds
	for i := range job.Spec.Completions {
		for _, o := range campaignsOf(t, container.Args[0],
			map[string]string{"JOB_COMPLETION_INDEX": strconv.Itoa(i)}) {
			require.EqualValues(t, job.Spec.Completions, o.Shard.Of)
			parts = append(parts, o.Shard.Part(o.Seeds))
		}
	}
	requireCover(t, campaign.Seeds{First: 1, Last: 100000}, parts)
}

func TestTheCommandsOfTheFuzzingPageAreAccepted(t *testing.T) {
	text, err := os.ReadFile(fuzzingPage)
	require.NoError(t, err)
	require.Len(t, campaignsOf(t, string(text), nil), 2)
	require.Equal(t, 1, merged(t, string(text)))
}

func TestPushesAndPullRequestsRunTheWholeCI(t *testing.T) {
	var w struct {
		On   map[string]any
		Jobs map[string]struct{ Steps []struct{ Uses, Run string } }
	}
	readYAML(t, "../../.github/workflows/ci.yml", &w)
	require.Contains(t, w.On, "push")
	require.Contains(t, w.On, "pull_request")
	steps := w.Jobs["test"].Steps
	require.NotEmpty(t, steps)
	require.Equal(t, ".ci/run", steps[len(steps)-1].Run)
}

// merged counts the "lockstep sim merge" commands in a script, and checks their flags.
func merged(t *testing.T, script string) int {
	merges := commandsIn(script, "merge")
	for _, args := range merges {
		command, rest, err := rootCommand().Find(args)
		require.NoError(t, err)
		require.Equal(t, "merge", command.Name())
		require.NoError(t, command.ParseFlags(rest))
		require.NoError(t, command.ValidateRequiredFlags())
		require.NotEmpty(t, command.Flags().Args())
	}
	return len(merges)
}

func readYAML(t *testing.T, file string, to any) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, to))
}

func requireCover(t *testing.T, all campaign.Seeds, parts []campaign.Seeds) {
	slices.SortFunc(parts, func(a, b campaign.Seeds) int { return int(a.First) - int(b.First) })
	next := all.First
	for _, part := range parts {
		require.Equal(t, next, part.First, "%v", parts)
		next = part.Last + 1
	}
	require.Equal(t, all.Last+1, next)
}

// campaignsOf parses each "lockstep sim" command of a shell script and returns the
// campaigns that they would run.
func campaignsOf(
	t *testing.T, script string, variables map[string]string,
) (found []campaign.Options) {
	run := runCampaign
	defer func() { runCampaign = run }()
	runCampaign = func(_ context.Context, o campaign.Options, _ io.Writer) error {
		found = append(found, o)
		return nil
	}
	for _, args := range commandsIn(script, "") {
		for i := range args {
			args[i] = os.Expand(args[i], func(name string) string {
				value, ok := variables[name]
				require.True(t, ok, "$%s is not set for %v", name, args)
				return value
			})
		}
		root := rootCommand()
		root.SetArgs(args)
		root.SetOut(&bytes.Buffer{})
		root.SetErr(&bytes.Buffer{})
		require.NoError(t, root.Execute(), args)
	}
	return found
}

var simCall = regexp.MustCompile(`(?m)^\s*(?:exec )?(?:\S*/)?lockstep (sim .*(?:\n\s*--.*)*)`)

// commandsIn finds the arguments of "lockstep sim <sub>" in a script; sub "" means the
// command without a subcommand. Quotes must be double quotes.
func commandsIn(script, sub string) (commands [][]string) {
	for _, match := range simCall.FindAllStringSubmatch(script, -1) {
		args := strings.Fields(strings.ReplaceAll(match[1], `"`, ""))
		named := ""
		if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
			named = args[1]
		}
		if named == sub {
			commands = append(commands, args)
		}
	}
	return commands
}
