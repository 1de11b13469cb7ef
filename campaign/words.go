package campaign

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NotUnderstood stands among the pressed keys for words that are none of the message's.
const NotUnderstood = "?"

const (
	// defaultConfidence is the default for the least confidence in a word.
	defaultConfidence = 0.6
	maxKeyWords       = 50
	maxWordLength     = 60
)

// Utterance is one reading of what a person said.
type Utterance struct {
	Text       string
	Confidence float64 // 0 to 1
}

// Understood is the key for the word that a person said. It is NotUnderstood if there
// is none, or if the words could mean two keys. Only the whole of what was said counts:
// "I do not want to cancel" is not "cancel".
func (s Script) Understood(said []Utterance) string {
	key := NotUnderstood
	for _, reading := range said {
		meant, known := s.Words[plainWord(reading.Text)]
		if !known || reading.Confidence < s.Confidence {
			continue
		}
		//guard:false campaign.TestUnderstood: what can be taken for two answers is none
		if key != NotUnderstood && key != meant {
			return NotUnderstood
		}
		key = meant
	}
	return key
}

// WordsFor are the words with the same effect as the key, sorted.
func (s Script) WordsFor(pressed string) (list []string) {
	for word, key := range s.Words {
		if key == pressed {
			list = append(list, word)
		}
	}
	slices.Sort(list)
	return list
}

// plainWord is a word in the form for comparisons: in lower case, without the signs
// around and between its letters and digits.
func plainWord(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	}), " ")
}

func plainWords(words map[string]string) map[string]string {
	if len(words) == 0 {
		return nil
	}
	plain := make(map[string]string, len(words))
	for word, key := range words {
		plain[plainWord(word)] = key
	}
	return plain
}

// checkWords reports mistakes in the words of one language.
func (m Message) checkWords(member string, words map[string]string) (errs []error) {
	if len(words) > maxKeyWords {
		errs = append(errs, wrong(member, "there are %d words, and Vonage is told of %d at most", len(words), maxKeyWords))
	}
	seen := map[string]string{}
	for _, word := range slices.Sorted(maps.Keys(words)) {
		plain, key := plainWord(word), words[word]
		switch other, twice := seen[plain]; {
		case plain == "" || utf8.RuneCountInString(word) > maxWordLength:
			errs = append(errs, wrong(member+"."+word, "want a word, or some, of at most %d characters", maxWordLength))
		case twice && other != key:
			errs = append(errs, wrong(member+"."+word, "it is the word of two keys, %s and %s", other, key))
		}
		if _, known := m.Keys[key]; !known {
			errs = append(errs, wrong(member+"."+word, "%q is no key of the message; want one, as in yes: \"1\"", key))
		}
		seen[plain] = key
	}
	return errs
}

// wordGap is a key that has words in one language and none in the other.
func wordGap(own, its map[string]string) (key string, gap bool) {
	for _, both := range [][2]map[string]string{{own, its}, {its, own}} {
		has := slices.Collect(maps.Values(both[1]))
		for _, key := range slices.Sorted(maps.Values(both[0])) {
			if !slices.Contains(has, key) {
				return key, true
			}
		}
	}
	return "", false
}

// KeysFor are the keys that the text may mean, in any language.
func (m Message) KeysFor(text string) (keys []string) {
	list := []map[string]string{m.Words}
	if m.Languages != nil {
		for _, texts := range m.Languages.Texts {
			list = append(list, texts.Words)
		}
	}
	for _, words := range list {
		if key, ok := plainWords(words)[plainWord(text)]; ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
