package campaign

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordKind says what a status word means.
type wordKind int

const (
	kindUnknown   wordKind = iota // a word that is not in this table
	kindInfo                      // does not show how the call ends
	kindProgress                  // Vonage is placing the call
	kindAnswer                    // somebody or something picked up
	kindDetection                 // shows what picked up; implies an answer
	kindFailure                   // nobody was reached
	kindClose                     // the call is over, for any reason
)

// word is one row of the table of status words.
type word struct {
	kind wordKind
	// rank decides between two failures at the same moment: the smaller counts.
	rank int
	// closes: no completed follows this word, so the word itself ends the call.
	closes bool
}

// words are all status words that Vonage documents. The last word never shows whether
// somebody answered: completed follows busy, timeout, failed, unanswered and cancelled
// too.
var words = map[string]word{
	"disconnected": {kind: kindInfo},
	"started":      {kind: kindProgress, rank: 10},
	"ringing":      {kind: kindProgress, rank: 20},
	"answered":     {kind: kindAnswer, rank: 30},
	"human":        {kind: kindDetection, rank: 35},
	"machine":      {kind: kindDetection, rank: 36},
	"busy":         {kind: kindFailure, rank: 40},
	"cancelled":    {kind: kindFailure, rank: 41},
	"failed":       {kind: kindFailure, rank: 42},
	"timeout":      {kind: kindFailure, rank: 43},
	"unanswered":   {kind: kindFailure, rank: 44},
	"rejected":     {kind: kindFailure, rank: 45, closes: true},
	"completed":    {kind: kindClose, rank: 50, closes: true},
}

// EndsCall reports whether a status word means that a call is over.
func EndsCall(status string) bool { return words[normalizeStatus(status)].closes }

const (
	maxWords     = 32 // stored for one attempt, including the known ones
	maxWordBytes = 64
)

// maxUnknownWords leaves room for every known word, so that many unknown words
// never displace one that decides something.
var maxUnknownWords = maxWords - len(words)

// normalizeStatus converts a status word to its stored form: lower case, valid UTF-8
// without control characters, at most 64 bytes.
func normalizeStatus(s string) string {
	if _, known := words[s]; known {
		return s
	}
	s = strings.ToLower(strings.TrimSpace(strings.ToValidUTF8(s, "?")))
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
	return truncate(s, maxWordBytes)
}

// truncate shortens s to at most n bytes without splitting a character.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// addStatus adds a cleaned word to the sorted words seen and reports whether it is new.
// Unknown words beyond a limit are not stored. Up to the limit, evidence in any order
// gives the same words.
func addStatus(seen []string, w string) (all []string, isNew bool) {
	i, found := slices.BinarySearch(seen, w)
	if found || w == "" {
		return seen, false
	}
	if words[w].kind == kindUnknown && unknownWords(seen) >= maxUnknownWords {
		return seen, true
	}
	return slices.Concat(seen[:i], []string{w}, seen[i:]), true
}

func unknownWords(seen []string) int {
	n := 0
	for _, w := range seen {
		if words[w].kind == kindUnknown {
			n++
		}
	}
	return n
}
