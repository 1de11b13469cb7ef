package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// guard is one marked place in the program, and the change that takes it away. A
// behaviour may have several places, which are changed together.
type guard struct {
	sentence string // what the guard keeps, unique in the repository
	dir      string // of the package whose test must fail; chaos: the judge of test/chaos must find it
	test     string // its name, or that of the run
	places   []place
}

// place is the change of one file.
type place struct {
	file   string // from the repository's root
	change edit
}

func (g guard) behaviour() bool { return g.dir == judge }

// files are the names of the files that the guard stands in, each once.
func (g guard) files() (names []string) {
	for _, p := range g.places {
		if !slices.Contains(names, p.file) {
			names = append(names, p.file)
		}
	}
	return names
}

// changed is a file without the guard.
func (g guard) changed(file string, source []byte) []byte {
	places := slices.DeleteFunc(slices.Clone(g.places), func(p place) bool { return p.file != file })
	slices.SortFunc(places, func(a, b place) int { return b.change.from - a.change.from }) // the last one first
	for _, p := range places {
		source = p.change.apply(source)
	}
	return source
}

// edit replaces the bytes [from, to) of a file.
type edit struct {
	from, to int
	text     string
}

func (e edit) apply(source []byte) []byte {
	return append(append(append([]byte{}, source[:e.from]...), e.text...), source[e.to:]...)
}

// marker is the text of one guard comment.
type marker struct {
	action    string // drop, negate, true, false or value
	value     string // what replaces the node or the line, for value
	inline    bool   // the value stands in the marker
	dir, test string
	sentence  string
}

var markerForm = regexp.MustCompile(`^(?:(drop|negate|true|false|value[2-9]?)|value\((.+)\)) (?:([\w/]+)\.(Test\w+)|(chaos)\.(\w+)): (\S.*)$`)

// parseMarker reads a comment without its // or --. marked is false for an
// ordinary comment.
func parseMarker(comment string) (m marker, marked bool, err error) {
	text, marked := strings.CutPrefix(strings.TrimPrefix(comment, " "), "guard:")
	if !marked {
		return m, false, nil
	}
	part := markerForm.FindStringSubmatch(strings.TrimRight(text, " \r\n"))
	if part == nil {
		return m, true, fmt.Errorf("guard:%s is not of the form guard:ACTION pkg.TestName: sentence, with drop, negate, true, false, value or value(TEXT)", text)
	}
	m = marker{action: part[1], value: part[2], inline: part[2] != "", dir: part[3] + part[5], test: part[4] + part[6], sentence: part[7]}
	number, says := strings.CutPrefix(m.action, "value")
	texts := replacements[m.sentence]
	nth, _ := strconv.Atoi(cmp.Or(number, "1")) // the form has digits only
	switch {
	case says && nth > len(texts), !says && len(texts) > 0:
		return m, true, fmt.Errorf("%q: a marker that says only value has its text in replacements.txt, and no other has", m.sentence)
	case says:
		m.action, m.value = "value", texts[nth-1]
	case m.inline:
		m.action = "value"
	}
	return m, true, nil
}

// findGuards reads every Go and SQL file below the root. It returns the guards
// that are well formed, and an error that names all the others.
func findGuards(root string) (found []guard, err error) {
	var errs []error
	walk := func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		guards, err := guardsIn(root, name)
		found, errs = append(found, guards...), append(errs, err)
		return nil
	}
	if err := fs.WalkDir(os.DirFS(root), ".", walk); err != nil {
		return nil, err
	}
	merged, wrong := merge(found, packageTests{root: root})
	return merged, errors.Join(append(errs, wrong...)...)
}

// merge makes one guard of the places of each behaviour, and finds guards that
// name no test or have the sentence of another.
func merge(found []guard, tests packageTests) (merged []guard, errs []error) {
	seen := map[string]int{}
	for _, g := range found {
		file := g.places[0].file
		if g.behaviour() && runs[g.test] == nil {
			errs = append(errs, fmt.Errorf("%s: %s: there is no run %s", file, g.sentence, g.test))
		}
		if !g.behaviour() && !slices.Contains(tests.of(g.dir), g.test) {
			errs = append(errs, fmt.Errorf("%s: %s: there is no %s in %s", file, g.sentence, g.test, g.dir))
		}
		first, twice := seen[g.sentence]
		switch {
		case !twice:
			seen[g.sentence] = len(merged)
			merged = append(merged, g)
		case g.behaviour() && merged[first].dir == g.dir && merged[first].test == g.test:
			merged[first].places = append(merged[first].places, g.places...)
		default:
			errs = append(errs, fmt.Errorf("%s: %q is also the sentence of a guard in %s", file, g.sentence, merged[first].places[0].file))
		}
	}
	return merged, errs
}

func guardsIn(root, name string) ([]guard, error) {
	var find func(name string, source []byte) ([]guard, error)
	switch path.Ext(name) {
	case ".go":
		find = goGuards
	case ".sql":
		find = func(name string, source []byte) ([]guard, error) { return sqlGuards(name, source, 0, len(source)) }
	default:
		return nil, nil
	}
	source, err := fs.ReadFile(os.DirFS(root), name)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(source), "guard:") {
		return nil, nil
	}
	return find(name, source)
}

// goGuards finds the markers in the comments of a Go file, and those in the
// SQL of its raw strings. A test file must not have any in its comments, and
// its strings are not read: nothing there protects the program.
func goGuards(name string, source []byte) (found []guard, err error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	isTest := strings.HasSuffix(name, "_test.go")
	var errs []error
	for _, group := range file.Comments {
		for _, c := range group.List {
			m, marked, err := parseMarker(strings.TrimPrefix(c.Text, "//"))
			if !marked {
				continue
			}
			at := fset.Position(c.Pos())
			var change edit
			switch {
			case err != nil:
			case isTest:
				err = errors.New("a guard belongs in the program, not in a test")
			case strings.HasPrefix(c.Text, "// "):
				err = errors.New("write //guard: without a space, as gofmt wants it")
			default:
				change, err = goEdit(fset, file, source, fset.Position(group.End()).Line+1, m)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: %w", name, at.Line, err))
				continue
			}
			found = append(found, m.guard(name, change))
		}
	}
	if isTest {
		return found, errors.Join(errs...)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && strings.HasPrefix(text.Value, "`") {
			guards, err := sqlGuards(name, source, fset.Position(text.Pos()).Offset+1, fset.Position(text.End()).Offset-1)
			found, errs = append(found, guards...), append(errs, err)
		}
		return true
	})
	return found, errors.Join(errs...)
}

// sqlGuards finds the markers between two offsets of a file. Each one is about
// the next line that is not a marker itself.
func sqlGuards(name string, source []byte, from, to int) (found []guard, err error) {
	var errs []error
	var above []marker
	for begin := from; begin < to; {
		end := begin + strings.IndexByte(string(source[begin:to])+"\n", '\n')
		comment, isComment := strings.CutPrefix(strings.TrimSpace(string(source[begin:end])), "--")
		m, marked, err := parseMarker(comment)
		switch {
		case !isComment && strings.Contains(string(source[begin:end]), "-- guard:"):
			errs = append(errs, fmt.Errorf("%s: %s: a marker stands on a line of its own", name, source[begin:end]))
		case !isComment || !marked:
			for _, m := range above {
				change, err := sqlEdit(source, begin, end, m)
				if err != nil {
					errs = append(errs, fmt.Errorf("%s: %s: %w", name, m.sentence, err))
					continue
				}
				found = append(found, m.guard(name, change))
			}
			above = nil
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		default:
			above = append(above, m)
		}
		begin = end + 1
	}
	for _, m := range above {
		errs = append(errs, fmt.Errorf("%s: %s: no line follows", name, m.sentence))
	}
	return found, errors.Join(errs...)
}

func (m marker) guard(file string, change edit) guard {
	return guard{sentence: m.sentence, dir: m.dir, test: m.test, places: []place{{file, change}}}
}

// packageTests knows the names of the tests of each package, by its folder.
type packageTests struct {
	root  string
	names map[string][]string
}

func (p *packageTests) of(dir string) []string {
	if names, known := p.names[dir]; known {
		return names
	}
	var names []string
	files, _ := filepath.Glob(filepath.Join(p.root, dir, "*_test.go")) // the pattern is well formed
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			continue // the compiler says so better
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names = append(names, f.Name.Name)
			}
		}
	}
	if p.names == nil {
		p.names = map[string][]string{}
	}
	p.names[dir] = names
	return names
}
