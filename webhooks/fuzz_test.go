package webhooks

import (
	"net/http"
	"strings"
	"testing"

	"dialer/campaign"

	"github.com/google/uuid"
)

// Any input, event or request for an NCCO, signed or not, is answered without a panic.
// Nothing is stored that Vonage did not sign.
func FuzzWebhooks(f *testing.F) {
	for _, target := range []string{
		"/webhooks/input?attempt=" + attempt + "&turn=1&try=1&early=1", "/webhooks/input?attempt=" + attempt + "&turn=25&try=9",
		"/webhooks/input?inbound=" + attempt + "&turn=1&try=1", "/webhooks/input?turn=-1&try=99999999999999999999", "/webhooks/input?turn=1&try=1",
		"/webhooks/answer", "/webhooks/answer?attempt=" + attempt, "/webhooks/answer?attempt=x", "/webhooks/event?inbound=" + attempt, "/webhooks/event",
	} {
		for _, body := range []string{
			`{"dtmf":{"digits":"1","timed_out":false},"uuid":"u","conversation_uuid":"c"}`, `{"dtmf":{"digits":null}}`, `{"dtmf":"9"}`,
			`{"from":"447700900101","to":"442079460000","uuid":"u","conversation_uuid":"c"}`, `{"from":[],"uuid":{}}`,
			`{"speech":{"results":[{"text":"yes","confidence":"0.9"},{"text":"no","confidence":2}],"timeout_reason":"x"},"dtmf":{"digits":null}}`, `{"speech":{"error":"e"}}`, `{"speech":{"results":{}}}`,
			`{"recording_url":"https://x.test/r","recording_uuid":"r","size":-1,"start_time":"2026-12-01T09:00:00Z","end_time":"2026-12-01T08:00:00Z","conversation_uuid":"c"}`,
			`{"payload":{"dialer":"heard"},"conversation_uuid":"c"}`, `{"payload":{"dialer":"sorry"}}`, `{"status":"machine","sub_state":"beep_start","uuid":"u"}`,
			`{"dtmf":{"digits":"` + strings.Repeat("1", 300) + `\u0000"}}`, `[]`, `null`, ``, "\xff",
		} {
			f.Add(target, body, true)
			f.Add(target, body, false)
		}
	}
	f.Fuzz(func(t *testing.T, target, body string, isSigned bool) {
		path, query, _ := strings.Cut(target, "?")
		if !strings.HasPrefix(path, "/webhooks/") || strings.ContainsAny(target, " \r\n#%\x00") || strings.ContainsFunc(target, func(r rune) bool { return r < ' ' || r > '~' }) {
			return // no server hands such an address on
		}
		store := &memoryStore{placement: campaign.Placement{
			Attempt: campaign.Attempt{ID: uuid.MustParse(attempt), From: "442079460000"},
			Settings: campaign.Settings{From: []string{"442079460000"}, Message: campaign.Message{
				Say: "Hello", Voicemail: "Call back.", Keys: map[string]campaign.Key{"1": {Result: "confirmed"}, "3": {Repeat: true}, "9": {OptOut: true}, "0": {Connect: "442079460001"}, "5": {Record: 60}},
				Words: map[string]string{"yes": "1", "no": "9"},
			}},
		}}
		r := signed(t, http.MethodPost, path+"?"+query, body)
		if !isSigned {
			r.Header.Set("Authorization", "Bearer "+strings.Repeat("a", 20)+"."+strings.Repeat("b", 20)+".c")
		}
		w := serve(newHandler(store), r)
		if !isSigned && (len(store.events) > 0 || w.Code < 400) {
			t.Errorf("%s, unsigned: %d, %d events", target, w.Code, len(store.events))
		}
		if w.Code >= 500 || w.Code < 200 {
			t.Errorf("%s %q: %d", target, body, w.Code)
		}
	})
}
