package campaign

import (
	"strings"
	"testing"
)

// Each placeholder says the values of all who share a call, in the form of the
// placeholder and the language.
func TestTogether(t *testing.T) {
	t.Parallel()
	people := []map[string]string{
		{"name": "Ann", "at": "2026-12-03 09:00", "place": "Rome", "nick": "", "lang": "de"},
		{"name": "Bob", "at": "2026-12-03 09:30", "place": "Rome", "nick": "B", "lang": "de"},
		{"name": "Cid & Co", "at": "2026-12-03 09:00", "place": "Rome", "nick": "C\x1fc", "lang": "de"},
	}
	for _, test := range []struct{ language, say, want string }{
		{"en-GB", "Hello {{name}}.", "Hello Ann, Bob and Cid & Co."},
		{"", "In {{place}}: {{name}}", "In Rome: Ann, Bob and Cid & Co"},
		{"de", "Um {{at|time}}", "Um 09:00, 09:30 und 09:00"},
		{"{{lang}}", "{{name}}", "Ann, Bob und Cid & Co"},
		{"ja-JP", "{{name}}", "Ann, Bob, Cid & Co"},
		{"en-GB", "{{nick|friend}}", "friend, B and C c"},
		{"en-GB", "<speak>{{name}}</speak>", "<speak>Ann, Bob and Cid &amp; Co</speak>"},
	} {
		got, err := Message{Language: test.language, Say: test.say}.Render(Together(people))
		if err != nil || got.Script.Say != test.want {
			t.Errorf("%s: %+v, %v, want %q", test.say, got.Script, err, test.want)
		}
	}
	if _, err := (Message{Say: "{{nick}}"}).Render(Together(people)); err == nil {
		t.Error("who has no value is passed over")
	}
	if got := Together(people[:1]); got["name"] != "Ann" {
		t.Errorf("one person: %v", got)
	}
	for text, want := range map[string]string{
		"message: {say: Hi}\npeople: {together: true}":                                              "d.yaml:4: together: with it key must name",
		"message: {answer_url: \"https://x.test/a\"}\npeople: {key: id, together: true}":            "only a text to say can name several people",
		"message: {say: \"stream:https://x.test/{{name}}.mp3\"}\npeople: {key: id, together: true}": "an address or tones cannot have the values",
		"message: {say: \"Hi {{name}}\"}\npeople: {key: id, together: true}":                        "",
		"message: {say: Hi, dtmf_answer: \"{{ext}}\"}\npeople: {key: id, together: true}":           "an address or tones",
	} {
		d, err := ParseDocument("d.yaml", []byte("name: n\nfrom: [\"442079460000\"]\n"+text+"\n"))
		if err == nil {
			_, err = d.Settings()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\ngot %v, want %q", text, err, want)
		}
	}
}
