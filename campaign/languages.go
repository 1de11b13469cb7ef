package campaign

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Languages are the message's texts in other languages than its own. A column names
// each row's language; if it is blank, the person hears the message's own.
type Languages struct {
	Column string           `json:"column"`
	Texts  map[string]Texts `json:"texts"` // by the word in the column, such as de
}

// Texts are the texts of one language. What the keys do is set in the message.
type Texts struct {
	Language  string            `json:"language,omitempty"` // of the voice; "": the word in the column
	Say       string            `json:"say"`
	Voicemail string            `json:"voicemail,omitempty"`
	Keys      map[string]string `json:"keys,omitempty"` // said after a key was pressed
	Wrong     string            `json:"wrong,omitempty"`
	Silent    string            `json:"silent,omitempty"`
	Words     map[string]string `json:"words,omitempty"` // words to say instead of pressing a key
}

// validate reports gaps: each language must have every text that the message has in its
// own language.
func (l *Languages) validate(m Message) error {
	if l == nil {
		return nil
	}
	var errs []error
	if strings.TrimSpace(l.Column) == "" {
		errs = append(errs, wrong("languages.column", "want the column that names each person's language"))
	}
	if len(l.Texts) == 0 {
		errs = append(errs, wrong("languages", "want the texts of at least one language"))
	}
	for _, name := range slices.Sorted(maps.Keys(l.Texts)) {
		t := l.Texts[name]
		gap := func(member string, own, its string) {
			if (own == "") != (its == "") {
				errs = append(errs, wrong("languages."+name, "%s is said in one of the message's own language and this one, and not in the other", member))
			}
		}
		gap("say", m.Say, t.Say)
		gap("voicemail", m.Voicemail, t.Voicemail)
		gap("wrong", m.Wrong, t.Wrong)
		gap("silent", m.Silent, t.Silent)
		for _, pressed := range slices.Sorted(maps.Keys(m.Keys)) {
			gap("the text of key "+pressed, m.Keys[pressed].Say, t.Keys[pressed])
		}
		if key, isGap := wordGap(m.Words, t.Words); isGap {
			errs = append(errs, wrong("languages."+name, "key %s has words in one of the message's own language and this one, and not in the other", key))
		}
		errs = append(errs, m.checkWords("languages."+name+".words", t.Words)...)
		for _, pressed := range slices.Sorted(maps.Keys(t.Keys)) {
			if _, known := m.Keys[pressed]; !known {
				errs = append(errs, wrong("languages."+name+".keys."+pressed, "the message has no such key"))
			}
		}
	}
	return errors.Join(errs...)
}

// in is the message with the texts of one language.
func (m Message) in(name string, t Texts) Message {
	m.Language, m.Languages = t.Language, nil
	if m.Language == "" {
		m.Language = name
	}
	m.Say, m.Voicemail, m.Wrong, m.Silent, m.Words = t.Say, t.Voicemail, t.Wrong, t.Silent, t.Words
	keys := make(map[string]Key, len(m.Keys))
	for pressed, key := range m.Keys {
		key.Say = t.Keys[pressed]
		keys[pressed] = key
	}
	m.Keys = keys
	return m
}

// UnknownLanguageError says that the message does not have the language that a row
// names.
type UnknownLanguageError struct{ Column, Language string }

func (e UnknownLanguageError) Error() string {
	return fmt.Sprintf("column %q names the language %q, in which the message has no text; leave it blank for the message's own", e.Column, e.Language)
}
