package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// finding is one violation.
type finding struct {
	file    string
	line    int
	message string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.message) }

// check checks all files of a tree, in order.
func check(tree fs.FS) (found []finding, err error) {
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if skipped(name, entry.IsDir()) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		more, err := checkFile(name, string(content))
		found = append(found, more...)
		return err
	})
	return found, err
}

// checkFile checks one file. The name is relative to the root, with slashes.
func checkFile(name, content string) ([]finding, error) {
	found := checkLines(name, content)
	texts, err := passages(name, content)
	if err != nil {
		return nil, err
	}
	if texts != nil {
		base := one(1, words(strings.TrimSuffix(path.Base(name), path.Ext(name))))
		base.name = true
		texts = append(texts, base)
	}
	for _, text := range texts {
		found = append(found, checkPhrases(name, text)...)
	}
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(a.line-b.line, strings.Compare(a.message, b.message))
	})
	return slices.Compact(found), nil
}

func checkPhrases(name string, p *passage) (found []finding) {
	text := strings.ToLower(p.text.String())
	for _, phrase := range phrases {
		if p.name && !phrase.names {
			continue
		}
		for _, at := range phrase.in(text) {
			message := fmt.Sprintf("%q: write %s", text[at[0]:at[1]], phrase.use)
			found = append(found, finding{name, p.line(at[0]), message})
		}
	}
	return found
}

// unbreakable matches lines that cannot be broken, by kind of file.
var unbreakable = map[string]*regexp.Regexp{
	".go": regexp.MustCompile(`^\s*(//\s*)?\S+$|^//[a-z]+:`),
	".md": regexp.MustCompile(`^\s*([-*>]\s+)?\S+$|^\s*\|`),
}

func checkLines(name, content string) (found []finding) {
	exception, checked := unbreakable[path.Ext(name)]
	if !checked {
		return nil
	}
	output := false // what an example prints may be long
	for i, line := range strings.Split(content, "\n") {
		text := strings.TrimSpace(line)
		output = text == "// Output:" || output && strings.HasPrefix(text, "//")
		if n := columns(line); n > maxColumns && !output && !exception.MatchString(line) {
			message := fmt.Sprintf("%d columns: break the line, %d are the most", n, maxColumns)
			found = append(found, finding{name, i + 1, message})
		}
	}
	return found
}

func columns(line string) int {
	return utf8.RuneCountInString(line) + (tabColumns-1)*strings.Count(line, "\t")
}
