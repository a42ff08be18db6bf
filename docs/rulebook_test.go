package docs

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"example.com/lockstep/checker"
)

// rulebook are the pages that are cited.
var rulebook = []string{"docs/protocol.md", "docs/kafka.md", "docs/bugs.md"}

// theRepository is this one.
func theRepository() *repository { return newRepository(os.DirFS("..")) }

func TestEveryRuleSaysWhereItIsEnforcedAndWhatShowsItBroken(t *testing.T) {
	r := theRepository()
	for _, book := range []string{"PROTOCOL", "KAFKA"} {
		rules, found := checkRules(r, book, r.read("docs/"+strings.ToLower(book)+".md"))
		require.Empty(t, found)
		require.Greater(t, len(rules), 30)
	}
}

func TestEveryPropertyNamesItsCheckerAndTheBugsThatBreakIt(t *testing.T) {
	r := theRepository()
	require.Empty(t, checkProperties(r, r.read("docs/bugs.md")))
}

func TestEveryBugHasItsClassAndEveryClassItsBugs(t *testing.T) {
	r := theRepository()
	require.Empty(t, checkClasses(r, r.read("docs/bugs.md")))
}

func TestEveryCitationIsARule(t *testing.T) {
	require.Empty(t, checkCitations(theRepository()))
}

func TestEveryLinkOfAPageLeadsSomewhere(t *testing.T) {
	r := theRepository()
	pages := r.names(".md")
	require.Subset(t, pages, append([]string{"README.md", "DECISIONS.md"}, rulebook...))
	for _, page := range pages {
		require.Empty(t, checkLinks(r, page))
	}
}

// checkProperties holds the sections P1, P2, … of a page to package checker.
func checkProperties(r *repository, page string) (found findings) {
	byHeading := map[string]section{}
	for _, s := range sections(page) {
		byHeading[s.heading] = s
	}
	for _, result := range checker.Run(&checker.History{}).Results {
		p := result.Property
		s, ok := byHeading[p]
		if !ok {
			found.add("%s: the page does not have it", p)
			continue
		}
		if title := checker.Title(p); s.title != title {
			found.add("%s: its title is %q in package checker", p, title)
		}
		shown := s.fields["Shown broken by"]
		checkSymbols(r, p, s.fields["Judged by"], &found)
		checkEvidence(r, p, shown, &found)
		for _, m := range evidence.FindAllStringSubmatch(shown, -1) {
			if bugID.MatchString(m[2]) && !slices.Contains(r.propertiesOf(m[2]), p) {
				found.add("%s: bug %s is not caught by it", p, m[2])
			}
		}
	}
	return found
}

// propertiesOf are the properties by which a planted bug may be caught.
func (r *repository) propertiesOf(bug string) (properties []string) {
	var planted struct{ Caught []string }
	if name := "mutants/" + bug + ".yaml"; r.has(name) {
		if err := yaml.Unmarshal([]byte(r.read(name)), &planted); err != nil {
			panic(err)
		}
	}
	for _, c := range planted.Caught {
		property, _, _ := strings.Cut(c, ":")
		properties = append(properties, property)
	}
	return properties
}

// checkClasses holds the list of bug classes to the planted bugs, both ways.
func checkClasses(r *repository, page string) (found findings) {
	listed := map[string]bool{}
	for _, s := range sections(page) {
		for _, class := range s.items {
			if !strings.HasPrefix(s.heading, class.id[:1]+": ") {
				found.add("%s: it stands below %q", class.id, s.heading)
			}
			_, planted, ok := strings.Cut(class.text, "Planted: ")
			planted, _, _ = strings.Cut(planted, ".")
			if !ok && !strings.Contains(class.text, "Not planted: ") {
				found.add("%s: neither planted nor not planted", class.id)
			}
			for _, m := range symbols.FindAllStringSubmatch(planted, -1) {
				id := m[1]
				switch {
				case strings.TrimRight(id, "abc") != class.id:
					found.add("%s: %s is not of this class", class.id, id)
				case !r.has("mutants/" + id + ".yaml"):
					found.add("%s: %s is not planted", class.id, id)
				case listed[id]:
					found.add("%s: %s stands here twice", class.id, id)
				}
				listed[id] = true
			}
		}
	}
	files, err := fs.Glob(r.files, "mutants/*.yaml")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		id := strings.TrimSuffix(path.Base(f), ".yaml")
		if !listed[id] {
			found.add("%s: it is planted, and the page does not have it", id)
		}
		letter := func(l Letter) bool { return l.Letter == id[:1] }
		if !slices.ContainsFunc(lettersOf(page), letter) {
			found.add("%s: the page does not explain its letter", id)
		}
	}
	return found
}

const oneID = `[A-Z]?[0-9]+[a-z]?\b`

var (
	// A citation may be wrapped within a comment.
	lineBreak = regexp.MustCompile(`\s*\n\s*(//|#|\*)?\s*`)
	citations = regexp.MustCompile(
		`\b(PROTOCOL|KAFKA|BUGS) (` + oneID + `(?:(?:, | and |-|–)` + oneID + `)*)`)
	ids = regexp.MustCompile(oneID)
	// Pages that the project began with, and that are not part of it.
	outside = regexp.MustCompile(
		`\b(PROTOCOL|KAFKA|BUGS|DESIGN|STYLE)\.md\b|\bDESIGN (section )?[0-9]+`)
)

// checkCitations: whatever a file cites is on a page of the rulebook.
func checkCitations(r *repository) (found findings) {
	known := map[string]bool{}
	for _, page := range rulebook {
		for _, s := range sections(r.read(page)) {
			known[s.heading] = true
			known["BUGS "+s.heading] = true
			for _, class := range s.items {
				known["BUGS "+class.id] = true
			}
		}
	}
	for _, name := range r.names(".go", ".md", ".yaml") {
		text := lineBreak.ReplaceAllString(r.read(name), " ")
		for _, m := range citations.FindAllStringSubmatch(text, -1) {
			for _, id := range ids.FindAllString(m[2], -1) {
				if !known[m[1]+" "+id] {
					found.add("%s cites %s %s, which no page has", name, m[1], id)
				}
			}
		}
		for _, m := range outside.FindAllString(text, -1) {
			found.add("%s cites %s, which is not in this repository", name, m)
		}
	}
	return found
}

// A link is "[text](target)", or has its target on a line of its own: "[1]: target".
var link = regexp.MustCompile(`(?m)(?:\]\(|^\[[^\]]+\]: )([^)#\s]*)(?:#([^)\s]*))?`)

// address is a link that leads out of the repository.
var address = regexp.MustCompile(`^[a-z]+:`)

// checkLinks: the files and headings that a page links to are there.
func checkLinks(r *repository, page string) (found findings) {
	for _, m := range link.FindAllStringSubmatch(r.read(page), -1) {
		if address.MatchString(m[1]) {
			continue
		}
		target := page
		if m[1] != "" {
			target = path.Join(path.Dir(page), m[1])
		}
		if !r.has(target) {
			found.add("%s links to %s, which is not there", page, target)
			continue
		}
		if m[2] == "" {
			continue
		}
		heading := func(line string) bool {
			return strings.HasPrefix(line, "#") && anchor(strings.TrimLeft(line, "# ")) == m[2]
		}
		if !slices.ContainsFunc(strings.Split(r.read(target), "\n"), heading) {
			found.add("%s links to #%s, which no heading of %s has", page, m[2], target)
		}
	}
	return found
}
