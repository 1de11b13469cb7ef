package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit/require"
)

// evil is a text that clears the screen, reverses the reading order, and adds a line.
const evil = "x\x1b[2J\u009b31m\u202ey\u2066\x07\rz\nFORGED\tline"

// wantHarmless reports where the text would control a screen.
func wantHarmless(t *testing.T, what, text string) {
	t.Helper()
	for _, acts := range []string{"\x1b", "\u009b", "\u202e", "\u2066", "\x07", "\r", "\nFORGED"} {
		if i := strings.Index(text, acts); i >= 0 {
			t.Errorf("%s prints %q: %q", what, acts, text[max(0, i-40):min(len(text), i+20)])
		}
	}
}

// No command lets a text of a file, a colleague or Vonage control the screen.
func TestStoredTextIsShownHarmless(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	attempts := l.dialed(t, 2, stay)
	l.db.Exec(t, `UPDATE campaigns SET name = $1::text, status = 'paused', pause_reason = $1,
		settings = jsonb_set(settings, '{message}', jsonb_build_object('say', $1::text))`, evil)
	require.NoError(t, l.db.Record(t.Context(), attempts[0].ID, campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: campaign.RefusedInvalid, Said: evil}))
	require.NoError(t, l.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmLost, AttemptID: attempts[1].ID, Detail: evil}))
	l.db.Exec(t, `INSERT INTO audit (actor, through, action, object, before, after)
		VALUES ($1, 'command', $1, $1, to_jsonb($1::text), to_jsonb($1::text)),
			($1, 'command', 'call.hangup', 'call 63f61863-4a51-4f6b-86e1-46edebcf9356', NULL, jsonb_build_object('detail', $1::text, 'outcome', $1::text, 'answer', $1::text))`, evil)
	l.db.Exec(t, `INSERT INTO rejected_rows (campaign_id, source, line_no, column_name, reason, record) SELECT id, $1, 3, $1, $1, $2 || $1 FROM campaigns`, evil, person(0))
	l.db.Exec(t, `UPDATE contacts SET vars = jsonb_build_object($1::text, $1), result = $1, key = CASE id WHEN 1 THEN $1 ELSE key END`, evil)
	l.db.Exec(t, `INSERT INTO users (name, role, password) VALUES ($1, 'viewer', '')`, evil)
	l.db.Exec(t, `INSERT INTO access_tokens (name, role, sha256) VALUES ($1, 'viewer', '')`, evil)
	l.db.Exec(t, `INSERT INTO hooks (url, secret, allow_private) VALUES ($1, 'whsec_', true)`, evil)
	l.db.Exec(t, `INSERT INTO hook_messages (hook_id, topic, type, data, failure, dead_at) VALUES (1, $1, $1, to_jsonb($1::text), $1, now())`, evil)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := json.Marshal(evil)
		call := `{"uuid":"63f61863-4a51-4f6b-86e1-46edebcf9356","status":` + string(text) + `,"direction":` + string(text) + `,"network":` + string(text) + `,
			"to":{"type":"app","user":` + string(text) + `},"from":{"type":"phone","number":"447700900101"}}`
		switch {
		case r.Method != http.MethodGet:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"title":`+string(text)+`,"detail":`+string(text)+`}`)
		case strings.HasSuffix(r.URL.Path, "/calls"):
			_, _ = io.WriteString(w, `{"count":1,"page_size":100,"record_index":0,"_embedded":{"calls":[`+call+`]},"_links":{"self":{"href":"/v1/calls"}}}`)
		default:
			_, _ = io.WriteString(w, call)
		}
	}))
	t.Cleanup(api.Close)
	l.api = api.URL + "/v1"
	database := func(args ...string) []string { return append(args, "--database-url", l.db.URL) }
	vonage := func(args ...string) []string {
		return append(database(args...), "--api-url", l.api, "--application-id", "app", "--private-key", l.key, "--requests-per-second", "100")
	}
	for _, args := range [][]string{
		database("suppress", "add", person(3), "--note", evil, "--by", evil),
		database("suppress", "list"), database("suppress", "list", "--all"),
		database("campaign", "list"), database("campaign", "show", evil), database("campaign", "show", evil+"?"),
		database("campaign", "resume", evil, "--by", evil), database("campaign", "pause", evil, "--reason", evil, "--by", evil),
		database("report"), database("report", evil), database("report", "--format", "json"), database("report", evil+"?"),
		database("why", person(0)), database("why", person(1)),
		database("contact", "show", evil, evil), database("contact", "show", evil, evil, "--format", "json"),
		database("contact", "update", evil, evil, evil+"="+evil), database("contact", "cancel", evil, evil, "--by", evil),
		database("campaign", "export", evil, "--format", "json"), database("campaign", "export", evil+"?"),
		database("user", "list"), database("token", "list"), database("hook", "list"), database("hook", "failed"), database("hook", "failed", "--format", "json"),
		database("alarms", "list"), database("alarms", "list", "--format", "json"),
		database("audit"), database("audit", "--format", "json"), database("verify"), database("lock", "show"),
		vonage("call", "show", "63f61863-4a51-4f6b-86e1-46edebcf9356"), vonage("call", "show", "63f61863-4a51-4f6b-86e1-46edebcf9356", "--format", "json"),
		vonage("call", "list"), vonage("call", "list", "--format", "json"), vonage("call", "hangup", "63f61863-4a51-4f6b-86e1-46edebcf9356", "--by", evil),
		vonage("call", "create", "--to", person(2), "--from", "442079460000", "--say", evil, "--by", evil),
		database("alarms", "resolve", "1", "--by", evil), database("alarms", "list", "--all"),
		database("campaign", "stop", evil, "--by", evil), database("report", "--format", evil),
	} {
		_, out, errOut := dialer(t, args...)
		what := strings.Join(args[:min(3, len(args))], " ")
		wantHarmless(t, what, out)
		wantHarmless(t, what+" (errors)", errOut)
	}
}
