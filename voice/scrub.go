package voice

import (
	"regexp"
	"strings"
	"unicode"
)

// maxShown is how many characters of a text from Vonage an error shows.
const maxShown = 300

var (
	numberLike = regexp.MustCompile(`\+?\d(?:[ ()/.\x{a0}\x{202f}-]{0,2}\d){6,}`)
	tokenLike  = regexp.MustCompile(`ey[\w-]{8,}(?:\.[\w-]*)*`)
	userLike   = regexp.MustCompile(`//[^/\s@]*@`)
	queryLike  = regexp.MustCompile(`\?[^\s"'<>]+`)
)

// scrub makes a text from outside safe to show. It removes phone numbers, tokens,
// users and queries of URLs, and control characters, and cuts the rest.
func scrub(s string) string {
	if len(s) > 4*maxShown {
		s = s[:4*maxShown]
	}
	s = tokenLike.ReplaceAllString(s, "[token]")
	s = userLike.ReplaceAllString(s, "//[user]@")
	s = queryLike.ReplaceAllString(s, "?[query]")
	s = numberLike.ReplaceAllString(s, "[number]")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if r := []rune(s); len(r) > maxShown {
		s = string(r[:maxShown])
	}
	return s
}
