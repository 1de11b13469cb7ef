package campaign

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// scriptTemplate is a message with a text to say, in one language.
type scriptTemplate struct {
	language, say, voicemail, wrong, silent compiledText
	keys                                    map[string]keyTemplate
	tries, wait                             int
	words                                   map[string]string
	confidence, level                       float64
	loop                                    int
}

type keyTemplate struct {
	Key
	say compiledText
}

// compiledText is a text, with or without placeholders.
type compiledText struct {
	literal  string
	template *textTemplate // nil: without placeholders
	sound    bool          // the text is the address of a sound
}

func (c compiledText) render(vars map[string]string) (string, error) {
	text := c.literal
	if c.template != nil {
		var err error
		if text, err = c.template.render(vars); err != nil {
			return "", err
		}
	}
	if c.sound {
		text = soundPrefix + text
	}
	return text, nil
}

// compileScripts compiles the message in each of its languages.
func compileScripts(m Message) (t MessageTemplate, err error) {
	if t.script, err = t.compileScript(m); err != nil || m.Languages == nil {
		return t, err
	}
	t.column, t.others = m.Languages.Column, map[string]*scriptTemplate{}
	for name, texts := range m.Languages.Texts {
		if t.others[languageKey(name)], err = t.compileScript(m.in(name, texts)); err != nil {
			return t, wrong("languages."+name, "%w", err)
		}
	}
	return t, nil
}

func (t *MessageTemplate) compileScript(m Message) (*scriptTemplate, error) {
	s := &scriptTemplate{keys: map[string]keyTemplate{}, tries: cmp.Or(m.Tries, defaultTries), wait: cmp.Or(m.Wait, defaultWait)}
	s.words, s.level, s.loop = plainWords(m.Words), m.Level, m.Loop
	if len(m.Words) > 0 {
		s.confidence = cmp.Or(m.Confidence, defaultConfidence)
	}
	var err error
	text := func(member, key, text string) (compiled compiledText) {
		if err == nil {
			if compiled, err = t.compileSpoken(key, m.Language, text); err != nil {
				err = mistake{member, err}
			}
		}
		return compiled
	}
	s.language = text("language", "language", m.Language)
	s.say = text("say", spokenKey, m.Say)
	s.voicemail = text("voicemail", spokenKey, m.Voicemail)
	s.wrong = text("wrong", spokenKey, m.Wrong)
	s.silent = text("silent", spokenKey, m.Silent)
	for pressed, key := range m.Keys {
		s.keys[pressed] = keyTemplate{key, text("keys."+pressed+".say", spokenKey, key.Say)}
	}
	return s, err
}

func (t *MessageTemplate) compileSpoken(key, language, text string) (compiledText, error) {
	if address, ok := Sound(text); ok && key == spokenKey {
		return t.compileSound(address)
	}
	compiled, err := t.compileString(position{key: key, language: language}, text)
	if err != nil {
		return compiledText{}, errors.Unwrap(err) // without the name of the member, which the caller adds
	}
	if template, ok := compiled.(*textTemplate); ok {
		return compiledText{template: template}, nil
	}
	return compiledText{literal: text}, nil
}

func languageKey(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// renderScript makes the script for one contact, in the contact's language.
func (t MessageTemplate) renderScript(vars map[string]string) (*Script, error) {
	in := t.script
	if t.column != "" {
		if word := languageKey(firstOf(vars[t.column])); word != "" {
			found, ok := t.inLanguage(word)
			if !ok {
				return nil, UnknownLanguageError{t.column, word}
			}
			in = found
		}
	}
	return in.render(vars)
}

// inLanguage finds the texts by the word, or else by its language without the country:
// de for de-AT. The message's own language is also found.
func (t MessageTemplate) inLanguage(word string) (*scriptTemplate, bool) {
	base, _, _ := strings.Cut(word, "-")
	for _, name := range []string{word, base} {
		if found, ok := t.others[name]; ok {
			return found, true
		}
	}
	own, _, _ := strings.Cut(languageKey(cmp.Or(t.script.language.literal, "en-US")), "-")
	return t.script, base == own
}

func (s *scriptTemplate) render(vars map[string]string) (*Script, error) {
	out := &Script{Tries: s.tries, Wait: s.wait, Words: s.words, Confidence: s.confidence, Loop: s.loop, Level: s.level}
	for _, text := range []struct {
		from compiledText
		to   *string
	}{
		{s.language, &out.Language}, {s.say, &out.Say}, {s.voicemail, &out.Voicemail}, {s.wrong, &out.Wrong}, {s.silent, &out.Silent},
	} {
		var err error
		if *text.to, err = text.from.render(vars); err != nil {
			return nil, err
		}
	}
	if len(s.keys) > 0 {
		out.Keys = make(map[string]Key, len(s.keys))
	}
	for pressed, key := range s.keys {
		said, err := key.say.render(vars)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", pressed, err)
		}
		key.Key.Say = said
		out.Keys[pressed] = key.Key
	}
	return out, nil
}
