package campaign

import (
	"cmp"
	"time"
	"unicode/utf8"
)

const (
	minLengthTimer = 60
	maxLengthTimer = 7200
	// lengthFactor is how much longer than its message takes a call may last: some
	// voices are slow, and people ask to hear it again.
	lengthFactor = 3
	// lengthStep is what the default is rounded up to, in seconds.
	lengthStep = 30
	// spokenValue is how many characters a row's value has when it is spoken, in the
	// estimate: a date or an address has about so many.
	spokenValue = 60
)

// BeepWait is how many seconds after a machine was detected its text is spoken at the
// latest: Vonage waits so long for the beep, unless the campaign says otherwise.
const BeepWait = 45

// defaultCallLength is how many seconds a call may last where nothing says it: long
// enough for the message, its keys and the text for a machine. It limits the cost of
// a call that nobody hangs up. Where the length cannot be known (an NCCO, an answer
// URL, a sound, a key that connects) it is the maximum.
func (m Message) defaultCallLength(beepTimeout int) int {
	t, err := m.Compile()
	if err != nil || t.script == nil || t.script.sounds() {
		return maxLengthTimer
	}
	for _, key := range m.Keys {
		if key.Connect != "" {
			return maxLengthTimer
		}
	}
	longest := t.script.length(beepTimeout)
	for _, other := range t.others {
		if other.sounds() {
			return maxLengthTimer
		}
		longest = max(longest, other.length(beepTimeout))
	}
	seconds := int((lengthFactor*longest + time.Second - 1) / time.Second)
	seconds = (seconds + lengthStep - 1) / lengthStep * lengthStep
	return min(max(seconds, minLengthTimer), maxLengthTimer)
}

// length is how long a call takes in which the person answers at the last try, or one
// that a machine answered, whichever is longer.
func (s *scriptTemplate) length(beepTimeout int) time.Duration {
	say := s.say.length() * time.Duration(max(s.loop, 1))
	machine := time.Duration(0)
	if s.voicemail != (compiledText{}) {
		machine = say + time.Duration(cmp.Or(beepTimeout, BeepWait))*time.Second + s.voicemail.length()
	}
	if len(s.keys) == 0 {
		return max(say, machine)
	}
	var answer time.Duration
	for _, key := range s.keys {
		answer = max(answer, cmp.Or(key.say.length(), SpeakingTime(optOutTexts["en"]))+time.Duration(key.Record)*time.Second)
	}
	again := max(s.silent.length(), cmp.Or(s.wrong.length(), say))
	person := say + time.Duration(s.tries*s.wait)*time.Second + time.Duration(s.tries-1)*again + answer
	return max(person, machine)
}

// length is about how long the text takes to say, whatever a row's values are.
func (c compiledText) length() time.Duration {
	if c.template == nil {
		return SpeakingTime(c.literal)
	}
	var text string
	values := 0
	for _, p := range c.template.parts {
		if p.column == "" {
			text += p.literal
			continue
		}
		values += max(spokenValue, utf8.RuneCountInString(p.fallback))
	}
	return SpeakingTime(text) + speakingTime(values)
}
