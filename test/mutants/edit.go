package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// goEdit makes the change of a marker to the node that begins a line.
func goEdit(fset *token.FileSet, file *ast.File, source []byte, line int, m marker) (edit, error) {
	node := nodeAt(fset, file, source, line)
	if node == nil {
		return edit{}, errors.New("no statement, case, key or operand begins on the line below")
	}
	node = declared(node)
	change := changeValue
	if m.action == "drop" {
		change = dropNode
	}
	e, err := change(fset, source, node, m)
	if err != nil {
		return e, err
	}
	return e, changesGo(source, e)
}

// dropNode deletes a node, and the comma after it if it is in a list.
func dropNode(fset *token.FileSet, source []byte, n ast.Node, _ marker) (edit, error) {
	e := edit{from: fset.Position(n.Pos()).Offset, to: fset.Position(n.End()).Offset}
	if _, inList := n.(ast.Expr); inList {
		rest := strings.TrimLeft(string(source[e.to:]), " \t")
		if !strings.HasPrefix(rest, ",") {
			return e, errors.New("an operand cannot be dropped: use true or false")
		}
		e.to = len(source) - len(rest) + 1
	}
	return e, nil
}

// changeValue replaces the value of a node, or what it compares.
func changeValue(fset *token.FileSet, source []byte, n ast.Node, m marker) (edit, error) {
	first, last := value(n)
	if first == nil {
		return edit{}, fmt.Errorf("%T has nothing that %s could change", n, m.action)
	}
	e := edit{from: fset.Position(first.Pos()).Offset, to: fset.Position(last.End()).Offset, text: m.value}
	if m.action == "value" {
		return e, nil
	}
	if first != last {
		return e, fmt.Errorf("%s is for one condition, and there are several", m.action)
	}
	// The old condition stays in the program, so that its variables are used.
	form := map[string]string{"negate": "(!(%s))", "true": "(true || (%s))", "false": "(false && (%s))"}[m.action]
	e.text = fmt.Sprintf(form, source[e.from:e.to])
	return e, nil
}

// nodeAt is the outermost node that begins with the first character of a line.
func nodeAt(fset *token.FileSet, file *ast.File, source []byte, line int) (found ast.Node) {
	lines := fset.File(file.Pos())
	if line > lines.LineCount() {
		return nil
	}
	begin := lines.Offset(lines.LineStart(line))
	begin += len(source[begin:]) - len(strings.TrimLeft(string(source[begin:]), " \t"))
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil || found != nil || fset.Position(n.Pos()).Offset > begin || fset.Position(n.End()).Offset <= begin {
			return false
		}
		if fset.Position(n.Pos()).Offset == begin && n != file {
			found = n
		}
		return found == nil
	})
	return found
}

// declared is the spec in a declaration of one constant or variable; every other node is
// unchanged.
func declared(n ast.Node) ast.Node {
	if local, ok := n.(*ast.DeclStmt); ok {
		n = local.Decl
	}
	if list, ok := n.(*ast.GenDecl); ok && len(list.Specs) == 1 {
		return list.Specs[0]
	}
	return n
}

// value is the first and the last expression of a statement, a constant, a case or a key;
// nil: there is none.
func value(n ast.Node) (first, last ast.Expr) {
	list := []ast.Expr(nil)
	switch n := n.(type) {
	case *ast.IfStmt:
		list = []ast.Expr{n.Cond}
	case *ast.ForStmt:
		if n.Cond != nil {
			list = []ast.Expr{n.Cond}
		}
	case *ast.RangeStmt:
		list = []ast.Expr{n.X}
	case *ast.ReturnStmt:
		list = n.Results
	case *ast.AssignStmt:
		list = n.Rhs
	case *ast.ValueSpec:
		list = n.Values
	case *ast.CaseClause:
		list = n.List
	case *ast.KeyValueExpr:
		list = []ast.Expr{n.Value}
	case *ast.ExprStmt:
		list = []ast.Expr{n.X}
	case *ast.DeferStmt:
		list = []ast.Expr{n.Call}
	case ast.Expr:
		list = []ast.Expr{n}
	}
	if len(list) == 0 {
		return nil, nil
	}
	return list[0], list[len(list)-1]
}

var errSame = errors.New("the mutant is the same program")

// changesGo is an error if the changed file does not parse, or if it consists
// of the same tokens as before.
func changesGo(source []byte, e edit) error {
	changed := e.apply(source)
	if _, err := parser.ParseFile(token.NewFileSet(), "", changed, parser.SkipObjectResolution); err != nil {
		return fmt.Errorf("the mutant does not parse: %w", err)
	}
	if slices.Equal(tokens(source), tokens(changed)) {
		return errSame
	}
	return nil
}

func tokens(source []byte) (list []string) {
	var s scanner.Scanner
	fset := token.NewFileSet()
	s.Init(fset.AddFile("", fset.Base(), len(source)), source, nil, 0)
	for {
		_, kind, text := s.Scan()
		if kind == token.EOF {
			return list
		}
		if kind == token.SEMICOLON {
			text = "" // written, or put there by the line's end
		}
		list = append(list, kind.String()+text)
	}
}

// sqlEdit makes the change of a marker to one line of SQL. Its indentation stays.
func sqlEdit(source []byte, from, to int, m marker) (edit, error) {
	from = to - len(strings.TrimLeft(string(source[from:to]), " \t"))
	e := edit{from: from, to: to}
	switch {
	case m.action == "drop":
	case m.action == "value" && !m.inline:
		e.text = m.value
	default:
		return e, errors.New("in SQL use drop, or value with its line in replacements.txt")
	}
	if plainSQL(string(source[from:to])) == plainSQL(e.text) {
		return e, errSame
	}
	return e, nil
}

var sqlComment = regexp.MustCompile(`--.*`)

// plainSQL is a line without its comment and its spaces.
func plainSQL(line string) string {
	return strings.Join(strings.Fields(sqlComment.ReplaceAllString(line, "")), " ")
}
