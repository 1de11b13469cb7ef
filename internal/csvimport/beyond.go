package csvimport

import (
	"maps"
	"slices"
	"unicode/utf8"

	"dialer/campaign"
)

// Beyond is a value with letters beyond ASCII. It shows a person whether the encoding is
// right.
type Beyond struct {
	Line   int // 0: no row has one
	Column string
	Value  string
}

// maxBeyond is how much of the value is kept, in bytes.
const maxBeyond = 60

// look takes the first such value of the rows.
func (b *Beyond) look(rows []campaign.Row) {
	if b.Line > 0 {
		return
	}
	for _, row := range rows {
		for _, value := range row.Vars { // most files have none: the order costs nothing until there is one
			if isBeyondASCII(value) {
				b.take(row)
				return
			}
		}
	}
}

// take is the first such value of the row, in the order of the columns' names.
func (b *Beyond) take(row campaign.Row) {
	for _, column := range slices.Sorted(maps.Keys(row.Vars)) {
		if value := row.Vars[column]; isBeyondASCII(value) {
			*b = Beyond{row.Line, column, truncate(value, maxBeyond)}
			return
		}
	}
}

func isBeyondASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return true
		}
	}
	return false
}
