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

// command is one of a program's commands, or the program, as the tags of its
// struct tell it.
type command struct {
	below map[string]command
	flags map[string]bool
	words []string // that an argument may be
}

// commandOf reads the struct that a program's command line is parsed into.
func commandOf(t *testing.T, pattern, root string) command {
	t.Helper()
	structs := map[string]*ast.StructType{}
	for _, file := range parsed(t, pattern) {
		for _, d := range file.Decls {
			if types, ok := d.(*ast.GenDecl); ok {
				noteStructs(structs, types.Specs)
			}
		}
	}
	if structs[root] == nil {
		t.Fatalf("%s: no struct %s", pattern, root)
	}
	c := command{below: map[string]command{}, flags: map[string]bool{}}
	c.read(structs, structs[root])
	return c
}

func noteStructs(structs map[string]*ast.StructType, specs []ast.Spec) {
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
		below := command{below: map[string]command{}, flags: map[string]bool{}}
		below.read(structs, structs[kind.Name])
		c.below[name] = below
	case isArgument:
		c.words = append(c.words, strings.Split(tag.Get("enum"), ",")...)
	default:
		c.flags[name] = true
	}
}

// exists says what is wrong with a command line of the page. Words in capitals
// stand for a value.
func exists(programs map[string]command, line string) error {
	words := strings.Fields(line)
	at, found := programs[words[0]]
	if !found || line == "dialer" {
		return errors.New("it names no command")
	}
	for _, word := range words[1:] {
		flag, isFlag := strings.CutPrefix(word, "--")
		next, isCommand := at.below[word]
		switch {
		case isFlag && at.flags[flag], word == strings.ToUpper(word), slices.Contains(at.words, word):
		case isCommand:
			at = next
		default:
			return fmt.Errorf("there is no %s", word)
		}
	}
	return nil
}
