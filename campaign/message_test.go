package campaign

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func ncco(s string) Message { return Message{NCCO: json.RawMessage(s)} }

func talk(text string) Message {
	return ncco(fmt.Sprintf(`[{"action":"talk","text":%q}]`, text))
}

func said(text string) *Script { return &Script{Say: text, Tries: 3, Wait: 5} }

func TestRender(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"name": "Ann", "First Name": "Zoë", "blank": "  ", "xml": "<R&D>", "quote": `"},{"action":"connect`, "path": "a/b?c=d e&f", "extension": "*42"}
	tests := []struct {
		name    string
		message Message
		want    Rendered
	}{
		{"no placeholder", Message{Say: "Hello."}, Rendered{Script: said("Hello.")}},
		{"a placeholder", Message{Say: "Hello {{name}}, bye."}, Rendered{Script: said("Hello Ann, bye.")}},
		{"other ways to write it", Message{Say: "{{.name}}{{ name }}{{  .name  }}{{First Name}}"}, Rendered{Script: said("AnnAnnAnnZoë")}},
		{"fallbacks", Message{Say: "{{name|friend}} {{blank|friend}} {{gone| dear friend }}{{gone|}}."}, Rendered{Script: said("Ann friend dear friend.")}},
		{"one brace is text", Message{Say: "{name} }} {"}, Rendered{Script: said("{name} }} {")}},
		{"plain text takes values as they are", Message{Say: "{{xml}}"}, Rendered{Script: said("<R&D>")}},
		{"SSML escapes them", Message{Say: "<speak>Hi <emphasis>{{xml}}</emphasis></speak>"}, Rendered{Script: said("<speak>Hi <emphasis>&lt;R&amp;D&gt;</emphasis></speak>")}},
		{"a value with quotes", Message{Say: "{{quote}}"}, Rendered{Script: said("\"},{\"action\":\"connect")}},
		{"an NCCO", ncco(`[ {"action":"talk","text":"Hi {{name}}","level":1.50,"bargeIn":true}, {"action":"notify","payload":{"who":"{{name}}"},"eventUrl":["https://example.com/e"]} ]`),
			Rendered{NCCO: json.RawMessage(`[{"action":"talk","bargeIn":true,"level":1.50,"text":"Hi Ann"},{"action":"notify","eventUrl":["https://example.com/e"],"payload":{"who":"Ann"}}]`)}},
		{"a value in an address", ncco(`[{"action":"stream","streamUrl":["https://example.com/v/{{path}}.mp3"]}]`),
			Rendered{NCCO: json.RawMessage(`[{"action":"stream","streamUrl":["https://example.com/v/a%2Fb%3Fc%3Dd%20e%26f.mp3"]}]`)}},
		{"tones", Message{Say: "Hi", DTMFAnswer: "p12#"}, Rendered{Script: said("Hi"), DTMFAnswer: "p12#"}},
		{"tones of the row", Message{AnswerURL: "https://example.com/", DTMFAnswer: "pp{{extension}}#{{gone|7}}"}, Rendered{AnswerURL: "https://example.com/", DTMFAnswer: "pp*42#7"}},
		{"an answer URL", Message{AnswerURL: "https://example.com/answer?x=1"}, Rendered{AnswerURL: "https://example.com/answer?x=1"}},
	}
	for _, test := range tests {
		got, err := test.message.Render(vars)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
}

func TestRenderErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		message Message
		vars    map[string]string
		want    string
	}{
		{"missing", Message{Say: "{{name}}"}, nil, `column "name"`},
		{"blank", Message{Say: "{{name}}"}, map[string]string{"name": " \t"}, `column "name"`},
		{"too long to be spoken", Message{Say: "{{name}}"}, map[string]string{"name": strings.Repeat("é", 1501)}, "1501 characters"},
		{"too long in tags", Message{Say: "<speak>{{name}}</speak>"}, map[string]string{"name": strings.Repeat("é", 1501)}, "1501 characters"},
		{"too long altogether", ncco(`[{"action":"notify","payload":"{{name}}"}]`), map[string]string{"name": strings.Repeat("é", maxNCCO)}, "longer than"},
		{"tones that are missing", Message{Say: "Hi", DTMFAnswer: "{{pin}}"}, nil, `column "pin"`},
		{"tones that are none", Message{Say: "Hi", DTMFAnswer: "1{{pin}}"}, map[string]string{"pin": "12a"}, "only 0-9"},
		{"too many tones", Message{Say: "Hi", DTMFAnswer: "1{{pin}}"}, map[string]string{"pin": strings.Repeat("1", 100)}, "there are 101"},
		{"a value that turns text into SSML", Message{Say: "{{name}} hello"}, map[string]string{"name": "<speak>"}, "SSML"},
	}
	for _, test := range tests {
		if got, err := test.message.Render(test.vars); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %s, %v", test.name, got.NCCO, err)
		}
	}
	if _, err := (Message{Say: "{{name}}"}).Render(map[string]string{"name": strings.Repeat("é", 1500)}); err != nil {
		t.Errorf("1500 characters: %v", err)
	}
}

func TestMessageValidate(t *testing.T) {
	t.Parallel()
	good := []Message{
		{Say: "Hello {{name|friend}}"},
		{Say: "<speak>" + strings.Repeat("<break/>", 1000) + "Hi</speak>"},
		{Say: `<speak>1 > 0, {{name}} <audio src="https://example.com/{{file}}"/><prosody rate="{{rate}}">{{name}}</prosody></speak>`},
		{AnswerURL: "http://127.0.0.1:9000/answer"},
		ncco(`[{"action":"talk","text":"Hi"},{"action":"input","type":["dtmf"]}]`),
		ncco(`[{"action":"talk","text":"https://example.com is our page, {{name}}"}]`),
		ncco(`[{"action":"talk","text":"Hi","language":"{{language|en-GB}}"}]`),
		ncco(`[{"action":"connect","endpoint":[{"type":"websocket","uri":"wss://example.com/s","headers":{"number":"{{account}}"}}]}]`),
	}
	for _, m := range good {
		if err := m.Validate(); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
	bad := []struct {
		message Message
		want    string
	}{
		{Message{}, "exactly one"},
		{Message{Say: "Hi", AnswerURL: "https://example.com"}, "exactly one"},
		{Message{Say: "Hi", NCCO: json.RawMessage(`[]`)}, "exactly one"},
		{Message{Say: strings.Repeat("é", 1501)}, "1501 characters"},
		{Message{Say: "Hello {{name"}, "not closed"},
		{Message{Say: "Hello {{name|{{first}}}}"}, "not closed"},
		{Message{Say: "Hello {{}}"}, "without a name"},
		{Message{Say: "Hello {{ |you}}"}, "without a name"},
		{Message{Say: "Hello\x00"}, "NUL"},
		{Message{AnswerURL: "/answer"}, "absolute"},
		{Message{AnswerURL: "ftp://example.com/"}, "absolute"},
		{Message{AnswerURL: "https://"}, "absolute"},
		{Message{AnswerURL: "https://me:secret@example.com/"}, "password"},
		{Message{AnswerURL: "https://example.com/{{name}}"}, "placeholders"},
		{ncco(`{"action":"talk"}`), "JSON array"},
		{ncco(`[{"action":"talk","text":"Hi"}`), "JSON array"},
		{ncco(`[{"action":"talk","text":"Hi"}] []`), "after the array"},
		{ncco(`[]`), "1 to 100 actions"},
		{ncco(`[` + strings.Repeat(`{"action":"talk","text":"x"},`, 100) + `{"action":"talk","text":"x"}]`), "1 to 100 actions"},
		{ncco(`["talk"]`), "action 1"},
		{ncco(`[null]`), "action 1"},
		{ncco(`[{"action":"talk","text":"Hi"},{"text":"Hi"}]`), "action 2"},
		{ncco(`[{"action":7}]`), "action 1"},
		{talk(strings.Repeat("x", 1501)), "1501 characters"},
		{ncco(`[{"action":"{{name}}"}]`), "never taken from a row"},
		{ncco(`[{"action":"connect","endpoint":[{"type":"phone","number":"{{number}}"}]}]`), "never taken from a row"},
		{ncco(`[{"action":"connect","endpoint":[{"type":"sip","uri":"sip:{{who}}@example.com"}]}]`), "never taken from a row"},
		{ncco(`[{"action":"connect","from":"{{from}}","endpoint":[]}]`), "never taken from a row"},
		{ncco(`[{"action":"talk","text":"Hi","{{name}}":1}]`), "only values"},
		{ncco(`[{"action":"stream","streamUrl":["{{url}}"]}]`), "after its host"},
		{ncco(`[{"action":"stream","streamUrl":["https://{{host}}/a.mp3"]}]`), "after its host"},
		{ncco(`[{"action":"stream","streamUrl":["https://example.com{{path}}"]}]`), "after its host"},
		{ncco(`[{"action":"notify","payload":{},"eventUrl":["https://example.com:{{port}}/"]}]`), "after its host"},
		{ncco(`[{"action":"connect","endpoint":[],"ringbackTone":"{{tone}}"}]`), "after its host"},
		{Message{Say: `<speak><audio src="{{x}}"/></speak>`}, "after its host"},
		{Message{Say: `<speak><audio src = '{{x}}'/></speak>`}, "after its host"},
		{Message{Say: `<speak><audio title="a > b" src="https://{{x}}/a.mp3"/></speak>`}, "after its host"},
		{Message{Say: `<speak><{{x}}>Hi</{{x}}></speak>`}, "inside a tag"},
		{Message{Say: `<speak><break {{x}}/></speak>`}, "inside a tag"},
		{Message{Say: `<speak><break time={{x}}/></speak>`}, "inside a tag"},
	}
	for _, test := range bad {
		if err := test.message.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.80s %.80s: got %v, want %q in it", test.message.Say+test.message.AnswerURL, test.message.NCCO, err, test.want)
		}
	}
}

func TestMissingColumns(t *testing.T) {
	t.Parallel()
	m := ncco(`[{"action":"talk","text":"{{b}} {{c}} {{d|x}}"},{"action":"notify","payload":{"x":["{{b}}"]}}]`)
	m.DTMFAnswer = "{{a}}"
	s, err := m.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, s.MissingColumns([]string{"c", "e"})); diff != "" {
		t.Error(diff)
	}
	if got := s.MissingColumns([]string{"a", "b", "c"}); got != nil {
		t.Errorf("got %q", got)
	}
}

// shape is an NCCO without the strings below text, payload and streamUrl: the actions
// and the parties that are called.
func shape(t interface{ Fatal(...any) }, raw json.RawMessage) any {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	var strip func(any) any
	strip = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				if key == "text" || key == "note" || key == "streamUrl" {
					value = "..."
				}
				v[key] = strip(value)
			}
		case []any:
			for i := range v {
				v[i] = strip(v[i])
			}
		}
		return v
	}
	return strip(v)
}

// hostile are pieces of text that a row might try.
var hostile = []string{`"`, `\`, `}`, `]`, `,{"action":"connect","endpoint":[{"type":"phone","number":"1900"}]}`, `{{`, `}}`, `{{b}}`, `<speak>`, `</speak>`, `&`, `<`, `'`, "\n", "\x00", "\u2028", "\xff", "../", "@evil.example/", "?x=", "é", "a"}

// For any values of a row, the actions stay the same.
func TestRenderKeepsActions(t *testing.T) {
	t.Parallel()
	m := ncco(`[{"action":"talk","text":"<speak>{{a}}</speak>"},{"action":"talk","text":"to {{b}}"},
		{"action":"stream","streamUrl":["https://example.com/{{a}}?v={{b}}"]},
		{"action":"notify","payload":{"note":"{{a}}{{b}}"},"eventUrl":["https://example.com/"]},{"action":"connect","endpoint":[{"type":"phone","number":"447700900000"}]}]`)
	plain, err := m.Render(map[string]string{"a": "x", "b": "x"})
	if err != nil {
		t.Fatal(err)
	}
	want := shape(t, plain.NCCO)
	value := rapid.Custom(func(t *rapid.T) string {
		return "x" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(hostile), 0, 8).Draw(t, "pieces"), "") + rapid.String().Draw(t, "text")
	})
	rapid.Check(t, func(t *rapid.T) {
		got, err := m.Render(map[string]string{"a": value.Draw(t, "a"), "b": value.Draw(t, "b")})
		if err != nil {
			t.Skip("refused")
		}
		if diff := cmp.Diff(want, shape(t, got.NCCO)); diff != "" {
			t.Fatalf("%s\n%s", got.NCCO, diff)
		}
		var actions []struct {
			Text      string
			StreamURL []string `json:"streamUrl"`
		}
		if err := json.Unmarshal(got.NCCO, &actions); err != nil {
			t.Fatal(err)
		}
		if tags := startTags(t, actions[0].Text); cmp.Diff([]string{"speak"}, tags) != "" {
			t.Fatalf("%s has the tags %q", actions[0].Text, tags)
		}
		if u := actions[2].StreamURL[0]; !strings.HasPrefix(u, "https://example.com/") || strings.Count(u, "/") != 3 || strings.Count(u, "?") != 1 || strings.ContainsAny(u, "#&@\\ \n") {
			t.Fatalf("address %q", u)
		}
	})
}

func startTags(t interface{ Fatal(...any) }, text string) []string {
	var tags []string
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return tags
		}
		if err != nil {
			t.Fatal(text, err)
		}
		if start, ok := token.(xml.StartElement); ok {
			tags = append(tags, start.Name.Local)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("Hello {{name}}", "Ann")
	f.Add("<speak>{{.name|friend}}</speak>", "<")
	f.Add("{{{name}}}{{ name|{ }}", "}}")
	f.Fuzz(func(t *testing.T, say, value string) {
		m := Message{Say: say}
		got, err := m.Render(map[string]string{"name": value})
		if err != nil {
			return
		}
		s, err := m.Compile()
		if err != nil {
			t.Fatalf("rendered, and yet %v", err)
		}
		if missing := s.MissingColumns([]string{"name"}); missing != nil {
			t.Fatalf("rendered without %q", missing)
		}
		if got.Script == nil || got.Script.Say == "" {
			t.Fatalf("%+v", got)
		}
	})
}

// Check, which an import calls for each row, fails exactly when Render does.
func TestCheckAgreesWithRender(t *testing.T) {
	t.Parallel()
	s, err := ncco(`[{"action":"talk","text":"Hello {{name}}"},{"action":"notify","payload":{"p":"{{town|nowhere}}"},"eventUrl":["https://example.com/{{town}}"]}]`).Compile()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		vars := map[string]string{}
		for _, column := range []string{"name", "town"} {
			vars[column] = strings.Repeat(rapid.String().Draw(t, column), rapid.SampledFrom([]int{0, 1, 50, 5000}).Draw(t, "times"))
		}
		_, rendering := s.Render(vars)
		if checking := s.Check(vars); (checking == nil) != (rendering == nil) {
			t.Errorf("Check returns %v, Render %v", checking, rendering)
		}
	})
}
