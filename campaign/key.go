package campaign

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Key says what a key of the telephone does after the message. The call then continues
// with one of Repeat, OptOut, Connect, Record and End; without any of them it ends
// after Say.
type Key struct {
	// Result is the campaign's own word for the person's decision.
	Result string `json:"result,omitempty"`
	// Say is spoken after the key was pressed.
	Say     string `json:"say,omitempty"`
	Repeat  bool   `json:"repeat,omitempty"`  // the message is spoken again
	OptOut  bool   `json:"opt_out,omitempty"` // the number is suppressed, and the person hears that
	Connect string `json:"connect,omitempty"` // a number in digits, or a SIP address, to which the person is connected
	End     bool   `json:"end,omitempty"`
	Record  int    `json:"record,omitempty"` // records the person's words after Say, for at most so many seconds
}

// OptedOut is the result of a key that suppresses the number.
const OptedOut = "opted_out"

// OptOutScope says in which campaigns a person who opts out is suppressed.
type OptOutScope string

const (
	OptOutAll      OptOutScope = "all"
	OptOutCampaign OptOutScope = "campaign"
)

// The tries and waits of a message with keys, unless it sets its own.
const (
	defaultTries, maxTries = 3, 9
	defaultWait, maxWait   = 5, 10 // seconds; Vonage waits 10 at most
	// The length of a recording, in seconds; Vonage's minimum is 3.
	minRecord, maxRecord = 3, 600
	// maxLoop is how often a message may be said in a row. Vonage's endless loop is not
	// allowed: such a message has no end that could be heard.
	maxLoop = 9
)

var (
	keyName    = regexp.MustCompile(`^[0-9*#]$`)
	resultWord = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	sipAddress = regexp.MustCompile(`^sips?:[^\s@{}]+@[^\s@{}]+$`)
)

// ResultOf is the word of the last of the keys that has one, and "" if none has.
func (m Message) ResultOf(keys []string) string {
	for _, pressed := range slices.Backward(keys) {
		switch key := m.Keys[pressed]; {
		case key.OptOut:
			return OptedOut
		case key.Result != "":
			return key.Result
		}
	}
	return ""
}

// Results are the result words of the keys, sorted.
func (m Message) Results() []string {
	words := map[string]bool{}
	for pressed := range m.Keys {
		if word := m.ResultOf([]string{pressed}); word != "" {
			words[word] = true
		}
	}
	return slices.Sorted(maps.Keys(words))
}

// Scope says in which campaigns a person who opts out is suppressed.
func (m Message) Scope() OptOutScope {
	if m.OptOut == "" {
		return OptOutAll
	}
	return m.OptOut
}

// A mistake names the member of the message that is wrong, such as keys.1.result.
type mistake struct {
	member string
	err    error
}

func (m mistake) Error() string { return strings.ReplaceAll(m.member, "_", " ") + ": " + m.err.Error() }

func (m mistake) Unwrap() error { return m.err }

func wrong(member, format string, args ...any) mistake {
	return mistake{member, fmt.Errorf(format, args...)}
}

// checkDialogue reports mistakes in the keys and their members.
func (m Message) checkDialogue() error {
	var errs []error
	add := func(bad bool, member, format string, args ...any) {
		if bad {
			errs = append(errs, wrong(member, format, args...))
		}
	}
	for _, only := range []struct {
		member string
		set    bool
	}{{"voicemail", m.Voicemail != ""}, {"keys", len(m.Keys) > 0}, {"language", m.Language != ""}, {"languages", m.Languages != nil}, {"ring_back", m.RingBack}} {
		add(only.set && m.Say == "", only.member, "it means something only with a text to say")
	}
	for _, only := range []struct {
		member string
		set    bool
	}{{"wrong", m.Wrong != ""}, {"silent", m.Silent != ""}, {"tries", m.Tries != 0}, {"wait", m.Wait != 0}, {"words", len(m.Words) > 0}} {
		add(only.set && len(m.Keys) == 0, only.member, "it means something only with keys")
	}
	add(m.Confidence != 0 && len(m.Words) == 0, "confidence", "it means something only with words")
	add(!(m.Confidence >= 0 && m.Confidence <= 1), "confidence", "%g is not between 0 and 1", m.Confidence)
	add(m.Loop != 0 && m.Say == "", "loop", "it means something only with a text to say")
	add(m.Loop < 0 || m.Loop > maxLoop, "loop", "%d is not between 1 and %d", m.Loop, maxLoop)
	add(m.Level != 0 && m.Say == "", "level", "it means something only with a text to say")
	add(!(m.Level >= -1 && m.Level <= 1), "level", "%g is not between -1 and 1", m.Level)
	errs = append(errs, m.checkWords("words", m.Words)...)
	add(m.Tries < 0 || m.Tries > maxTries, "tries", "%d is not between 1 and %d", m.Tries, maxTries)
	add(m.Wait < 0 || m.Wait > maxWait, "wait", "%d s is not between 1 and %d", m.Wait, maxWait)
	add(!slices.Contains([]OptOutScope{"", OptOutAll, OptOutCampaign}, m.OptOut), "opt_out", "%q is neither all nor campaign", m.OptOut)
	add(m.OptOut != "" && !m.hasOptOut(), "opt_out", "no key of the message is for opting out")
	for _, pressed := range slices.Sorted(maps.Keys(m.Keys)) {
		if !keyName.MatchString(pressed) {
			errs = append(errs, wrong("keys."+pressed, "want one of 0 to 9, * and #"))
		}
		if err := m.Keys[pressed].validate("keys." + pressed); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, m.Languages.validate(m))...)
}

func (m Message) hasOptOut() bool {
	for _, key := range m.Keys {
		if key.OptOut {
			return true
		}
	}
	return false
}

func (k Key) validate(member string) error {
	var errs []error
	does := 0
	for _, set := range []bool{k.Repeat, k.OptOut, k.Connect != "", k.End, k.Record != 0} {
		if set {
			does++
		}
	}
	if does > 1 {
		errs = append(errs, wrong(member, "want one of repeat, opt_out, connect, record and end"))
	}
	if does == 0 && k.Result == "" && k.Say == "" {
		errs = append(errs, wrong(member, "it does nothing; want a result, a text to say, or one of repeat, opt_out, connect, record and end"))
	}
	if k.Record != 0 && (k.Record < minRecord || k.Record > maxRecord) {
		errs = append(errs, wrong(member+".record", "%d s is not between %d and %d", k.Record, minRecord, maxRecord))
	}
	if k.Result != "" && !resultWord.MatchString(k.Result) {
		errs = append(errs, wrong(member+".result", "%q: want one word of lower-case letters, digits and _, such as confirmed", k.Result))
	}
	if k.Result != "" && slices.Contains(reservedWords, k.Result) {
		errs = append(errs, wrong(member+".result", "%q is the name of something that a key does; take another word", k.Result))
	}
	if k.Result != "" && (k.OptOut || k.Repeat) {
		errs = append(errs, wrong(member+".result", "opt_out has the result %s, and repeat has none", OptedOut))
	}
	if k.Connect != "" && !e164.MatchString(k.Connect) && !sipAddress.MatchString(k.Connect) {
		errs = append(errs, wrong(member+".connect", "want a number with its country code and no plus sign, or an address such as sip:desk@example.com"))
	}
	return errors.Join(errs...)
}

// reservedWords say what a key does, so they cannot be result words.
var reservedWords = []string{"repeat", "opt_out", "end", "connect", OptedOut}

// ParseKey reads the short form of a key: a result word, repeat, opt_out, end or
// connect:NUMBER, and after a colon the text to say.
func ParseKey(text string) (Key, error) {
	word, said, _ := strings.Cut(text, ":")
	word, said = strings.TrimSpace(word), strings.TrimSpace(said)
	k := Key{Say: said}
	switch word {
	case "repeat":
		k.Repeat = true
	case "opt_out":
		k.OptOut = true
	case "end":
		k.End = true
	case "connect":
		to := said
		k.Say = ""
		if !strings.HasPrefix(said, "sip:") && !strings.HasPrefix(said, "sips:") {
			to, k.Say, _ = strings.Cut(said, ":")
			k.Say = strings.TrimSpace(k.Say)
		}
		k.Connect = connectAddress(to)
		if k.Connect == "" {
			return Key{}, errors.New("connect: to whom? Want connect:442079460000 or connect:sip:desk@example.com")
		}
	default:
		k.Result = word
		if word == "" {
			return Key{}, errors.New("want a word for the result, or repeat, opt_out, end or connect:NUMBER")
		}
	}
	return k, nil
}

// connectAddress is a number in digits if it was written with a plus sign or blanks.
// Other addresses stay as they are.
func connectAddress(to string) string {
	to = strings.TrimSpace(to)
	if from, err := ParseFrom([]string{to}); err == nil {
		return from[0]
	}
	return to
}
