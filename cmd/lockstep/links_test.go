package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every link of every Markdown page leads to a file of the repository, and to a heading
// of that file if it names one.
func TestLinksBetweenPagesLeadToFilesAndHeadings(t *testing.T) {
	pages := 0
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".md" ||
			strings.Contains(file, "/out/") {
			return err
		}
		pages++
		for _, target := range links(readPage(t, file)) {
			followLink(t, file, target)
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, pages, 5)
}

var (
	code       = regexp.MustCompile("(?ms)^```.*?^```|^    .*?$|`[^`\n]*`")
	inlineLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	linkTable  = regexp.MustCompile(`(?m)^\[[^\]]+\]: (\S+)$`)
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// links are the targets of a page's links, without those that leave the repository.
func links(page string) (targets []string) {
	page = code.ReplaceAllString(page, "")
	for _, form := range []*regexp.Regexp{inlineLink, linkTable} {
		for _, m := range form.FindAllStringSubmatch(page, -1) {
			if !strings.Contains(m[1], "://") {
				targets = append(targets, m[1])
			}
		}
	}
	return targets
}

func followLink(t *testing.T, from, target string) {
	path, anchor, _ := strings.Cut(target, "#")
	file := from
	if path != "" {
		file = filepath.Join(filepath.Dir(from), path)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("%s: link to %s: %v", from, target, err)
		return
	}
	if anchor != "" && !headings(readPage(t, file))[anchor] {
		t.Errorf("%s: link to %s: no such heading", from, target)
	}
}

// headings are the anchors of a page's headings, as GitHub makes them.
func headings(page string) map[string]bool {
	anchors := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		text := notInSlug.ReplaceAllString(strings.ToLower(m[1]), "")
		anchors[strings.ReplaceAll(text, " ", "-")] = true
	}
	return anchors
}
