package webhooks

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// The call that these tests are about.
const (
	callUUID     = "63f61863-4a51-4f6b-86e1-46edebcf9356"
	conversation = "CON-f972836a-550f-45fa-956c-12a2ab5b7d22"
)

// nccoParams is the body of a request for an NCCO.
const nccoParams = `{"to":"447700900001","from":"442079460000","uuid":"63f61863-4a51-4f6b-86e1-46edebcf9356"}`

// requestNCCO requests the NCCO of an attempt in both forms.
func requestNCCO(t *testing.T, h http.Handler, query string) map[string]any {
	t.Helper()
	replies := map[string]any{}
	for method, body := range map[string]string{http.MethodPost: nccoParams, http.MethodGet: ""} {
		w := serve(h, signed(t, method, "/webhooks/answer"+query, body))
		var actions any = w.Code
		if w.Code == http.StatusOK {
			if err := json.Unmarshal(w.Body.Bytes(), &actions); err != nil || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s: %q as %s: %v", method, w.Body, w.Header().Get("Content-Type"), err)
			}
		}
		replies[method] = actions
	}
	return replies
}

func both(reply any) map[string]any {
	return map[string]any{http.MethodPost: reply, http.MethodGet: reply}
}

func talk(text string) []any { return []any{map[string]any{"action": "talk", "text": text}} }

// hello says "Hello", and then that it was heard.
func hello(a campaign.Attempt) []any {
	return append(talk("Hello"), map[string]any{
		"action": "notify", "payload": map[string]any{"dialer": "heard"},
		"eventUrl": []any{"https://dialer.test/webhooks/event?attempt=" + a.ID.String()}, "eventMethod": "POST",
	})
}

var sorry = talk("We are sorry, this call cannot be completed. Goodbye.")

func TestAnswerOfAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a, h := dialingAttempt(t, db), newHandler(db)
	for query, want := range map[string]any{
		"?attempt=" + a.ID.String():     hello(a),
		"?attempt=" + uuid.NewString():  sorry,
		"?attempt=invalid":              sorry,
		"":                              greeting,
		"?x=1&attempt=" + a.ID.String(): hello(a),
	} {
		if diff := cmp.Diff(both(want), requestNCCO(t, h, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if asked := testkit.Value[bool](t, db, `SELECT message_asked_at IS NOT NULL FROM attempts`); !asked {
		t.Error("it is not noted that there is a call")
	}
	db.Close()
	if diff := cmp.Diff(both(http.StatusServiceUnavailable), requestNCCO(t, h, "?attempt="+a.ID.String())); diff != "" {
		t.Errorf("without the database (-want +got):\n%s", diff)
	}
}

func TestAnswerNCCO(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		message campaign.Message
		want    any
	}{
		{"values and inputs", campaign.Message{NCCO: json.RawMessage(`[{"action":"talk","text":"Press 1, {{name}}"},{"action":"input","type":["dtmf"]}]`)}, []any{
			map[string]any{"action": "talk", "text": "Press 1, Ada"},
			map[string]any{"action": "input", "type": []any{"dtmf"}, "eventUrl": []any{"https://dialer.test/webhooks/input?attempt=" + attempt}},
		}},
		{"missing value", campaign.Message{Say: "Hello {{town}}"}, sorry},
		{"another answer URL", campaign.Message{AnswerURL: "https://example.test/answer"}, sorry},
		{"invalid NCCO", campaign.Message{NCCO: json.RawMessage(`[{"action":"input"}]`)}, sorry},
	} {
		store := &memoryStore{placement: campaign.Placement{Attempt: campaign.Attempt{ID: uuid.MustParse(attempt)}, Settings: campaign.Settings{Message: test.message}, Vars: map[string]string{"name": "Ada"}}}
		if diff := cmp.Diff(both(test.want), requestNCCO(t, newHandler(store), "?attempt="+attempt)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestAnswerNeedsSignature(t *testing.T) {
	t.Parallel()
	store := &memoryStore{placement: campaign.Placement{Settings: campaign.Settings{Message: campaign.Message{Say: "Your PIN is 1234"}}}}
	h := newHandler(store)
	for name, authorization := range forgeries(t) {
		for _, path := range []string{"/webhooks/answer", "/webhooks/input"} {
			r := signed(t, http.MethodPost, path+"?attempt="+attempt, answered)
			r.Header.Set("Authorization", authorization)
			if w := serve(h, r); w.Code != http.StatusUnauthorized || w.Body.Len() > 0 {
				t.Errorf("%s %s: status %d, %q; want 401 and nothing", path, name, w.Code, w.Body)
			}
		}
	}
	if len(store.events) != 0 {
		t.Errorf("%d forged inputs stored", len(store.events))
	}
}

func TestInput(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a, h := dialingAttempt(t, db), newHandler(db)
	before := readState(t, db)
	target := "/webhooks/input?attempt=" + a.ID.String()
	pressed := `{"dtmf":{"digits":"1","timed_out":false},"speech":{"error":"Speech was not enabled"},"from":"442079460000","to":"447700900001","uuid":"` + callUUID + `","conversation_uuid":"` + conversation + `","timestamp":"2026-11-20T11:59:09.000Z"}`
	if w := serve(h, signed(t, http.MethodPost, target, pressed)); w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("POST: status %d, %q; want 204 and nothing", w.Code, w.Body)
	}
	rows := testkit.Rows[string](t, db, `SELECT concat_ws(' ', kind, attempt_id, call_uuid, body -> 'dtmf' ->> 'digits') FROM events ORDER BY id LIMIT 1`)
	if want := "input " + a.ID.String() + " " + callUUID + " 1"; len(rows) != 1 || rows[0] != want {
		t.Errorf("stored %q, want %q", rows, want)
	}
	if got := count(t, db, "events WHERE kind = 'input'"); got != 1 {
		t.Errorf("%d inputs stored, want 1", got)
	}
	if diff := cmp.Diff(before, readState(t, db)); diff != "" {
		t.Errorf("an input changed the attempt (-before +after)\n%s", diff)
	}
	failing := newHandler(&memoryStore{fail: errors.New("connection refused")})
	if w := serve(failing, signed(t, http.MethodPost, target, pressed)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("not stored: status %d, Retry-After %q; want 503 and a wait", w.Code, w.Header().Get("Retry-After"))
	}
	if w := serve(failing, signed(t, http.MethodPost, "/webhooks/answer", strings.Repeat(" ", maxBody+1))); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a request above the size limit: status %d, want 413", w.Code)
	}
}
