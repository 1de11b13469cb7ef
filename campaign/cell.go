package campaign

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// CellValue is the value of a CSV cell. It removes blanks around the value, and the
// marks by which spreadsheets keep a value as text: ="00123", or an apostrophe before a
// digit or a sign. Other apostrophes belong to the value, as in 's-Hertogenbosch.
func CellValue(cell string) string {
	s := trimmed(cell)
	for range 2 { // SafeCell writes an apostrophe before ="..."
		switch {
		case len(s) > 1 && s[0] == '\'' && strings.ContainsRune("0123456789=+-@\t\r\n", rune(s[1])):
			s = trimmed(s[1:])
		case len(s) > 2 && strings.HasPrefix(s, `="`) && strings.HasSuffix(s, `"`) && !strings.Contains(inside(s), `"`):
			return trimmed(strings.ReplaceAll(s[2:len(s)-1], `""`, `"`))
		default:
			return s
		}
	}
	return s
}

// inside is the text within ="...". Quotes in it are written twice, and become single.
func inside(s string) string { return strings.ReplaceAll(s[2:len(s)-1], `""`, "") }

// trimmed removes blanks of any kind around a value, and invisible marks such as a byte
// order mark.
func trimmed(s string) string {
	if s == "" || s[0] > ' ' && s[0] < unicode.MaxASCII && s[len(s)-1] > ' ' && s[len(s)-1] < unicode.MaxASCII {
		return s
	}
	return strings.TrimFunc(s, isBlank)
}

func isBlank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200B' || r == '\u2060' || r == '\uFEFF'
}

// SafeCell is a value in the form for a CSV: no spreadsheet reads it as a formula.
// CellValue reads it back. A number with its sign is no formula.
func SafeCell(value string) string {
	if value == "" || !strings.ContainsRune("=+-@\t\r\n", rune(value[0])) {
		return value
	}
	if (value[0] == '+' || value[0] == '-') && len(value) > 1 && strings.Trim(value[1:], "0123456789 .()-/") == "" {
		return value
	}
	return "'" + value
}

// FoldName gives one form to names that people consider the same: composed or not, in
// any case, with blanks of any kind.
func FoldName(name string) string {
	folded := cases.Fold().String(norm.NFC.String(name))
	folded = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, folded)
	return strings.Join(strings.FieldsFunc(folded, isBlank), " ")
}
