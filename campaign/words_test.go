package campaign

import (
	"strings"
	"testing"
	"time"
)

// A word counts if it is the whole utterance, Vonage's confidence is high enough, and
// no other reading means another key.
func TestUnderstood(t *testing.T) {
	t.Parallel()
	s := Script{Words: plainWords(map[string]string{"Yes": "1", "yes, please": "1", "no": "2", "Ja, gern!": "1"}), Confidence: .6}
	for _, test := range []struct {
		name string
		said []Utterance
		want string
	}{
		{"a word", []Utterance{{"yes", .9}}, "1"},
		{"as it is written", []Utterance{{" YES please. ", .6}}, "1"},
		{"in another language", []Utterance{{"ja gern", .7}}, "1"},
		{"not sure enough", []Utterance{{"yes", .59}}, NotUnderstood},
		{"a part of what was said", []Utterance{{"yes I am not coming", .99}}, NotUnderstood},
		{"the second reading", []Utterance{{"gas", .9}, {"yes", .8}}, "1"},
		{"two readings for one key", []Utterance{{"yes please", .9}, {"yes", .8}}, "1"},
		{"two readings for two keys", []Utterance{{"no", .9}, {"yes", .8}}, NotUnderstood},
		{"two readings, only one sure", []Utterance{{"no", .9}, {"yes", .1}}, "2"},
		{"nothing that can be read", []Utterance{{"...", .9}}, NotUnderstood},
	} {
		if got := s.Understood(test.said); got != test.want {
			t.Errorf("%s: key %q, want %q", test.name, got, test.want)
		}
	}
}

// Mistakes in sounds, words and recordings are shown at their places.
func TestDocumentBySoundAndVoice(t *testing.T) {
	t.Parallel()
	const head = "name: n\nfrom: [\"442079460000\"]\nmessage:\n"
	for text, want := range map[string]string{
		"  say: \"stream:https://sounds.test/{{file}}.mp3\"":                                                      "",
		"  say: Hello\n  loop: 2\n  level: -0.5\n  keys: {\"5\": {record: 60s}}":                                  "",
		"  say: Hello\n  keys: {\"1\": yes_}\n  words: {\"yes\": 1}\n  confidence: 0.7":                           "",
		"  say: \"stream:{{file}}\"":                                                                              "d.yaml:4: say: want the address of an mp3 or wav file",
		"  say: \"stream:https://{{host}}/a.mp3\"":                                                                "d.yaml:4: say: ",
		"  say: \"stream:ftp://sounds.test/a.mp3\"":                                                               "d.yaml:4: say: want the address",
		"  say: \"stream:https://me:secret@sounds.test/a.mp3\"":                                                   "d.yaml:4: say: an address cannot hold a user name",
		"  say: Hello\n  loop: 0":                                                                                 "d.yaml:5: 0 is not between 1 and 9",
		"  say: Hello\n  level: 1.5":                                                                              "d.yaml:5: level: 1.5 is not between -1 and 1",
		"  say: Hello\n  words: {\"yes\": \"1\"}":                                                                 "d.yaml:5: words: it means something only with keys",
		"  say: Hello\n  keys: {\"1\": a}\n  words:\n    \"yes\": \"2\"":                                          "d.yaml:7: words.yes: \"2\" is no key of the message",
		"  say: Hello\n  keys: {\"1\": a, \"2\": b}\n  words: {\"yes\": \"1\", \"Yes!\": \"2\"}":                  "it is the word of two keys",
		"  say: Hello\n  keys: {\"1\": a}\n  confidence: 0.7":                                                     "d.yaml:6: confidence: it means something only with words",
		"  say: Hello\n  keys:\n    \"5\": {record: 2s}":                                                          "d.yaml:6: keys.5.record: 2 s is not between 3 and 600",
		"  say: Hello\n  keys: {\"5\": {record: 60s, repeat: true}}":                                              "want one of repeat, opt_out, connect, record and end",
		"  say: Hello\n  keys: {\"1\": a}\n  words: {\"yes\": \"1\"}\n  languages: {column: l, de: {say: Hallo}}": "d.yaml:7: languages.de: key 1 has words in one of",
		"  ncco: [{\"action\": \"talk\", \"text\": \"Hi\"}]\n  loop: 2":                                           "d.yaml:5: loop: it means something only with a text to say",
	} {
		d, err := ParseDocument("d.yaml", []byte(head+text+"\n"))
		if err == nil {
			_, err = d.Settings()
		}
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s\ngot %v, want %q", text, err, want)
		}
	}
}

// The length of a sound is not known, so a call that plays one may last long.
func TestLengthOfASound(t *testing.T) {
	t.Parallel()
	m := Message{Say: "Hello.", Keys: map[string]Key{"1": {Say: "stream:https://sounds.test/a.mp3"}}}
	if got := m.defaultCallLength(0); got != maxLengthTimer {
		t.Errorf("%d s, want %d", got, maxLengthTimer)
	}
	if got := SpeakingTime("stream:https://sounds.test/a.mp3"); got != 0 {
		t.Errorf("%v, want none", got)
	}
	twice := Message{Say: strings.Repeat("a", 900), Loop: 2}
	if got := time.Duration(twice.defaultCallLength(0)) * time.Second; got != 6*time.Minute {
		t.Errorf("%v for two minutes that are said three times as slowly", got)
	}
}
