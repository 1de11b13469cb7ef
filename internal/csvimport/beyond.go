package csvimport

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"dialer/campaign"
)

// Beyond is a value with letters beyond ASCII, by which a person sees whether the
// encoding is right.
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
		for _, column := range slices.Sorted(maps.Keys(row.Vars)) {
			value := row.Vars[column]
			if strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) {
				*b = Beyond{row.Line, column, truncate(value, maxBeyond)}
				return
			}
		}
	}
}
