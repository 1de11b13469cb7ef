package campaign

import (
	"errors"
	"fmt"
	"strings"
)

const (
	toneCharacters = "0123456789*#p"
	// maxTones bounds what one row's values can make of the tones; Vonage
	// documents no limit.
	maxTones = 100
)

// addTones takes the tones apart that are sent once a call is answered. A row
// can fill them in, as with the extension to be dialed: it chooses what is
// keyed in at a number, and never the number.
func (s *script) addTones(text string) error {
	p, err := parsePhrase(text, "")
	if err == nil && len(p.parts) == 0 {
		err = checkTones(text)
	}
	if err != nil {
		return fmt.Errorf("tones on answer: %w", err)
	}
	s.tones = text
	if len(p.parts) > 0 {
		s.filledTones = p
		s.phrases = append(s.phrases, p)
	}
	return nil
}

// renderTones shows no tones in its errors: they may be somebody's secret.
func (s script) renderTones(vars map[string]string) (string, error) {
	if s.filledTones == nil {
		return s.tones, nil
	}
	tones, err := s.filledTones.fill(vars)
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
		return errors.New("they can hold only 0-9, *, # and p, a pause of half a second; mend the value")
	case len(tones) > maxTones:
		return fmt.Errorf("there are %d of them, and %d at most are sent; shorten the value", len(tones), maxTones)
	}
	return nil
}
