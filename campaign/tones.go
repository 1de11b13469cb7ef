package campaign

import (
	"errors"
	"fmt"
	"strings"
)

const (
	toneCharacters = "0123456789*#p"
	// maxTones limits the tones with one row's values; Vonage documents no limit.
	maxTones = 100
)

// addTones parses the tones that are sent once a call is answered. A row can fill them
// in, for example with an extension: it chooses the keys pressed in the call, and never
// the number.
func (t *MessageTemplate) addTones(text string) error {
	parsed, err := parseText(text, "")
	if err == nil && len(parsed.parts) == 0 {
		err = checkTones(text)
	}
	if err != nil {
		return fmt.Errorf("tones on answer: %w", err)
	}
	t.tones = text
	if len(parsed.parts) > 0 {
		t.tonesTemplate = parsed
		t.texts = append(t.texts, parsed)
	}
	return nil
}

// renderTones shows no tones in its errors: they may be a secret.
func (t MessageTemplate) renderTones(vars map[string]string) (string, error) {
	if t.tonesTemplate == nil {
		return t.tones, nil
	}
	tones, err := t.tonesTemplate.render(vars)
	if err == nil {
		err = checkTones(tones)
	}
	if err != nil {
		return "", fmt.Errorf("tones on answer: %w", err)
	}
	return tones, nil
}

func checkTones(tones string) error {
	switch {
	case strings.Trim(tones, toneCharacters) != "":
		return errors.New("they can hold only 0-9, *, # and p, a pause of half a second; correct the value")
	case len(tones) > maxTones:
		return fmt.Errorf("there are %d of them, and %d at most are sent; shorten the value", len(tones), maxTones)
	}
	return nil
}
