package mutants

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// span is a part of a file, from the byte begin to before the byte end.
type span struct{ begin, end int }

// locate returns the place of the text in a file that e replaces.
func (e *Edit) locate(source string) (span, error) {
	within := span{0, len(source)}
	if e.In != "" {
		var err error
		if within, err = declaration(source, e.In); err != nil {
			return span{}, err
		}
	}
	text, at := squeeze(source[within.begin:within.end])
	find, _ := squeeze(e.Find)
	var found []span
	for from := 0; ; {
		i := strings.Index(text[from:], find)
		if i < 0 {
			break
		}
		begin, end := from+i, from+i+len(find)
		from = begin + 1
		if !e.wholeLines() || begin == 0 || text[begin-1] == '\n' {
			found = append(found, span{within.begin + at[begin], within.begin + at[end-1] + 1})
		}
	}
	switch len(found) {
	case 0:
		return span{}, fmt.Errorf("this text no longer occurs%s: %s", e.where(), e.text())
	case 1:
		return found[0], nil
	}
	return span{}, fmt.Errorf("this text occurs %d times%s: %s", len(found), e.where(), e.text())
}

// wholeLines reports whether the text that is replaced must be whole lines.
func (e *Edit) wholeLines() bool { return strings.HasSuffix(e.Find, "\n") }

func (e *Edit) text() string { return strings.TrimSpace(e.Find) }

func (e *Edit) where() string {
	if e.In == "" {
		return ""
	}
	return " in " + e.In
}

// squeeze returns text without the white space that lines begin with, and with
// one blank for each sequence of blanks and tabs; at[i] is the place in text of
// its byte i.
func squeeze(text string) (squeezed string, at []int) {
	var b strings.Builder
	last := byte('\n')
	for i := range len(text) {
		c := text[i]
		if c == '\t' {
			c = ' '
		}
		if c == ' ' && (last == ' ' || last == '\n') {
			continue
		}
		b.WriteByte(c)
		at = append(at, i)
		last = c
	}
	return b.String(), at
}

// declaration returns the place in a file where a function, method or type is
// declared, up to the end of its last line.
func declaration(source, name string) (span, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.SkipObjectResolution)
	if err != nil {
		return span{}, err
	}
	var found []ast.Node
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if funcName(d) == name {
				found = append(found, d)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if t, ok := s.(*ast.TypeSpec); ok && t.Name.Name == name {
					if d.Lparen.IsValid() {
						found = append(found, t)
					} else {
						found = append(found, d)
					}
				}
			}
		}
	}
	if len(found) != 1 {
		return span{}, fmt.Errorf("%d functions, methods or types are called %s", len(found), name)
	}
	at := span{files.Position(found[0].Pos()).Offset, files.Position(found[0].End()).Offset}
	if rest := strings.IndexByte(source[at.end:], '\n'); rest >= 0 {
		at.end += rest + 1
	}
	return at, nil
}

// funcName is what an edit's In calls a function: F, T.M or (*T).M.
func funcName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	star := false
	for t := f.Recv.List[0].Type; ; {
		switch x := t.(type) {
		case *ast.StarExpr:
			star, t = true, x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			if star {
				return "(*" + x.Name + ")." + f.Name.Name
			}
			return x.Name + "." + f.Name.Name
		default:
			return f.Name.Name
		}
	}
}
