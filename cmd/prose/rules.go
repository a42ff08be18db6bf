package main

import (
	"path"
	"regexp"
	"strings"
)

// maxColumns is the largest length of a line, with tabs of tabColumns.
const (
	maxColumns = 100
	tabColumns = 4
)

// phrase is a word or expression that plain English does not use.
type phrase struct {
	pattern pattern
	// use says what to write instead.
	use string
	// unless, if it is not nil, matches text that ends with the phrase and in
	// which the phrase is right.
	unless *regexp.Regexp
	// names says that Go identifiers and names of files are checked too.
	names bool
}

// word is a phrase that is found as whole words, in small and capital letters.
func word(expression, use string) phrase {
	return phrase{pattern: compile(expression), use: use}
}

// term is a word of our own for something that has a standard name. It is
// searched in names too.
func term(expression, use string) phrase {
	return phrase{pattern: compile(expression), use: use, names: true}
}

// pattern finds words in text in small letters.
type pattern struct {
	*regexp.Regexp
	prefix string // of every match, to skip most text quickly
}

func compile(expression string) pattern {
	prefix, _ := regexp.MustCompile(expression).LiteralPrefix()
	return pattern{regexp.MustCompile(`\b(?:` + expression + `)\b`), prefix}
}

// in lists the places of the phrase in text, as pairs of offsets.
func (p phrase) in(text string) (places [][]int) {
	if !strings.Contains(text, p.pattern.prefix) {
		return nil
	}
	for _, at := range p.pattern.FindAllStringIndex(text, -1) {
		if p.unless == nil || !p.unless.MatchString(text[:at[1]]) {
			places = append(places, at)
		}
	}
	return places
}

// people are the nouns after which "who" is right.
var people = regexp.MustCompile(`\b(people|persons?|readers?|newcomers?|users?|operators?|` +
	`administrators?|developers?|engineers?|authors?|maintainers?|contributors?|reviewers?|` +
	`anyone|someone|everyone) who$`)

// phrases are all phrases that must not be used.
var phrases = []phrase{
	// Machines are things.
	{pattern: compile(`who`), unless: people,
		use: `"that" or "which", and the noun: "the node that leads", "which node leads"`},
	word(`whom`, `"that" or "which", and the noun`),
	word(`whose`, `"that has", "with", or "of": "a node with a full disk"`),
	word(`who(?:so)?ever`, `the noun: "any node that", "whichever node"`),
	word(`the accused`, `"the broker"`),

	// Constructions that readers must decode.
	word(`the own`, `"its own", "this node's", or the name of the owner`),
	word(`(?:is|are|was|were) to be`, `"must be", "will be" or "is"`),
	word(`anew`, `"again", or "from the beginning"`),
	word(`by way of`, `"through", "by" or "over"`),
	word(`of which`, `two sentences, or "that", or "of them"`),
	word(`of whichever`, `two sentences`),
	word(`hardly an?`, `"almost no"`),
	word(`could(?: not|n't) but`, `"had to"`),
	word(`can(?:not|'t) but`, `"must"`),
	word(`save for`, `"except"`),
	word(`for want of`, `"because there is no"`),
	word(`so as (?:not )?to`, `"to", or "so that ... not"`),
	word(`so much as`, `"even"`),
	word(`no sooner`, `"as soon as"`),
	word(`once more`, `"again"`),
	word(`in vain`, `"without success"`),
	word(`be it`, `"whether it is"`),
	word(`such a one`, `the noun`),
	word(`the like`, `"similar", or the things themselves`),
	word(`is of no (?:interest|use|matter)`, `"does not matter"`),

	// Words that are rare, old or only of lawyers.
	word(`for ever`, `"forever"`),
	word(`lest`, `"so that ... not"`),
	word(`(?:there|where|here)(?:of|in|to|upon|with|from)`, `"of it", "in it" and so on`),
	word(`(?:there|where|here)by`, `"so that", or "by this"`),
	word(`[htw]hence`, `"so", "therefore" or "from there"`),
	word(`hence`, `"so" or "therefore"`),
	word(`whilst`, `"while"`),
	word(`amongst`, `"among"`),
	word(`amid(?:st)?`, `"in" or "during"`),
	word(`albeit`, `"although"`),
	word(`notwithstanding`, `"although" or "despite"`),
	word(`nought|naught|aught`, `"nothing" or "zero"`),
	word(`thrice`, `"three times"`),
	word(`forthwith`, `"at once"`),
	word(`ere`, `"before"`),

	// One word for one thing: the standard one, if there is one.
	term(`vandals?`, `"malformed client"`),
	term(`sloths?`, `"slow reader"`),
	term(`tales?`, `"summary"`),
	term(`canar(?:y|ies)`, `"determinism check"`),
	term(`amnesiacs?`, `"lost silently"`),
	term(`moods?`, `"crash bias"`),
	word(`(?:a|one|another|earlier|later|last|next|first|second|previous|this|same|new|each|every|`+
		`that|its|their) life`, `"incarnation" (of a process), or "lifetime"`),
	word(`(?:two|three|four|all|both|many|more|few|several|earlier|later|other|its|their) lives`,
		`"incarnations" (of a process), or "lifetimes"`),
}

// exempt are files and directories that are not checked, each for a reason. A
// name without a slash is exempt in every directory.
var exempt = map[string]string{
	"MUTANTS.md": "written by make mutants; what it says comes from mutants/*.yaml, which is " +
		"checked",
	"LICENSE":   "the text of others",
	"go.sum":    "written by the go command",
	"go.mod":    "written by the go command",
	"bin":       "what make builds",
	"out":       "what campaigns write",
	"data":      "what local clusters write",
	"cmd/prose": "names what it forbids",
}

// skipped reports whether the file or directory, relative to the root and with
// slashes, is exempt. Directories that begin with a dot belong to tools, except
// those of continuous integration.
func skipped(name string, dir bool) bool {
	base := path.Base(name)
	if dir && strings.HasPrefix(base, ".") && name != "." && name != ".github" && name != ".ci" {
		return true
	}
	if _, below, ok := strings.Cut("/"+name+"/", "/testdata/"); ok {
		// Inputs must keep their bytes. But the comments of transcripts are pages.
		return below != "" && !strings.HasPrefix(below, "transcripts/")
	}
	_, byName := exempt[base]
	_, byPath := exempt[name]
	return byName || byPath
}
