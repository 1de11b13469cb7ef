package campaign

import (
	"cmp"
	"time"
	"unicode/utf8"
)

const (
	minLengthTimer = 60
	maxLengthTimer = 7200
	// lengthFactor is how many times the message's length a call may last: some voices are
	// slow, and people ask to hear the message again.
	lengthFactor = 3
	// lengthStep is the step to which the default is rounded up, in seconds.
	lengthStep = 30
	// spokenValue is the estimated length of a row's value when spoken, in characters:
	// about that of a date or an address.
	spokenValue = 60
)

// BeepWait is the longest wait, in seconds, between the detection of a machine and its
// text. Vonage waits so long for the beep, unless the campaign sets another time.
const BeepWait = 45

// defaultCallLength is how many seconds a call may last if the campaign does not set
// it: long enough for the message, its keys and the text for a machine. It limits the
// cost of a call that nobody hangs up. If the length cannot be known (an NCCO, an
// answer URL, a sound, a key that connects), it is the maximum.
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

// length is the length of the longer of two calls: one in which the person answers at
// the last try, and one that a machine answers.
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

// length is about how long the text takes to say, for any values of a row.
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
