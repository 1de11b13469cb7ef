package campaign

import (
	"strings"
	"testing"
)

// A call may last as long as its message can take, and not two hours.
func TestDefaultCallLength(t *testing.T) {
	t.Parallel()
	text := func(seconds int) string { return strings.Repeat("a", seconds*speakingRate) }
	keys := map[string]Key{"1": {Result: "yes", Say: text(4)}, "3": {Repeat: true}}
	for _, test := range []struct {
		name string
		beep int
		m    Message
		want int
	}{
		{"a short text", 0, Message{Say: "Hello"}, 60},
		{"a long text", 0, Message{Say: text(95)}, 300},
		{"just a step", 0, Message{Say: text(40)}, 120},
		{"a little more than a step", 0, Message{Say: text(40) + "a"}, 150},
		{"a value", 0, Message{Say: text(40) + "{{name}}"}, 150},
		{"a long fallback", 0, Message{Say: text(40) + "{{name|" + text(10) + "}}"}, 150},
		{"breaks", 0, Message{Say: `<speak>` + text(40) + `<break time="10s"/></speak>`}, 150},
		// 20 + 3 waits of 5 + twice the message again + 4
		{"keys", 0, Message{Say: text(20), Keys: keys}, 240},
		// 20 + 2 waits of 3 + once the longer of 2 and 1 + 4
		{"keys with texts", 0, Message{Say: text(20), Keys: keys, Wrong: text(2), Silent: text(1), Tries: 2, Wait: 3}, 120},
		// 20 + 45 + 10
		{"voicemail", 0, Message{Say: text(20), Voicemail: text(10)}, 240},
		{"voicemail after a long wait", 120, Message{Say: text(20), Voicemail: text(10)}, 450},
		{"the longest language", 0, Message{Say: text(20), Languages: &Languages{Column: "l", Texts: map[string]Texts{"de": {Say: text(50)}, "fr": {Say: text(30)}}}}, 150},
		{"a key that connects", 0, Message{Say: "Hello", Keys: map[string]Key{"1": {Connect: "442079460000"}}}, 7200},
		{"an NCCO", 0, Message{NCCO: []byte(`[{"action":"talk","text":"Hello"}]`)}, 7200},
		{"an answer URL", 0, Message{AnswerURL: "https://example.com/answer"}, 7200},
	} {
		if err := test.m.Validate(); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := test.m.defaultCallLength(test.beep); got != test.want {
			t.Errorf("%s: %d s, want %d s", test.name, got, test.want)
		}
	}
}

// The longest dialogue that a message can have is within Vonage's limit.
func TestDefaultCallLengthIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxSpoken)
	m := Message{Say: long, Voicemail: long, Wrong: long, Silent: long, Tries: maxTries, Wait: maxWait, Keys: map[string]Key{"1": {Say: long}}}
	s := Settings{Message: m, LengthTimer: m.defaultCallLength(120)}
	if s.LengthTimer < 1000 || s.LengthTimer > maxLengthTimer {
		t.Errorf("%d s", s.LengthTimer)
	}
}

// A command without a call length keeps the length that the campaign was created with.
// One with a length is compared.
func TestLengthThatNobodyGaveIsNoDifference(t *testing.T) {
	t.Parallel()
	given := func(call string) Settings {
		d, err := ParseDocument("c.yaml", []byte("name: c\nfrom: '442079460000'\nmessage: {say: Hello}\n"+call))
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Settings()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	silent, said := given(""), given("call: {length_timer: 60}")
	if silent.LengthTimer != 60 || said.LengthTimer != 60 {
		t.Fatalf("lengths %d and %d, want 60", silent.LengthTimer, said.LengthTimer)
	}
	stored := silent
	stored.LengthTimer = 7200
	if got := stored.Differences(silent); len(got) > 0 {
		t.Errorf("without a length: %v", got)
	}
	if got := stored.Differences(said); len(got) != 1 || got[0].Setting != "length-timer" {
		t.Errorf("with a length: %v", got)
	}
}
