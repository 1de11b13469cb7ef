package csvimport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"dialer/campaign"
)

// header is the line that names a file's columns.
type header struct {
	names []string             // as the file has them, without blanks round them
	keys  []string             // the same, but each once: the second Notes is "Notes (2)"
	own   [len(ownColumns)]int // where our columns are; -1 when there is none
	more  []int                // where a person's further numbers are
	used  []bool               // whether a row needs the column; see need
	key   int                  // where the key is; -1: the number is it
}

// Our columns, in the order of ownColumns.
const (
	columnTo = iota
	columnZone
	columnCallAt
	columnCallBefore
	columnPostalCode
)

// ownColumns are the columns that have a meaning: the name that --map uses, and
// the names that a header may use, normalized. The first of these is our own.
var ownColumns = [...]struct {
	name    string
	aliases []string
}{
	columnTo:     {"to", []string{"to", "phone", "phonenumber", "number", "telephone", "telephonenumber", "tel", "telno", "mobile", "mobilenumber", "mobilephone", "cell", "cellphone", "msisdn"}},
	columnZone:   {"zone", []string{"zone", "timezone", "tz"}},
	columnCallAt: {"call_at", []string{"callat"}},

	columnCallBefore: {"call_before", []string{"callbefore"}},
	columnPostalCode: {"postal_code", []string{"postalcode", "postcode", "zip", "zipcode"}},
}

// exportPrefix begins the names of the columns that an export adds. They say how a person
// ended, and are not part of the row.
const exportPrefix = "dialer_"

func ofExport(name string) bool { return strings.HasPrefix(strings.ToLower(name), exportPrefix) }

// delimiters that a file may use, the most common first.
var delimiters = []byte{',', ';', '\t', '|'}

// readHeader reads the first line that is not blank. Its delimiter is the most frequent
// one that yields a column to call. The splitter then uses that delimiter.
func readHeader(s *splitter, mapped map[string]string) (header, error) {
	candidates, err := s.headerDelimiters()
	if err != nil {
		return header{}, err
	}
	window, _ := s.in.Peek(maxRecord + 2)
	var first error
	for _, comma := range candidates {
		s.comma = comma
		rec, used, lines := s.cut(window)
		h, err := parseHeader(rec, mapped)
		if err == nil {
			s.columns = len(h.names)
			s.line += lines
			_, err = s.in.Discard(used)
			return h, err
		}
		if first == nil {
			first = err
		}
	}
	return header{}, first
}

// headerDelimiters passes over blank lines, and over the line sep=; in which
// spreadsheets name the delimiter. It returns what may delimit the header.
func (s *splitter) headerDelimiters() ([]byte, error) {
	for {
		window, err := s.in.Peek(maxRecord + 2)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(window) == 0 {
			return nil, errors.New("the file is empty; its first line must name the columns")
		}
		end := endOfLine(window)
		line := bytes.TrimSpace(window[:end])
		sep, named := bytes.CutPrefix(bytes.ToLower(line), []byte("sep="))
		if len(line) > 0 && !(named && len(sep) <= 1) {
			return delimitersByCount(line), nil
		}
		_, err = s.in.Discard(end + lineEnd(window[end:]))
		if err != nil {
			return nil, err
		}
		s.line++
		if len(sep) == 1 {
			return sep, nil
		}
	}
}

// delimitersByCount orders the delimiters by how often the line has them
// outside quotes.
func delimitersByCount(line []byte) []byte {
	count := map[byte]int{}
	quoted := false
	for _, c := range line {
		if c == '"' {
			quoted = !quoted
		}
		if !quoted {
			count[c]++
		}
	}
	return slices.SortedStableFunc(slices.Values(delimiters), func(a, b byte) int { return count[b] - count[a] })
}

// parseHeader finds our columns in a header: by mapped, or else by their aliases. It does
// not guess: two candidates are an error.
func parseHeader(rec record, mapped map[string]string) (header, error) {
	if rec.fault != "" {
		return header{}, errors.New(rec.fault)
	}
	names, err := columnNames(rec.fields)
	if err != nil {
		return header{}, err
	}
	h, err := findColumns(names, mapped)
	if err != nil && !slices.ContainsFunc(names, looksLikeNumber) {
		err = &ColumnsError{Found: names, Err: err}
	}
	return h, err
}

func findColumns(names []string, mapped map[string]string) (h header, err error) {
	if err := checkMap(mapped); err != nil {
		return header{}, err
	}
	h = header{names: names, keys: distinct(names), used: make([]bool, len(names)), key: -1}
	mapped, more := severalNumbers(names, mapped)
	for i := range ownColumns {
		if h.own[i], err = findColumn(names, i, mapped); err != nil {
			return header{}, err
		}
	}
	for _, name := range more {
		at, err := mappedColumn(names, columnTo, name)
		if err != nil {
			return header{}, err
		}
		if at == h.own[columnTo] || slices.Contains(h.more, at) {
			return header{}, fmt.Errorf("--map to: column %q is named twice", name)
		}
		h.more = append(h.more, at)
	}
	if h.own[columnTo] < 0 && slices.ContainsFunc(names, looksLikeNumber) {
		return header{}, errors.New("the first line holds a telephone number; it must name the columns, such as to,name")
	}
	if h.own[columnTo] < 0 {
		return header{}, fmt.Errorf("no column holds the number to call: found %s; name one of them \"to\", or choose with --map to=COLUMN", quoted(names))
	}
	return h, nil
}

// numbersSign joins the columns of a person's numbers, as in --map to=mobile+home.
const numbersSign = "+"

// severalNumbers splits to=mobile+home: to is the first. A column whose own name has a
// plus is one column.
func severalNumbers(names []string, mapped map[string]string) (first map[string]string, more []string) {
	name := mapped[ownColumns[columnTo].name]
	if at, err := columnNamed(names, name); err != nil || at >= 0 || !strings.Contains(name, numbersSign) {
		return mapped, nil
	}
	list := strings.Split(name, numbersSign)
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	first = maps.Clone(mapped)
	first[ownColumns[columnTo].name] = list[0]
	return first, list[1:]
}

// keyBy says which column the key is; "": the number.
func (h *header) keyBy(name string) (err error) {
	if name == "" {
		return nil
	}
	if h.key, err = columnNamed(h.names, name); err == nil && h.key < 0 {
		err = fmt.Errorf("there is no such column: found %s", quoted(h.names))
	}
	if err != nil {
		return fmt.Errorf("--key %s: %w", name, err)
	}
	return nil
}

// columnNames are the names without blanks round them.
func columnNames(fields []string) ([]string, error) {
	if _, err := checkText(fields); err != nil {
		return nil, err
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = campaign.CellValue(f)
	}
	return trimBlank(names, 0), nil
}

// distinct are the names with a number behind those that came before.
func distinct(names []string) []string {
	keys := make([]string, len(names))
	taken := map[string]bool{}
	for _, name := range names {
		taken[name] = true
	}
	seen := map[string]bool{}
	for i, name := range names {
		keys[i] = name
		for n := 2; name != "" && seen[name]; n++ {
			if key := fmt.Sprintf("%s (%d)", name, n); !taken[key] {
				keys[i], taken[key] = key, true
				break
			}
		}
		seen[name] = true
	}
	return keys
}

// looksLikeNumber finds data where names should be. It also keeps numbers out
// of the errors that list the names.
func looksLikeNumber(name string) bool {
	digits := 0
	for _, r := range name {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return digits >= 7
}

func checkMap(mapped map[string]string) error {
	var names []string
	for _, c := range ownColumns {
		names = append(names, c.name)
	}
	for own := range mapped {
		if !slices.Contains(names, own) {
			return fmt.Errorf("--map %s=...: want one of %s", own, strings.Join(names, ", "))
		}
	}
	return nil
}

// findColumn is where one of our columns is; -1 when there is none.
func findColumn(names []string, own int, mapped map[string]string) (int, error) {
	column := ownColumns[own]
	if name, ok := mapped[column.name]; ok {
		return mappedColumn(names, own, name)
	}
	var found []int
	first := slices.IndexFunc(names, func(name string) bool { return normalized(name) == column.aliases[0] })
	for i, name := range names {
		if ofExport(name) {
			continue
		}
		if n := normalized(name); n == column.aliases[0] || first < 0 && slices.Contains(column.aliases, n) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return -1, nil
	case 1:
		return found[0], nil
	}
	if own == columnPostalCode {
		return -1, nil // the column is optional, and it is not clear which one is meant
	}
	if names[found[0]] == names[found[1]] {
		return -1, fmt.Errorf("two columns are named %q", names[found[0]])
	}
	return -1, fmt.Errorf("columns %q and %q could both be %q; choose with --map %s=COLUMN", names[found[0]], names[found[1]], column.name, column.name)
}

// mappedColumn finds the column that --map names. Only the number to call must
// be in the file: --map zone= says that no column is the zone, whatever its name.
func mappedColumn(names []string, own int, name string) (int, error) {
	if name == "" && own != columnTo {
		return -1, nil
	}
	at, err := columnNamed(names, name)
	if err != nil {
		return -1, fmt.Errorf("--map %s=%s: %w", ownColumns[own].name, name, err)
	}
	if at < 0 {
		return -1, fmt.Errorf("--map %s=%s: there is no such column: found %s", ownColumns[own].name, name, quoted(names))
	}
	return at, nil
}

// columnNamed is the column with a name, in this spelling or one that people regard as
// the same; -1 when there is none.
func columnNamed(names []string, name string) (int, error) {
	for _, same := range []func(string) bool{
		func(n string) bool { return n == name },
		func(n string) bool { return campaign.FoldName(n) == campaign.FoldName(name) },
	} {
		at := slices.IndexFunc(names, same)
		if at < 0 || names[at] == "" {
			continue
		}
		if second := slices.IndexFunc(names[at+1:], same); second >= 0 {
			return -1, fmt.Errorf("two columns are named %q", names[at])
		}
		return at, nil
	}
	return -1, nil
}

// normalized makes "Phone Number", "phone_number" and "PHONE-NUMBER" one name.
func normalized(name string) string {
	return wordSigns.Replace(campaign.FoldName(name))
}

var wordSigns = strings.NewReplacer(" ", "", "_", "", "-", "", ".", "")

const (
	maxQuotedNames = 20
	maxQuotedName  = 64 // bytes
)

// quoted lists names for an error.
func quoted(names []string) string {
	var list []string
	for _, n := range names[:min(len(names), maxQuotedNames)] {
		if looksLikeNumber(n) {
			n = "(a name with many digits)"
		}
		list = append(list, fmt.Sprintf("%q", truncate(n, maxQuotedName)))
	}
	if len(names) > maxQuotedNames {
		list = append(list, "...")
	}
	return strings.Join(list, ", ")
}
