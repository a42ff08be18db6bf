package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// passage is text without comment markers, indentation and line ends, so that a
// phrase is also found if it is broken over two lines. An empty line stays, so
// that no phrase is found across it.
type passage struct {
	text   strings.Builder
	starts []start
	// name says that the text is a name; only terms are searched in names.
	name bool
}

// start says that the text from offset on belongs to a line.
type start struct{ offset, line int }

// add appends one line.
func (p *passage) add(line int, text string) {
	text = strings.TrimSpace(text)
	switch {
	case p.text.Len() == 0:
	case text == "":
		p.text.WriteByte('\n')
	default:
		p.text.WriteByte(' ')
	}
	p.starts = append(p.starts, start{p.text.Len(), line})
	p.text.WriteString(text)
}

// line is the line of the file that holds the byte at offset.
func (p *passage) line(offset int) int {
	i := sort.Search(len(p.starts), func(i int) bool { return p.starts[i].offset > offset })
	return p.starts[max(i-1, 0)].line
}

// one is a passage of one line.
func one(line int, text string) *passage {
	p := new(passage)
	p.add(line, text)
	return p
}

// passages returns the text of a file that people read, or nil if the kind of
// the file is not known.
func passages(name, content string) ([]*passage, error) {
	switch kind := path.Ext(name); {
	case strings.Contains("/"+name, "/testdata/transcripts/"):
		return []*passage{transcript(content)}, nil
	case kind == ".go":
		return goPassages(name, content)
	case kind == ".md":
		return []*passage{markdown(content)}, nil
	case kind == ".yaml" || kind == ".yml":
		return []*passage{yaml(content)}, nil
	case kind == ".sh" || kind == ".js" || kind == ".css" || kind == ".html",
		kind == "" && (path.Base(name) == "Makefile" || strings.HasPrefix(content, "#!")):
		return []*passage{plain(content)}, nil
	}
	return nil, nil
}

// transcript is the comments of a transcript: the lines that begin with "#".
func transcript(content string) *passage {
	p := new(passage)
	for i, line := range strings.Split(content, "\n") {
		text, _ := strings.CutPrefix(line, "#")
		if text == line {
			text = ""
		}
		p.add(i+1, text)
	}
	return p
}

// goPassages are the comments, string literals and declared names of Go source.
func goPassages(name, content string) (found []*passage, err error) {
	fset := token.NewFileSet()
	mode := parser.ParseComments | parser.SkipObjectResolution
	file, err := parser.ParseFile(fset, name, content, mode)
	if err != nil {
		return nil, err
	}
	for _, group := range file.Comments {
		p := new(passage)
		for _, comment := range group.List {
			line := fset.Position(comment.Pos()).Line
			for i, text := range strings.Split(comment.Text, "\n") {
				text = strings.TrimPrefix(strings.TrimPrefix(text, "//"), "/*")
				p.add(line+i, strings.TrimSuffix(text, "*/"))
			}
		}
		found = append(found, p)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				found = append(found, literal(fset.Position(n.Pos()).Line, n.Value))
			}
		case *ast.Ident:
			p := one(fset.Position(n.Pos()).Line, words(n.Name))
			p.name = true
			found = append(found, p)
		}
		return true
	})
	return found, nil
}

// literal is the passage of a string literal.
func literal(line int, source string) *passage {
	if !strings.HasPrefix(source, "`") {
		if text, err := strconv.Unquote(source); err == nil {
			return one(line, strings.ReplaceAll(text, "\n", " \n "))
		}
	}
	p := new(passage)
	for i, text := range strings.Split(strings.Trim(source, "`"), "\n") {
		p.add(line+i, text)
	}
	return p
}

// words splits an identifier into words: staleEnd is "stale end".
func words(identifier string) string {
	var b strings.Builder
	for i, r := range identifier {
		if i > 0 && unicode.IsUpper(r) || r == '_' {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

var codeSpan = regexp.MustCompile("`[^`]*`")

// markdown leaves out code: spans, fenced blocks, and indented blocks, which
// follow an empty line. Indented lines of a list do not follow one.
func markdown(content string) *passage {
	p := new(passage)
	var fenced, indented bool
	before := ""
	for i, line := range strings.Split(content, "\n") {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		deep := strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
		indented = deep && (indented || before == "")
		if fence {
			fenced = !fenced
		}
		text := codeSpan.ReplaceAllString(strings.TrimLeft(line, "> "), "``")
		if fence || fenced || indented {
			text = ""
		}
		p.add(i+1, text)
		if line != "" || !indented {
			before = strings.TrimSpace(line)
		}
	}
	return p
}

var blockScalar = regexp.MustCompile(`[:-] *\|[-+0-9]*$`)

// yaml leaves out literal block scalars.
func yaml(content string) *passage {
	p := new(passage)
	inBlock, depth := false, 0
	for i, line := range strings.Split(content, "\n") {
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		inBlock = inBlock && (text == "" || indent > depth)
		if inBlock {
			continue
		}
		if blockScalar.MatchString(text) {
			inBlock, depth = true, indent
		}
		p.add(i+1, strings.TrimLeft(text, "# "))
	}
	return p
}

// plain is all text of a file, without the markers of comments.
func plain(content string) *passage {
	p := new(passage)
	for i, line := range strings.Split(content, "\n") {
		p.add(i+1, strings.TrimLeft(line, " \t#/*"))
	}
	return p
}
