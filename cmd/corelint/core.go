package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// coreCheck checks one file of a core package.
type coreCheck struct {
	pass    *analysis.Pass
	file    *ast.File
	escapes escapes
}

func newCoreCheck(pass *analysis.Pass, file *ast.File) *coreCheck {
	return &coreCheck{pass, file, findEscapes(pass, file)}
}

// finish reports unused escapes. A file that the build leaves out has no types,
// so its escapes may be needed there.
func (c *coreCheck) finish() {
	if _, typed := c.pass.TypesInfo.Defs[c.file.Name]; typed {
		c.escapes.reportUnused(c.pass)
	}
}

func (c *coreCheck) visit(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.GoStmt:
		c.report(n, "go statement in the core: a loop is single-threaded; send mail to another "+
			"loop (loop.Host.TrySend)")
	case *ast.SelectStmt:
		c.report(n, "select in the core: events come to loop.Loop.Step")
	case *ast.SendStmt:
		c.report(n, "channel send in the core: use loop.Host.TrySend or Reply")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			c.report(n, "channel receive in the core: events come to loop.Loop.Step")
		}
	case *ast.ChanType:
		c.report(n, "channel type in the core: use mail between loops (loop.Host.TrySend)")
	case *ast.RangeStmt:
		c.rangeStmt(n)
	case *ast.StructType:
		for _, field := range n.Fields.List {
			c.noFloat(field, field.Type, "struct field")
		}
	case *ast.GenDecl:
		c.packageVars(n)
	case *ast.Ident:
		c.symbol(n)
	case *ast.CallExpr:
		c.noPointerVerb(n)
	}
	return true
}

func (c *coreCheck) report(node ast.Node, format string, args ...any) {
	c.pass.Reportf(node.Pos(), format, args...)
}

func (c *coreCheck) rangeStmt(n *ast.RangeStmt) {
	t := c.pass.TypesInfo.TypeOf(n.X)
	if t == nil {
		return
	}
	if isKind[*types.Chan](t) {
		c.report(n, "range over a channel in the core: events come to loop.Loop.Step")
	}
	if isKind[*types.Map](t) && !c.escapes.waive(c.pass, n.Pos(), "ordered") {
		c.report(n,
			"range over a map in the core: iterate a sorted slice or a btree.Map, or say why the "+
				"order is not seen with //corelint:ordered <reason>")
	}
}

// packageVars forbids floating point in package variables. Other declarations
// may have it.
func (c *coreCheck) packageVars(decl *ast.GenDecl) {
	if decl.Tok != token.VAR {
		return
	}
	for _, spec := range decl.Specs {
		for _, name := range spec.(*ast.ValueSpec).Names {
			obj := c.pass.TypesInfo.Defs[name]
			if obj != nil && obj.Parent() == c.pass.Pkg.Scope() {
				c.noFloatType(name, obj.Type(), "package variable")
			}
		}
	}
}

func (c *coreCheck) noFloat(at ast.Node, typ ast.Expr, what string) {
	if t := c.pass.TypesInfo.TypeOf(typ); t != nil {
		c.noFloatType(at, t, what)
	}
}

func (c *coreCheck) noFloatType(at ast.Node, t types.Type, what string) {
	if hasFloat(t, nil) && !c.escapes.waive(c.pass, at.Pos(), "float") {
		c.report(at,
			"floating point in a %s of the core: results differ by CPU; use integers with the "+
				"unit in the name, or //corelint:float <reason>", what)
	}
}

// symbol checks the use of a name of a package that is only partly pure. It
// asks the type checker, so that it sees through renamed and dot imports.
func (c *coreCheck) symbol(id *ast.Ident) {
	obj := c.pass.TypesInfo.Uses[id]
	if obj == nil {
		return
	}
	if b, ok := obj.(*types.Builtin); ok && (b.Name() == "print" || b.Name() == "println") {
		c.report(id, "%s in the core: use a returned value", b.Name())
	}
	if obj.Pkg() == nil || obj.Parent() != obj.Pkg().Scope() {
		return
	}
	path := obj.Pkg().Path()
	if why, unreadable := coreUnreadable[path][obj.Name()]; unreadable && obj.Pkg() != c.pass.Pkg {
		c.report(id, "%s.%s in the core: %s", path, obj.Name(), why)
	}
	allowed, partial := coreSymbols[path]
	if !partial || slices.Contains(allowed, obj.Name()) {
		return
	}
	use := "one of " + strings.Join(allowed, ", ")
	if better, ok := symbolReplacements[path+"."+obj.Name()]; ok {
		use = better
	}
	c.report(id, "%s.%s in the core: use %s", path, obj.Name(), use)
}

// noPointerVerb forbids %p in constant formats, wherever they are passed to:
// addresses differ from run to run.
func (c *coreCheck) noPointerVerb(call *ast.CallExpr) {
	for _, arg := range call.Args {
		v := c.pass.TypesInfo.Types[arg].Value
		if v == nil || v.Kind() != constant.String {
			continue
		}
		if hasPointerVerb(constant.StringVal(v)) {
			c.report(arg, "%%p in the core: addresses differ from run to run; use an id")
		}
	}
}

func hasPointerVerb(format string) bool {
	format = strings.ReplaceAll(format, "%%", "")
	for {
		_, after, found := strings.Cut(format, "%")
		if !found {
			return false
		}
		format = strings.TrimLeft(after, "+-#0123456789.*[]")
		if strings.HasPrefix(format, "p") {
			return true
		}
	}
}

// isKind reports whether t, or for a type parameter any type it may stand for,
// is a K underneath.
func isKind[K types.Type](t types.Type) bool {
	if param, ok := types.Unalias(t).(*types.TypeParam); ok {
		return anyTerm(param.Constraint(), func(t types.Type) bool { return isKind[K](t) })
	}
	_, ok := t.Underlying().(K)
	return ok
}

// anyTerm reports whether f holds for any type in the unions of a constraint.
func anyTerm(constraint types.Type, f func(types.Type) bool) bool {
	iface, ok := constraint.Underlying().(*types.Interface)
	if !ok {
		return f(constraint)
	}
	for embedded := range iface.EmbeddedTypes() {
		if union, ok := embedded.(*types.Union); ok {
			for term := range union.Terms() {
				if anyTerm(term.Type(), f) {
					return true
				}
			}
		} else if anyTerm(embedded, f) {
			return true
		}
	}
	return false
}

// hasFloat reports whether values of t hold floating point in themselves or
// behind pointers. Structs with names of their own are checked where they are
// declared, if that is in the core.
func hasFloat(t types.Type, seen []types.Type) bool {
	if slices.Contains(seen, t) {
		return false
	}
	seen = append(seen, t)
	switch u := types.Unalias(t).Underlying().(type) {
	case *types.Basic:
		return u.Info()&(types.IsFloat|types.IsComplex) != 0
	case *types.Array:
		return hasFloat(u.Elem(), seen)
	case *types.Slice:
		return hasFloat(u.Elem(), seen)
	case *types.Pointer:
		return hasFloat(u.Elem(), seen)
	case *types.Map:
		return hasFloat(u.Key(), seen) || hasFloat(u.Elem(), seen)
	}
	return false
}
