package contract_test

import (
	"errors"
	"fmt"
	"go/ast"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// command is a program or one of its commands, as the tags of its struct declare it.
type command struct {
	subcommands map[string]command
	flags       map[string]bool
	values      []string // that an argument may have
}

// commandOf reads the struct into which a program parses its command line.
func commandOf(t *testing.T, pattern, root string) command {
	t.Helper()
	structs := map[string]*ast.StructType{}
	// internal/cli and internal/campaignflags have flags that both programs embed
	for _, file := range parseFiles(t, pattern, "../../internal/cli/*.go", "../../internal/campaignflags/*.go") {
		for _, d := range file.Decls {
			if types, ok := d.(*ast.GenDecl); ok {
				addStructs(structs, types.Specs)
			}
		}
	}
	if structs[root] == nil {
		t.Fatalf("%s: no struct %s", pattern, root)
	}
	c := command{subcommands: map[string]command{}, flags: map[string]bool{}}
	c.read(structs, structs[root])
	return c
}

func addStructs(structs map[string]*ast.StructType, specs []ast.Spec) {
	for _, spec := range specs {
		if named, ok := spec.(*ast.TypeSpec); ok {
			if s, ok := named.Type.(*ast.StructType); ok {
				structs[named.Name.Name] = s
			}
		}
	}
}

func (c *command) read(structs map[string]*ast.StructType, s *ast.StructType) {
	for _, f := range s.Fields.List {
		kind, _ := f.Type.(*ast.Ident)
		if other, ok := f.Type.(*ast.SelectorExpr); ok {
			kind = other.Sel // of another package
		}
		if len(f.Names) == 0 {
			c.read(structs, structs[kind.Name])
			continue
		}
		for _, ident := range f.Names {
			var tag reflect.StructTag
			if f.Tag != nil {
				tag = reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
			}
			c.field(structs, strings.ToLower(ident.Name), kind, tag)
		}
	}
}

func (c *command) field(structs map[string]*ast.StructType, name string, kind *ast.Ident, tag reflect.StructTag) {
	if given := tag.Get("name"); given != "" {
		name = given
	}
	_, isCommand := tag.Lookup("cmd")
	_, isArgument := tag.Lookup("arg")
	switch {
	case isCommand:
		below := command{subcommands: map[string]command{}, flags: map[string]bool{}}
		below.read(structs, structs[kind.Name])
		c.subcommands[name] = below
	case isArgument:
		c.values = append(c.values, strings.Split(tag.Get("enum"), ",")...)
	default:
		c.flags[name] = true
	}
}

// checkCommand returns an error if a command line on the page does not exist. Words
// in capitals are placeholders.
func checkCommand(programs map[string]command, line string) error {
	words := strings.Fields(line)
	at, found := programs[words[0]]
	if !found || line == "dialer" {
		return errors.New("it names no command")
	}
	for _, word := range words[1:] {
		flag, isFlag := strings.CutPrefix(word, "--")
		next, isCommand := at.subcommands[word]
		switch {
		case isFlag && at.flags[flag], word == strings.ToUpper(word), slices.Contains(at.values, word):
		case isCommand:
			at = next
		default:
			return fmt.Errorf("there is no %s", word)
		}
	}
	return nil
}
