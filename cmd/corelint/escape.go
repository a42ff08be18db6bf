package main

import (
	"go/ast"
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// escapePrefix begins a comment that waives a rule at its line or the next one.
const escapePrefix = "//corelint:"

// escapeKinds are the rules that may be waived.
var escapeKinds = map[string]bool{"ordered": true, "float": true}

type escape struct {
	kind string
	pos  token.Pos
	used bool
}

// escapes are the escapes of one file, by line.
type escapes map[int][]*escape

func findEscapes(pass *analysis.Pass, file *ast.File) escapes {
	found := escapes{}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			text, ok := strings.CutPrefix(comment.Text, escapePrefix)
			if !ok {
				continue
			}
			kind, reason, _ := strings.Cut(text, " ")
			switch {
			case !escapeKinds[kind]:
				pass.Reportf(comment.Pos(), "unknown escape %s%s: there are ordered and float",
					escapePrefix, kind)
			case strings.TrimSpace(reason) == "":
				pass.Reportf(comment.Pos(), "escape without a reason: write %s%s <reason>",
					escapePrefix, kind)
			default:
				line := pass.Fset.Position(comment.Pos()).Line
				found[line] = append(found[line], &escape{kind: kind, pos: comment.Pos()})
			}
		}
	}
	return found
}

// waive reports whether an escape of the kind stands at pos, and uses it.
func (e escapes) waive(pass *analysis.Pass, pos token.Pos, kind string) bool {
	line := pass.Fset.Position(pos).Line
	for _, at := range []int{line, line - 1} {
		for _, escape := range e[at] {
			if escape.kind == kind {
				escape.used = true
				return true
			}
		}
	}
	return false
}

func (e escapes) reportUnused(pass *analysis.Pass) {
	for _, atLine := range e {
		for _, escape := range atLine {
			if !escape.used {
				pass.Reportf(escape.pos, "escape %s%s waives nothing: remove it",
					escapePrefix, escape.kind)
			}
		}
	}
}
