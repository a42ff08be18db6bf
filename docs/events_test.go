package docs

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/event"
)

var rewrite = flag.Bool("rewrite", false, "write what is made from code into the pages")

// The lines of the event log stand in the page for operators between these two.
const (
	eventsBegin = "<!-- events: go test ./docs -rewrite -->\n"
	eventsEnd   = "<!-- end of events -->\n"
)

func TestThePageForOperatorsListsEveryLineOfTheEventLog(t *testing.T) {
	const file = "operation.md"
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), eventsBegin)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, eventsEnd)
	require.True(t, ok)
	want := before + eventsBegin + "\n" + eventList() + "\n" + eventsEnd + after
	if *rewrite {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(page), "go test ./docs -rewrite writes the list again")
}

func eventList() string {
	var b strings.Builder
	for _, n := range event.All() {
		b.WriteString(wrap(fmt.Sprintf("- **`%s`** (%v): %s", n, n.Level(), n.Means())))
	}
	return b.String()
}

// wrap breaks a list item into lines of at most 100 columns.
func wrap(item string) string {
	var b strings.Builder
	width := 0
	for _, word := range strings.Fields(item) {
		switch {
		case width == 0:
		case width+1+len(word) > 100:
			b.WriteString("\n ")
			width = 1
			fallthrough
		default:
			b.WriteString(" ")
			width++
		}
		b.WriteString(word)
		width += len(word)
	}
	return b.String() + "\n"
}
