package dashboard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
)

// Mended are cells that a person mended on the page, by line and column.
type Mended map[int]map[string]string

// Checked is a preview of an import.
type Checked struct {
	Rows, Accepted, Duplicates, Refused int
	Headers                             []string            // the file's columns
	Found                               map[string]string   // which of them has a meaning: to, key, zone, call_at, call_before
	Columns                             []string            // that a message can say
	Bad                                 []campaign.RowError // the first rows that have no effect, with their text
	Warnings                            []string
	Message                             []Spoken // what a person would hear
	Line                                int      // of the row that the message is made from
	LineRefused                         string   // why that row cannot be called; "": it can
	Cost                                campaign.OnceCost
	Holds                               []Share // the obstacles to their calls now, by the gate's rule
	// Takes is the time from the first to the last first call, which is at
	// LastCall. NotCalled counts people who are not called before the
	// campaign's end.
	Takes                time.Duration
	LastCall             time.Time
	NotCalled            int
	RingS, LengthS       int // how long a call rings, and lasts at the most
	Callees              []Callee
	Countries            []Share
	Zones                []ZoneShare
	Waiting, Moved, Past int
	Until                time.Time // when the last of those who wait may be called

	Settings campaign.Settings
	Vars     map[string]string // of the row that the message is made from
}

// Spoken is one thing that a call says or does.
type Spoken struct {
	When  string // says, key 1, wrong key, ...
	What  string
	Lang  string
	Lasts time.Duration // about; 0: not known
}

// Callee is one row that will be called.
type Callee struct {
	Line               int
	To, Country, Clock string
	FirstCall          time.Time
}

// Share is how many people have a certain property.
type Share struct {
	Name string
	N    int
}

// ZoneShare is how many people are in a zone, and when the first of them is called.
type ZoneShare struct {
	Share
	First time.Time
}

// meaning is a meaning that a column can be given.
type meaning struct{ Name, Says, Without string }

var meanings = []meaning{
	{"to", "Number to call", ""},
	{"key", "Key: what makes a row one person", "the number"},
	{"zone", "Time zone", "by the number"},
	{"call_at", "Time of the call", "as soon as may be"},
	{"call_before", "Not called from then on", "no such time"},
}

// mapping is one choice of a column.
type mapping struct {
	meaning
	Chosen  string
	Headers []string
}

// Mappings are the choices of columns.
func (n newView) Mappings() (list []mapping) {
	if n.Checked == nil || len(n.Checked.Headers) == 0 {
		return nil
	}
	for _, m := range meanings {
		chosen := n.Form["map:"+m.Name]
		if chosen == "" {
			chosen = n.Checked.Found[m.Name]
		}
		list = append(list, mapping{m, chosen, n.Checked.Headers})
	}
	return list
}

// badCell is a cell to correct, and what is wrong with it.
type badCell struct {
	Line                         int
	Column, Reason, Value, Field string
	Record                       string // of a row that has no single bad cell
}

// Cells are the cells to correct.
func (n newView) Cells() (list []badCell) {
	if n.Checked == nil {
		return nil
	}
	for _, r := range n.Checked.Bad {
		cell := badCell{Line: r.Line, Column: r.Column, Reason: r.Reason, Value: r.Value}
		if r.Column != "" && slices.Contains(n.Checked.Headers, r.Column) {
			cell.Field = mendField(r.Line, r.Column)
		} else {
			cell.Record = r.Record
		}
		list = append(list, cell)
	}
	return list
}

// Kept are cells that were corrected and are good now: they are sent again.
func (n newView) Kept() (list []badCell) {
	shown := map[string]bool{}
	for _, c := range n.Cells() {
		shown[c.Field] = true
	}
	for line, cells := range n.Mend {
		for column, value := range cells {
			if field := mendField(line, column); !shown[field] {
				list = append(list, badCell{Line: line, Column: column, Value: value, Field: field})
			}
		}
	}
	slices.SortFunc(list, func(a, b badCell) int { return a.Line - b.Line })
	return list
}

const mendPrefix = "mend:"

func mendField(line int, column string) string {
	return fmt.Sprintf("%s%d:%s", mendPrefix, line, column)
}

// maxMended bounds the cells that are mended on the page.
const maxMended = 1000

// mendedOf reads the mended cells of a form.
func mendedOf(form map[string][]string) (Mended, error) {
	list, n := Mended{}, 0
	for field, values := range form {
		rest, ok := strings.CutPrefix(field, mendPrefix)
		if !ok || len(values) == 0 {
			continue
		}
		text, column, _ := strings.Cut(rest, ":")
		line, err := strconv.Atoi(text)
		if err != nil || line < 1 {
			continue
		}
		if n++; n > maxMended {
			return nil, fmt.Errorf("more than %d cells are mended: mend them in the file, and choose it again", maxMended)
		}
		if list[line] == nil {
			list[line] = map[string]string{}
		}
		list[line][column] = values[0]
	}
	return list, nil
}
