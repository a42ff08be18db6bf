// Prose checks the text of the repository for two rules: lines have at most 100
// columns, and the English is plain.
//
//	go run ./cmd/prose [-count] [root]
//
// prints one line per violation, with the file, the line, what is wrong and what
// to write in its place, and ends with status 1 if there are any. With -count it
// prints how many there are in each directory.
//
// # What is checked
//
// Lines, in Go and Markdown. A tab counts as four columns. Lines that cannot be
// broken may be longer: rows of Markdown tables, directives such as //go:embed,
// the output of examples, and lines that are one word, such as a long address.
//
// Phrases of the table in rules.go, also if a phrase is broken over two lines:
//
//   - in Go, in comments and string literals, and for some phrases in names;
//   - in Markdown, in everything except code;
//   - in YAML, in everything except block scalars, which hold source code;
//   - in shell scripts, makefiles and the files of web pages, in everything.
//
// It does not know grammar. It finds only the phrases of the table, so a text
// without violations can still be hard to read.
//
// No comment waives a rule: if a pattern gives a false alarm, improve the
// pattern. Whole files are exempt in rules.go, each with a reason.
package main
