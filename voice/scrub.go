package voice

import (
	"regexp"
	"strings"
	"unicode"
)

const (
	// maxShown is how many characters of a text from Vonage an error shows.
	maxShown = 300
	// maxSaid is how many characters of all texts of an error are kept with an attempt.
	maxSaid = 500
)

var (
	numberLike = regexp.MustCompile(`\+?\p{Nd}(?:[ ()/.\x{a0}\x{202f}-]{0,2}\p{Nd}){6,}`)
	// secretLike is a word as long as Vonage's shortest secret or longer. If it contains
	// letters and digits, it is a secret, a key or an id.
	secretLike = regexp.MustCompile(`[\w+/=-]{16,}`)
	tokenLike  = regexp.MustCompile(`ey[\w-]{8,}(?:\.[\w-]*)*`)
	userLike   = regexp.MustCompile(`//[^/\s@]*@`)
	queryLike  = regexp.MustCompile(`\?[^\s"'<>]+`)
)

// scrub makes a text from outside safe to show. It removes phone numbers, tokens,
// secrets, ids, users and queries of URLs, and control characters, and cuts the
// rest.
func scrub(s string) string {
	if len(s) > 4*maxShown {
		s = s[:4*maxShown]
	}
	s = tokenLike.ReplaceAllString(s, "[token]")
	s = userLike.ReplaceAllString(s, "//[user]@")
	s = queryLike.ReplaceAllString(s, "?[query]")
	s = secretLike.ReplaceAllStringFunc(s, func(word string) string {
		if strings.ContainsFunc(word, unicode.IsDigit) && strings.ContainsFunc(word, unicode.IsLetter) {
			return "[secret]"
		}
		return word
	})
	s = numberLike.ReplaceAllString(s, "[number]")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	return cut(s, maxShown)
}

// cut keeps the first characters of a text.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}
