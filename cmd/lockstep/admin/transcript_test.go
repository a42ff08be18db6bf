package admin

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// The transcripts in testdata run commands against an in-process fake of a broker. Each has a
// cluster of its own. The first line below "run" is a command, the others are
// its standard input.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ClusterID("fake"),
			kfake.SeedTopics(2, "seeded"))
		require.NoError(t, err)
		defer fake.Close()
		servers := fake.ListenAddrs()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			require.Equal(t, "run", d.Cmd)
			line, input, _ := strings.Cut(d.Input, "\n")
			if input != "" {
				input += "\n"
			}
			return steady(run(append(words(line), "--bootstrap-servers", servers[0]), input),
				servers[0])
		})
	})
}

// words are the words of a command line. Quotes keep spaces in a word.
func words(line string) (words []string) {
	for _, m := range regexp.MustCompile(`'([^']*)'|\S+`).FindAllStringSubmatch(line, -1) {
		if m[0][0] == '\'' {
			words = append(words, m[1])
		} else {
			words = append(words, m[0])
		}
	}
	return words
}

// run is what a command prints, its error with its exit code, and what it says on stderr.
func run(args []string, input string) string {
	root := &cobra.Command{Use: "lockstep", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(Commands()...)
	var out, progress strings.Builder
	root.SetArgs(args)
	root.SetIn(strings.NewReader(input))
	root.SetOut(&out)
	root.SetErr(&progress)
	err := root.Execute()
	for line := range strings.Lines(progress.String()) {
		fmt.Fprintf(&out, "stderr: %s", line)
	}
	if err != nil {
		fmt.Fprintf(&out, "error %d: %v\n", ExitCode(err), err)
	}
	return out.String()
}

var unsteady = []struct {
	is *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`(\bid(?:":)?\s+"?)[A-Za-z0-9_-]{22}\b`), "${1}TOPIC-ID"},
	{regexp.MustCompile(`"timestamp":"[^"]+"`), `"timestamp":"TIME"`},
}

// steady replaces what differs from run to run.
func steady(text, server string) string {
	text = strings.ReplaceAll(text, server, "127.0.0.1:NNNNN")
	for _, u := range unsteady {
		text = u.is.ReplaceAllString(text, u.by)
	}
	return text
}
