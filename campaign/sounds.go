package campaign

import (
	"errors"
	"net/url"
	"strings"
)

// soundPrefix begins a text that is the address of a sound to play.
const soundPrefix = "stream:"

// Sound is the address of the sound in a text. false: the text is spoken.
func Sound(text string) (address string, ok bool) { return strings.CutPrefix(text, soundPrefix) }

// checkSound reports an address from which Vonage could not fetch a sound.
func checkSound(address string) error {
	fixed, _, _ := strings.Cut(address, "{{")
	u, err := url.Parse(fixed)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("want the address of an mp3 or wav file, as in stream:https://example.com/notice.mp3")
	case u.User != nil:
		return errors.New("an address cannot hold a user name or password")
	}
	return nil
}

// compileSound compiles the address of a sound.
func (t *MessageTemplate) compileSound(address string) (compiledText, error) {
	if err := checkSound(address); err != nil {
		return compiledText{}, err
	}
	compiled, err := t.compileSpoken("streamUrl", "", address)
	compiled.sound = true
	return compiled, err
}

// sounds reports whether the script plays a sound, whose length is not known.
func (s *scriptTemplate) sounds() bool {
	for _, text := range s.texts() {
		if text.sound {
			return true
		}
	}
	return false
}

// texts are all texts that the script can say.
func (s *scriptTemplate) texts() []compiledText {
	list := []compiledText{s.say, s.voicemail, s.wrong, s.silent}
	for _, key := range s.keys {
		list = append(list, key.say)
	}
	return list
}
