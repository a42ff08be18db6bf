// Package docs holds the rulebook: the pages that the code cites as PROTOCOL n,
// KAFKA n and BUGS x. Its tests compare pages and code. Its functions return texts of
// the pages that programs print, so that each text stands in one place.
package docs

import (
	_ "embed"
	"strings"
)

//go:embed bugs.md
var bugs string

// Letter is a kind of planted bugs: the first letter of their ids.
type Letter struct {
	Letter string // "L"
	Title  string // "liveness"
	Means  string // a sentence
	Anchor string // its heading in bugs.md
}

// Letters are the kinds of planted bugs, in the order in which bugs.md has them.
// There each is a heading, "### L: liveness", and the paragraph below it.
func Letters() []Letter { return lettersOf(bugs) }

func lettersOf(page string) (letters []Letter) {
	for _, section := range strings.Split(page, "\n### ")[1:] {
		heading, rest, _ := strings.Cut(section, "\n")
		letter, title, ok := strings.Cut(heading, ": ")
		if !ok {
			continue
		}
		means, _, _ := strings.Cut(strings.TrimSpace(rest), "\n\n")
		letters = append(letters, Letter{
			Letter: letter, Title: title, Means: strings.ReplaceAll(means, "\n", " "),
			Anchor: anchor(heading),
		})
	}
	return letters
}

// anchor is the name that a heading has in links, as GitHub makes it.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case strings.ContainsRune("!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~", r):
			return -1
		}
		return r
	}, strings.ToLower(heading))
}
