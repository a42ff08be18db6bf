package looptest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// zeros matches the zeros before numbers in names of files, which transcripts leave out.
var zeros = regexp.MustCompile(`([/-])0{8,}([0-9]+)`)

// topicDir matches a topic's id in the name of a directory.
var topicDir = regexp.MustCompile(`/[0-9a-f]{32}-`)

// Trace collects what a loop does, a line for each effect.
type Trace struct {
	cluster *Cluster
	lines   []string
	times   bool // whether lines begin with passed
	passed  time.Duration
}

// Addf adds a line.
func (t *Trace) Addf(format string, args ...any) {
	line := zeros.ReplaceAllString(fmt.Sprintf(format, args...), "$1$2")
	line = topicDir.ReplaceAllStringFunc(line, t.cluster.topicDir)
	if t.times {
		line = fmt.Sprintf("%v %s", t.passed, line)
	}
	t.lines = append(t.lines, line)
}

// Drop removes the lines that begin with the prefix.
func (t *Trace) Drop(prefix string) {
	t.lines = slices.DeleteFunc(t.lines, func(line string) bool {
		return strings.HasPrefix(line, prefix)
	})
}

// Take returns the lines since the last call.
func (t *Trace) Take() string {
	lines := t.lines
	t.lines = nil
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// bytes prints a number of bytes.
func bytes(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
