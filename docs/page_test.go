package docs

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// section is what stands below one "###" heading of a page.
type section struct {
	heading string
	title   string            // the bold line below the heading
	why     bool              // there is a paragraph that begins with "Why:"
	fields  map[string]string // the list items "- Key: text", by key
	items   []item            // the list items "- **L1**: text"
}

type item struct{ id, text string }

var (
	fieldItem = regexp.MustCompile(`^- ([A-Z][a-z ]+): (.*)$`)
	boldItem  = regexp.MustCompile(`^- \*\*([A-Z][0-9]+)\*\*: (.*)$`)
	boldTitle = regexp.MustCompile(`^\*\*(.*)\*\*$`)
)

// sections are those of a page; what stands before the first belongs to none.
func sections(page string) (all []section) {
	for _, text := range strings.Split(page, "\n### ")[1:] {
		heading, rest, _ := strings.Cut(text, "\n")
		rest, _, _ = strings.Cut(rest, "\n## ")
		s := section{heading: heading, fields: map[string]string{}}
		for _, b := range blocks(rest) {
			if m := boldItem.FindStringSubmatch(b); m != nil {
				s.items = append(s.items, item{m[1], m[2]})
			} else if m := fieldItem.FindStringSubmatch(b); m != nil {
				s.fields[m[1]] = m[2]
			} else if strings.HasPrefix(b, "Why: ") {
				s.why = true
			} else if m := boldTitle.FindStringSubmatch(titleOf(b)); m != nil && s.title == "" {
				s.title = m[1]
			}
		}
		all = append(all, s)
	}
	return all
}

// blocks are the paragraphs and list items of a text, each in one line.
func blocks(text string) (all []string) {
	var block []string
	end := func() {
		if len(block) > 0 {
			all = append(all, strings.Join(block, " "))
		}
		block = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "- ") {
			end()
		}
		if line != "" {
			block = append(block, strings.TrimSpace(line))
		}
	}
	end()
	return all
}

// titleOf is the bold beginning of a paragraph.
func titleOf(block string) string {
	if !strings.HasPrefix(block, "**") {
		return block
	}
	if end := strings.Index(block[2:], "**"); end >= 0 {
		return block[:end+4]
	}
	return block
}

var (
	symbols  = regexp.MustCompile("`([^`]+)`")
	evidence = regexp.MustCompile("((?:story|regression|test|transcript) )?`([^`]+)`")
	bugID    = regexp.MustCompile(`^[A-Z][0-9]+[a-z]?$`)
)

// nothingShows begins an honest "Shown broken by".
const nothingShows = "nothing shows it yet"

// findings are what is wrong, a sentence each.
type findings []string

func (f *findings) add(format string, args ...any) {
	*f = append(*f, fmt.Sprintf(format, args...))
}

// checkRules holds a page of rules to its form and to the repository. The ids of
// the rules begin with book; it returns them.
func checkRules(r *repository, book, page string) (ids map[string]bool, found findings) {
	ids = map[string]bool{}
	rule := regexp.MustCompile(`^` + book + ` [0-9]+[a-z]?$`)
	for _, s := range sections(page) {
		switch {
		case !rule.MatchString(s.heading):
			found.add("%s: the heading is no rule of %s", s.heading, book)
		case ids[s.heading]:
			found.add("%s: the rule stands here twice", s.heading)
		case s.title == "":
			found.add("%s: no bold line states the rule", s.heading)
		case !s.why:
			found.add("%s: no paragraph says why", s.heading)
		}
		ids[s.heading] = true
		for key := range s.fields {
			if key != "Enforced" && key != "Shown broken by" && key != "Not built yet" {
				found.add("%s: unknown item %q", s.heading, key)
			}
		}
		enforced, built := s.fields["Enforced"]
		if _, says := s.fields["Not built yet"]; !built && !says {
			found.add("%s: neither enforced nor not built yet", s.heading)
		}
		if built {
			checkSymbols(r, s.heading, enforced, &found)
			checkEvidence(r, s.heading, s.fields["Shown broken by"], &found)
		}
	}
	return ids, found
}

// checkSymbols: every name in text is declared, and there is one at least.
func checkSymbols(r *repository, where, text string, found *findings) {
	names := symbols.FindAllStringSubmatch(text, -1)
	if len(names) == 0 {
		found.add("%s: nothing that enforces it is named", where)
	}
	for _, m := range names {
		if !r.declares(m[1]) {
			found.add("%s: there is no %s", where, m[1])
		}
	}
}

// checkEvidence: every bug, story, regression, test and transcript in text exists,
// and there is one, or the text says that there is none.
func checkEvidence(r *repository, where, text string, found *findings) {
	names := evidence.FindAllStringSubmatch(text, -1)
	if len(names) == 0 && !strings.HasPrefix(text, nothingShows) {
		found.add("%s: nothing says what shows it broken", where)
	}
	for _, m := range names {
		if kind, name := m[1], m[2]; !r.shows(kind, name) {
			found.add("%s: there is no %s%s", where, kind, name)
		}
	}
}

// shows reports whether there is a thing of that kind. Without a kind it is a
// planted bug.
func (r *repository) shows(kind, name string) bool {
	switch kind {
	case "story ":
		return r.has("scenarios/bugs/"+name+".yaml") || r.has("scenarios/smoke/"+name+".yaml")
	case "regression ":
		return r.has("scenarios/regression/" + name + ".yaml")
	case "test ":
		return r.declares(name)
	case "transcript ":
		pkg, file := path.Split(name)
		return r.has("broker/" + pkg + "testdata/transcripts/" + file)
	}
	return bugID.MatchString(name) && r.has("mutants/"+name+".yaml")
}
