package main

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// lint checks one file and returns its findings as line: message.
func lint(t *testing.T, name, content string) []string {
	t.Helper()
	found, err := check(fstest.MapFS{name: {Data: []byte(content)}})
	require.NoError(t, err)
	var messages []string
	for _, f := range found {
		require.Equal(t, name, f.file)
		messages = append(messages, strings.TrimPrefix(f.String(), name+":"))
	}
	return messages
}

func TestALongLineIsFound(t *testing.T) {
	long := strings.Repeat("word ", 20) + "x" // 101 columns
	require.Len(t, long, 101)
	want := []string{"3: 104 columns: break the line, 100 are the most"}
	require.Equal(t, want, lint(t, "a/x.go", "package a\n\n// "+long+"\n"))
	require.Equal(t, want, lint(t, "a/x.md", "x\n\n   "+long+"\n"))
	require.Empty(t, lint(t, "a/x.go", "package a\n\n// "+long[:97]+"\n"))
	require.Empty(t, lint(t, "a/x.md", "x\n\n"+long[:100]+"\n"))
}

func TestColumnsAreNotBytes(t *testing.T) {
	require.Equal(t, 4+1+4+2, columns("\t→\tab"))
}

func TestLinesThatCannotBeBrokenMayBeLong(t *testing.T) {
	address := "https://example.com/" + strings.Repeat("x", 100)
	row := "| " + strings.Repeat("word ", 30) + "|"
	require.Empty(t, lint(t, "x.md", row+"\n"+address+"\n- "+address+"\n"))
	require.Empty(t, lint(t, "x.go", "package x\n\n// "+address+"\n"))
	require.Empty(t, lint(t, "x.go", "package x\n//go:generate "+strings.Repeat("word ", 30)+"\n"))
	printed := "\t// Output:\n\t// " + strings.Repeat("word ", 30) + "\n"
	require.Empty(t, lint(t, "x.go", "package x\n\nfunc Example() {\n"+printed+"}\n"))
	require.Empty(t, lint(t, "x.yaml", "x: "+strings.Repeat("word ", 30)+"\n"),
		"no Go, no Markdown")
	require.Len(t, lint(t, "x.md", "See "+address+" for more.\n"), 1)
}

// Each phrase of the table is found in ordinary text, and the message says what
// to write instead.
func TestEachPhraseIsFound(t *testing.T) {
	for _, text := range []string{
		"a node who leads", "whom it asks", "a node whose disk is full", "Whoever asks",
		"whosoever", "by the accused", "the own registration", "it is to be sent",
		"they were to be sent", "begins anew", "by way of mail", "two, of which one leads",
		"hardly an answer", "it could not but fail", "it can't but fail", "save for one",
		"for want of room", "so as not to wait", "so much as one", "no sooner than", "once more",
		"in vain", "be it late or not", "such a one", "and the like", "is of no use", "for ever",
		"lest it fails", "the end thereof", "wherein it lies", "thereby", "whence", "hence",
		"whilst", "amongst", "amid", "albeit", "notwithstanding", "nought", "thrice", "forthwith",
		"ere long", "a vandal", "sloths", "its tale", "two canaries", "Amnesiac",
		"in the worst mood", "in an earlier life", "all lives of it", "of whichever node",
	} {
		t.Run(text, func(t *testing.T) {
			got := lint(t, "x.go", "package x\n\n// Note "+text+" so.\n")
			require.NotEmpty(t, got)
			require.Contains(t, got[0], "3: ")
			require.Contains(t, got[0], ": write ")
		})
	}
}

func TestPlainEnglishIsNotFound(t *testing.T) {
	for _, text := range []string{
		"readers who do not know Go", "its own epoch", "the owner", "by the way", "the two of them",
		"The whole log", "a stale end", "details", "it lives on one loop",
		"the lifetime of a lease", "everywhere in it", "belongs to it", "there in time", "forever",
		"least", "hardly ever", "with life= in it", "for everyone",
	} {
		require.Empty(t, lint(t, "x.go", "package x\n\n// Note "+text+" so.\n"), text)
	}
}

func TestAPhraseIsFoundWhereverPeopleReadIt(t *testing.T) {
	const tale, own = `"tale": write "summary"`, `"the own": write "its own", "this node's", or ` +
		`the name of the owner`
	for _, c := range []struct{ name, content, want string }{
		{"x.go", "package x\n\nvar x = \"what is the own epoch\"\n", "3: " + own},
		{"x.go", "package x\n\nvar x = `\nthe own epoch`\n", "4: " + own},
		{"x.go", "package x\n\n/*\nfor the own epoch\n*/\n", "4: " + own},
		{"x.go", "package x\n\n// for the\n// own epoch\n", "3: " + own},
		{"x.go", "package x\n\nvar lastTale int\n", "3: " + tale},
		{"tale.go", "package x\n", "1: " + tale},
		{"x.md", "# Title\n\n- for the\n  own epoch\n", "3: " + own},
		{"x.md", "> for the\n> own epoch\n", "1: " + own},
		{"x.yaml", "# for the\n# own epoch\n", "1: " + own},
		{"x.yaml", "does: |\n  the own\nwhy: the own\n", "3: " + own},
		{"x.sh", "\n# the own epoch\n", "2: " + own},
		{"Makefile", "x: ## the own epoch\n", "1: " + own},
		{"x.js", "// the own epoch\n", "1: " + own},
		{".ci/run", "#!/bin/sh\n# the own epoch\n", "2: " + own},
	} {
		require.Equal(t, []string{c.want}, lint(t, c.name, c.content), "%s: %q", c.name, c.content)
	}
}

func TestCodeIsNotProse(t *testing.T) {
	for name, content := range map[string]string{
		"x.go":   "package x\n\nimport _ \"who/whose\"\n\nvar whose, theOwn int\n",
		"a.md":   "the `own` and `whose`\n",
		"b.md":   "```\nwhose\n```\n",
		"c.md":   "Text:\n\n    whose\n\n    whose\n\nText.\n",
		"d.md":   "the\n\nown\n",
		"x.yaml": "find: |\n  for whose\n\n  for whose\nreplace: |-\n  whose\n",
		"x.json": "\"whose\"\n",
	} {
		require.Empty(t, lint(t, name, content), name)
	}
	require.NotEmpty(t, lint(t, "x.md", "- item\n    whose\n"), "a paragraph of a list is prose")
}

func TestExemptFilesAreNotRead(t *testing.T) {
	for _, name := range []string{
		"a/testdata/x.md", "MUTANTS.md", "out/x.md", "cmd/prose/rules.go", ".git/x.md",
	} {
		require.Empty(t, lint(t, name, "whose\n"), name)
	}
	for _, name := range []string{".github/x.md", "cmd/x.md", "a/cmd/prose/x.md"} {
		require.NotEmpty(t, lint(t, name, "whose\n"), name)
	}
}

func TestTheCommentsOfTranscriptsAreChecked(t *testing.T) {
	const name = "a/testdata/transcripts/b/probe"
	found := lint(t, name, "# It asks.\n# A node whose\n\nprobe whose\n----\nwhose\n")
	require.Len(t, found, 1)
	require.Contains(t, found[0], `2: "whose": write`)
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	_, err := check(fstest.MapFS{"x.go": {Data: []byte("package")}})
	require.ErrorContains(t, err, "x.go")
}
