package provider

import (
	"encoding/json"
	"strings"
	"testing"

	"dialer/campaign"
)

// A message that Vonage would refuse is refused before anybody is called, with the place
// of the mistake.
func TestCheckMessage(t *testing.T) {
	t.Parallel()
	ncco := func(actions string) campaign.Message { return campaign.Message{NCCO: json.RawMessage(actions)} }
	for _, test := range []struct {
		message campaign.Message
		want    string // "": taken
	}{
		{campaign.Message{Say: "Hello {{name}}"}, ""},
		{campaign.Message{Say: "<speak>Hi {{name}} &amp; co</speak>"}, ""},
		{campaign.Message{AnswerURL: "https://example.com/ncco"}, ""},
		{ncco(`[{"action":"talk","text":"Hi","voiceName":"Joanna"},{"action":"input","type":["dtmf"]}]`), ""},
		{campaign.Message{Say: "<speak>Hi {{name}} & co</speak>"}, "ncco[0].text: is SSML that is not well formed at character 13"},
		{ncco(`[{"action":"sleep"}]`), `ncco[0]: the action "sleep"`},
		{ncco(`[{"action":"pay"}]`), `ncco[0]: the action "pay"`},
		{ncco(`[{"action":"talk","text":"Hi"},{"action":"talk","text":"Hi","txet":"Ho"}]`), `ncco[1]: the member "txet"`},
		{ncco(`[{"action":"talk"}]`), "ncco[0].text: is required"},
		{ncco(`[{"action":"input"}]`), "ncco[0].type: must have dtmf, speech or both"},
		{ncco(`[{"action":"stream","streamUrl":"https://example.com/a.mp3"}]`), "streamUrl"},
		{ncco(`[{"action":"connect","endpoint":[{"type":"phone","number":"+442079460000"}]}]`), "ncco[0].endpoint[0].number: must be digits only"},
		{ncco(`[{"action":"connect","endpoint":[{"type":"sip","user":"desk","domain":"example"}]}]`), "ncco[0].endpoint[0].uri"},
		{ncco(`[{"action":"connect","endpoint":[{"type":"sip","uri":"sip:` + strings.Repeat("x", 47) + `"}]}]`), "has 51 characters, must have 1 to 50"},
	} {
		s := campaign.Settings{From: []string{"442079460000"}, Message: test.message, RingingTimer: 60, LengthTimer: 7200}
		template, err := test.message.Compile()
		if err != nil {
			t.Fatal(err)
		}
		sample, err := template.Sample()
		if err != nil {
			t.Fatal(err)
		}
		err = CheckMessage(s, sample, false)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s%s: %v, want %q", test.message.Say, test.message.NCCO, err, test.want)
		}
		if unknown := strings.Contains(test.want, "the action") || strings.Contains(test.want, "the member"); unknown && CheckMessage(s, sample, true) != nil {
			t.Errorf("%s is not allowed by --allow-unknown: %v", test.message.NCCO, CheckMessage(s, sample, true))
		}
	}
}
