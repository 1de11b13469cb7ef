package campaign

import (
	"cmp"
	"errors"
	"strings"
)

// personMark separates the values of people who share a call.
const personMark = "\x1f"

// Together are the values for a call that several people share: for each column the
// values of all people in their order, or one value if all are the same.
func Together(people []map[string]string) map[string]string {
	if len(people) == 1 {
		return people[0]
	}
	joined := map[string]string{}
	for _, person := range people {
		for column := range person {
			joined[column] = ""
		}
	}
	for column := range joined {
		var values []string
		same := true
		for _, person := range people {
			value := strings.ReplaceAll(person[column], personMark, " ")
			same = same && value == strings.ReplaceAll(people[0][column], personMark, " ")
			values = append(values, value)
		}
		if same {
			values = values[:1]
		}
		joined[column] = strings.Join(values, personMark)
	}
	return joined
}

// ofEach are the values of the people who share the call.
func ofEach(value string) []string { return strings.Split(value, personMark) }

// firstOf is the value of the first person, for a place with only one value.
func firstOf(value string) string {
	first, _, _ := strings.Cut(value, personMark)
	return first
}

// ands is the word before the last of several values, by language.
var ands = map[string]string{
	"cs": "a", "da": "og", "de": "und", "en": "and", "es": "y", "fi": "ja", "fr": "et", "it": "e", "nb": "og", "no": "og", "nl": "en",
	"pl": "i", "pt": "e", "sv": "och",
}

// enumerate joins several values in words: "Ann, Bob and Cid".
func enumerate(list []string, language string) string {
	if len(list) == 1 {
		return list[0]
	}
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(cmp.Or(language, defaultLanguage), "_", "-")), "-")
	last := ", "
	if and := ands[base]; and != "" {
		last = " " + and + " "
	}
	return strings.Join(list[:len(list)-1], ", ") + last + list[len(list)-1]
}

// checkTogether reports why people cannot share calls under these settings.
func (s Settings) checkTogether() error {
	if !s.Together {
		return nil
	}
	var errs []error
	add := func(bad bool, text string) {
		if bad {
			errs = append(errs, mistake{"together", errors.New(text)})
		}
	}
	add(s.Key == "", "with it key must name the column that tells people apart who share a number")
	add(s.Message.Say == "", "only a text to say can name several people")
	t, err := s.Message.Compile()
	if err != nil {
		return errors.Join(errs...) // reported elsewhere
	}
	for _, text := range t.texts {
		add(text.escape == escapeURL || text == t.tonesTemplate, "an address or tones cannot have the values of several people; take the placeholder out of them")
	}
	return errors.Join(errs...)
}
