// Prose holds the text of the repository to two rules: lines have at most 100
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
// Lines, in Go and Markdown. A tab counts four columns. Lines that cannot be
// broken are excepted: rows of Markdown tables, directives such as //go:embed,
// the output of examples, and lines that are one word, such as a long address.
//
// Phrases, by the table in rules.go, also where a phrase is broken over two
// lines:
//
//   - in Go, comments and string literals, and for some phrases names;
//   - in Markdown, everything but code;
//   - in YAML, everything but block scalars, which hold source code;
//   - in shell scripts, makefiles and the files of web pages, everything.
//
// It does not know grammar: it finds the phrases that experience has put into
// the table, so a text without violations can still be hard to read.
//
// There is no comment that waives a rule. A pattern with a false alarm is a
// pattern to improve. Whole files are excepted in rules.go, each with a reason.
package main
