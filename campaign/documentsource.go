package campaign

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDocument limits the size of a document.
const maxDocument = 256 << 10

// source is the text of a document. It is kept so that a mistake found later is shown
// at its place.
type source struct {
	name string // the file's; "": there is none
	text string
	root ast.Node
}

// DocumentError is a mistake at a place in a document.
type DocumentError struct {
	File string
	Line int // 0: not known
	Text string
}

func (e *DocumentError) Error() string {
	switch {
	case e.File == "":
		return e.Text
	case e.Line == 0:
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// ParseDocument reads a document in YAML or JSON. Its errors name the file and the
// line: unknown members, unsupported members, and values of a wrong kind.
func ParseDocument(name string, text []byte) (Document, error) {
	if len(text) > maxDocument {
		return Document{}, &DocumentError{File: name, Text: fmt.Sprintf("the document is longer than %d KiB", maxDocument>>10)}
	}
	src := source{name: name, text: string(text)}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return Document{}, src.decodeError(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return Document{}, &DocumentError{File: name, Text: "want one document, such as \"name: outage\" and what follows"}
	}
	src.root = file.Docs[0].Body
	if err := src.plain(src.root); err != nil {
		return Document{}, err
	}
	d := Document{}
	if err := decodeNode(src.root, &d); err != nil {
		return Document{}, src.decodeError(err)
	}
	d.source = src
	return d, nil
}

// plain refuses anchors and aliases: a small file must not become a large document.
func (s source) plain(n ast.Node) error {
	found := ast.FilterFile(ast.AnchorType, &ast.File{Docs: []*ast.DocumentNode{{Body: n}}})
	found = append(found, ast.FilterFile(ast.AliasType, &ast.File{Docs: []*ast.DocumentNode{{Body: n}}})...)
	if len(found) > 0 {
		return &DocumentError{File: s.name, Line: lineOf(found[0]), Text: "anchors and aliases are not read; write the value out"}
	}
	return nil
}

// decodeNode decodes strictly: an unknown or repeated member is an error.
func decodeNode(n ast.Node, to any) error {
	return yaml.NodeToValue(n, to, yaml.Strict())
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// decodeError is the error with its place in the file. The error is the library's or
// one of ours.
func (s source) decodeError(err error) error {
	if e, ok := errors.AsType[nodeError](err); ok {
		return &DocumentError{File: s.name, Line: lineOf(e.node), Text: e.Error()}
	}
	if e, ok := errors.AsType[yaml.Error](err); ok {
		text := e.GetMessage()
		if unknown := unknownField.FindStringSubmatch(text); unknown != nil {
			text = fmt.Sprintf("%q is not a member of the campaign document here", unknown[1])
		}
		return &DocumentError{File: s.name, Line: tokenLine(e.GetToken()), Text: text}
	}
	return &DocumentError{File: s.name, Text: err.Error()}
}

var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

func tokenLine(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 0
	}
	return t.Position.Line
}

// line is the line of a member, by its path such as message.keys.1.result. For a
// missing member it is the line of the nearest one around it.
func (s source) line(path string) int {
	for path != "" {
		if n := find(s.root, strings.Split(path, ".")); n != nil {
			return lineOf(n)
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
	return 0
}

// find returns the key of the member at the path.
func find(n ast.Node, path []string) ast.Node {
	for _, value := range members(n) {
		if keyText(value.Key) != path[0] {
			continue
		}
		if len(path) == 1 {
			return value.Key
		}
		return find(value.Value, path[1:])
	}
	return nil
}

func members(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func keyText(key ast.MapKeyNode) string { return key.GetToken().Value }

// placeholderLine is the first line with a placeholder for the column.
func (s source) placeholderLine(column string) int {
	for i, line := range slices.Collect(strings.SplitSeq(s.text, "\n")) {
		for _, m := range placeholder.FindAllStringSubmatch(line, -1) {
			if m[1] == column {
				return i + 1
			}
		}
	}
	return s.line("message.languages.column")
}
