package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Columns says which of a file's columns mean what, by the header's names.
type Columns struct {
	To     string
	Zone   string   // "" when there is none
	CallAt string   // "" when there is none
	Vars   []string // all the others, in the file's order
}

// aliases are the header names that a column of ours goes by, after
// normalization; the first of each is our own name, which --map uses too.
var aliases = [][]string{
	{"to", "phone", "phonenumber", "number", "telephone", "telephonenumber", "tel", "telno", "mobile", "mobilenumber", "mobilephone", "cell", "cellphone", "msisdn"},
	{"zone", "timezone", "tz"},
	{"callat"},
}

// ownNames are our columns as a person writes them, in the order of aliases.
var ownNames = []string{"to", "zone", "call_at"}

// normalized makes "Phone Number", "phone_number" and "PHONE-NUMBER" one name.
func normalized(name string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "", ".", "").Replace(strings.ToLower(name))
}

// layout is a header, and where our columns stand in it.
type layout struct {
	header []string
	own    [3]int // in the order of ownNames; -1 when there is none
}

// layOut finds our columns in a header: where mapped says, else by their
// aliases. It guesses nothing: two candidates are an error.
func layOut(header []string, mapped map[string]string) (layout, error) {
	l := layout{header: header}
	if err := checkMap(mapped); err != nil {
		return layout{}, err
	}
	for i, own := range ownNames {
		at, err := findColumn(header, own, aliases[i], mapped)
		if err != nil {
			return layout{}, err
		}
		l.own[i] = at
	}
	if l.own[0] < 0 {
		return layout{}, fmt.Errorf("no column holds the number to call: found %s; name one of them \"to\", or choose with --map to=COLUMN", quotedNames(header))
	}
	return l, nil
}

func checkMap(mapped map[string]string) error {
	for own := range mapped {
		if !slices.Contains(ownNames, own) {
			return fmt.Errorf("--map %s=...: want one of %s", own, strings.Join(ownNames, ", "))
		}
	}
	return nil
}

func findColumn(header []string, own string, names []string, mapped map[string]string) (int, error) {
	if name, ok := mapped[own]; ok {
		if name == "" && own != ownNames[0] {
			return -1, nil // --map zone= says that no column is ours, whatever its name
		}
		at := slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(h, strings.TrimSpace(name)) })
		if at < 0 {
			return -1, fmt.Errorf("--map %s=%s: there is no such column: found %s", own, name, quotedNames(header))
		}
		return at, nil
	}
	var found []int
	for i, h := range header {
		if n := normalized(h); n == names[0] {
			return i, nil
		} else if slices.Contains(names, n) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return -1, nil
	case 1:
		return found[0], nil
	}
	return -1, fmt.Errorf("columns %q and %q could both be %q; choose with --map %s=COLUMN", header[found[0]], header[found[1]], own, own)
}

// cleanHeader trims the names and refuses a header that names cannot be read
// from.
func cleanHeader(fields []string) ([]string, error) {
	if err := checkText(fields); err != nil {
		return nil, err
	}
	header := make([]string, len(fields))
	for i, f := range fields {
		header[i] = strings.TrimSpace(f)
		if header[i] != "" && slices.Contains(header[:i], header[i]) {
			return nil, fmt.Errorf("two columns are named %q", header[i])
		}
	}
	header = trimBlank(header, 0)
	if slices.ContainsFunc(header, looksLikeNumber) {
		return nil, errors.New("the first line holds a telephone number; it must name the columns, such as to,name")
	}
	return header, nil
}

// looksLikeNumber finds data where names should be; it also keeps numbers out
// of the errors that list the names.
func looksLikeNumber(name string) bool {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, name)
	return len(digits) >= 7
}

func (l layout) columns() Columns {
	c := Columns{To: l.header[l.own[0]]}
	if l.own[1] >= 0 {
		c.Zone = l.header[l.own[1]]
	}
	if l.own[2] >= 0 {
		c.CallAt = l.header[l.own[2]]
	}
	for i, name := range l.header {
		if name != "" && !slices.Contains(l.own[:], i) {
			c.Vars = append(c.Vars, name)
		}
	}
	return c
}

// field is the trimmed value of one of our columns; "" when there is none.
func (l layout) field(own int, fields []string) string {
	if l.own[own] < 0 {
		return ""
	}
	return strings.TrimSpace(fields[l.own[own]])
}

func (l layout) vars(fields []string) map[string]string {
	vars := make(map[string]string, len(l.header))
	for i, name := range l.header {
		if name != "" && !slices.Contains(l.own[:], i) {
			vars[name] = strings.TrimSpace(fields[i])
		}
	}
	return vars
}

func quotedNames(names []string) string {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, fmt.Sprintf("%q", cut(n, maxWordBytes)))
		if len(quoted) == 20 {
			quoted = append(quoted, "...")
			break
		}
	}
	return strings.Join(quoted, ", ")
}

// delimiters that a file may use, the likelier first.
var delimiters = []byte{',', ';', '\t', '|'}

// byCount orders the delimiters by how often the header has them outside
// quotes.
func byCount(line []byte) []byte {
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
