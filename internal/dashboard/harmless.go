package dashboard

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// harmless makes characters visible that would change what a page shows: control
// characters, which a terminal obeys, and marks of direction, which reverse the text
// beside a stranger's name. In tags and in input fields it replaces only control
// characters, because a message in Arabic may need its marks.
func harmless(page []byte) []byte {
	out := make([]byte, 0, len(page))
	inTag, inField := false, false
	for len(page) > 0 {
		r, size := utf8.DecodeRune(page)
		switch {
		case r == '<':
			inTag = true
			inField = bytes.HasPrefix(page, []byte("<textarea"))
		case r == '>':
			inTag = false
		}
		switch {
		case r < ' ' && r != '\n' && r != '\t' && r != '\r' || r >= 0x7f && r < 0xa0:
			out = utf8.AppendRune(out, utf8.RuneError)
		case !inTag && !inField &&
			//guard:false internal/dashboard.TestMarksOfDirectionAreShown: what strangers wrote turns no text of a page round
			turns(r):
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = utf8.AppendRune(out, r)
		}
		page = page[size:]
	}
	return out
}

// turns reports whether r changes the direction or the line of the text beside it.
func turns(r rune) bool {
	return r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029
}
