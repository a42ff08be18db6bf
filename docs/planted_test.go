package docs

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// small is a repository with one of each thing that a page may name, and more
// files beside them: a path, a text, a path, a text.
func small(more ...string) *repository {
	files := fstest.MapFS{}
	one := []string{
		"log/log.go", "package log\ntype Log[T any] struct{ next int }\n" +
			"func (l *Log[T]) Append() {}\nconst max = 1",
		"log/log_test.go", "package log\nfunc TestAppend() {}",
		"mutants/W3.yaml", "caught: [P1, 'P4: late']",
		"mutants/W3b.yaml", "caught: [P4]",
		"scenarios/bugs/rot.yaml", "",
		"scenarios/smoke/one-way.yaml", "",
		"scenarios/regression/forgotten.yaml", "",
		"broker/api/testdata/transcripts/metadata", "",
		"docs/protocol.md", "\n### PROTOCOL 1\n",
		"docs/kafka.md", "\n### KAFKA 18b\n",
		"docs/bugs.md", classW + "Planted: `W3`, `W3b`.\n\n### P4\n",
	}
	for _, list := range [][]string{one, more} {
		for i := 0; i < len(list); i += 2 {
			files[list[i]] = &fstest.MapFile{Data: []byte(list[i+1])}
		}
	}
	return newRepository(files)
}

const classW = "\n### W: log\n\nIt lies.\n\n- **W3**: early. "

// goodRule is a rule in which nothing is wrong.
const goodRule = `
### PROTOCOL 1

**Appends are durable
before they are answered.**
More words.

Why: crashes.

- Enforced: ` + "`log.Log.Append`, `log.Log.next`," + `
  ` + "`log.max`" + `
- Shown broken by: ` + "`W3b`; story `rot`, story `one-way`, regression `forgotten`," + `
  ` + "test `log.TestAppend`, transcript `api/metadata`" + `
- Not built yet: the rest.
`

func TestARuleIsReadAsItIsWritten(t *testing.T) {
	rules, found := checkRules(small(), "PROTOCOL", goodRule)
	require.Empty(t, found)
	require.Equal(t, map[string]bool{"PROTOCOL 1": true}, rules)
	s := sections(goodRule)[0]
	require.Equal(t, "Appends are durable before they are answered.", s.title)
	require.Equal(t, "the rest.", s.fields["Not built yet"])
}

func TestABadRuleIsFound(t *testing.T) {
	const (
		heading  = "\n### PROTOCOL 1\n\n**A title.**\n\nWhy: reasons.\n\n"
		enforced = heading + "- Enforced: `log.Log`\n"
		shown    = enforced + "- Shown broken by: "
	)
	for _, c := range []struct{ page, finding string }{
		{goodRule + goodRule, "the rule stands here twice"},
		{"\n### PROTOCOL 1x2\n", "the heading is no rule of PROTOCOL"},
		{"\n### PROTOCOL 1\n\nWhy: reasons.\n", "no bold line states the rule"},
		{"\n### PROTOCOL 1\n\n**A title.**\n", "no paragraph says why"},
		{heading, "neither enforced nor not built yet"},
		{heading + "- Enforcd: by nobody\n", `unknown item "Enforcd"`},
		{heading + "- Enforced: somewhere\n", "nothing that enforces it is named"},
		{heading + "- Enforced: `log.Log.append`\n", "there is no log.Log.append"},
		{heading + "- Enforced: `logs.Log`\n", "there is no logs.Log"},
		{enforced, "nothing says what shows it broken"},
		{shown + "luck\n", "nothing says what shows it broken"},
		{shown + "`W4`\n", "there is no W4"},
		{shown + "`rot`\n", "there is no rot"},
		{shown + "story `forgotten`\n", "there is no story forgotten"},
		{shown + "regression `rot`\n", "there is no regression rot"},
		{shown + "test `log.TestX`\n", "there is no test log.TestX"},
		{shown + "transcript `api/x`\n", "there is no transcript api/x"},
	} {
		_, found := checkRules(small(), "PROTOCOL", c.page)
		require.Contains(t, found, sections(c.page)[0].heading+": "+c.finding)
	}
	_, found := checkRules(small(), "PROTOCOL", shown+"nothing shows it yet\n")
	require.Empty(t, found, "an honest answer")
}

func TestABadPropertyIsFound(t *testing.T) {
	const page = "\n### P4\n\n**watermarks never lie**\n\n" +
		"- Judged by: `log.judge`\n- Shown broken by: `W3`, `W3b`\n" +
		"\n### P1\n\n- Judged by: `log.Log`\n- Shown broken by: `W3b`\n"
	found := checkProperties(small(), page)
	require.Contains(t, found, "P2: the page does not have it")
	require.Contains(t, found, "P4: there is no log.judge")
	require.Contains(t, found, "P1: bug W3b is not caught by it")
	require.NotContains(t, found, "P4: bug W3 is not caught by it")
	require.Contains(t, found, `P4: its title is "watermarks and log starts are monotonic `+
		`and bounded by the in-sync set" in package checker`)
}

func TestABadClassIsFound(t *testing.T) {
	require.Empty(t, checkClasses(small(),
		classW+"Planted: `W3`,\n  `W3b`. More.\n- **W4**: late. Not planted: why.\n"))
	for _, c := range []struct{ page, finding string }{
		{classW + "Planted: `W3`.\n", "W3b: it is planted, and the page does not have it"},
		{classW + "Planted: `W4`.\n", "W3: W4 is not of this class"},
		{classW + "Planted: `W3c`.\n", "W3: W3c is not planted"},
		{classW + "Planted: `W3`, `W3`.\n", "W3: W3 stands here twice"},
		{classW, "W3: neither planted nor not planted"},
		{"\n### L: log\n\n- **W3**: early. Planted: `W3`.\n", `W3: it stands below "L: log"`},
		{"\n### L: log\n\n", "W3: the page does not explain its letter"},
	} {
		require.Contains(t, checkClasses(small(), c.page), c.finding)
	}
}

func TestABadCitationIsFound(t *testing.T) {
	require.Empty(t, checkCitations(small()))
	// The words are put together here, so that this file does not cite them.
	const protocol, kafka, bugs = "PROTOCOL", "KAFKA", "BUGS"
	for _, c := range []struct{ text, cites string }{
		{protocol + " 1 and " + protocol + " 2)", protocol + " 2"},
		{protocol + " 1, 7)", protocol + " 7"},
		{"(" + protocol + "\n// 3b is wrapped", protocol + " 3b"},
		{kafka + " 18c", kafka + " 18c"},
		{bugs + " W4", bugs + " W4"},
		{bugs + " P5", bugs + " P5"},
	} {
		want := findings{"a.go cites " + c.cites + ", which no page has"}
		require.Equal(t, want, checkCitations(small("a.go", "// "+c.text)))
	}
	for _, page := range []string{bugs + ".md", "DESIGN" + " 1", "DESIGN" + " section 2"} {
		require.Equal(t, findings{"a.go cites " + page + ", which is not in this repository"},
			checkCitations(small("a.go", "// see "+page+", rule 3")))
	}
	require.Empty(t, checkCitations(small("out/b.md", protocol+" 2", "a.md",
		protocol+" 1: "+kafka+" 18b, "+bugs+" W3, "+bugs+" P4, KAFKA-18659, "+protocol+" n")))
}

func TestABadLinkIsFound(t *testing.T) {
	r := small("docs/other.md", "## Its title, is long", "docs/page.md",
		"# A page\n[a](#a-page), [b](other.md#its-title-is-long), [c](../WHY.md), [d](#none), "+
			"[e](https://kafka.apache.org), [6]\n\n[6]: #six\n")
	require.Equal(t, findings{
		"docs/page.md links to WHY.md, which is not there",
		"docs/page.md links to #none, which no heading of docs/page.md has",
		"docs/page.md links to #six, which no heading of docs/page.md has",
	}, checkLinks(r, "docs/page.md"))
}

func TestLettersAreThoseOfThePage(t *testing.T) {
	letters := Letters()
	order := ""
	for _, l := range letters {
		order += l.Letter
	}
	require.Equal(t, "LRMWIFCGTESOD", order)
	require.Equal(t, Letter{
		Letter: "W", Title: "write-ahead log and offsets",
		Means:  "What was promised is not on the disk, or stands at another offset.",
		Anchor: "w-write-ahead-log-and-offsets",
	}, letters[3])
}
