package voice

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// storable reports whether a text column can hold s.
func storable(s string) bool {
	return utf8.ValidString(s) && len(s) <= maxText && strings.IndexFunc(s, unicode.IsControl) < 0
}

func FuzzParseEvent(f *testing.F) {
	f.Add(`{"status":"completed","uuid":"u-1","price":"0.00333333","timestamp":"2026-11-22T12:00:00.000Z"}`, "attempt=1")
	f.Add(`{"dtmf":{"digits":"1"},"speech":{"results":[{"text":"yes","confidence":"0.9"}]}}`, "dtmf=%7B%22digits%22%3A%221%22%7D")
	f.Add(`{"recording_url":"x","size":1e5,"to":[{"number":7}],"payload":[1]}`, "status=busy&status=x")
	f.Fuzz(func(t *testing.T, body, query string) {
		values, _ := url.ParseQuery(query)
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			e, err := ParseEvent(method, values, []byte(body))
			if err != nil {
				continue
			}
			if !json.Valid(e.Body) {
				t.Errorf("the body is not JSON: %q", e.Body)
			}
			for _, s := range []string{e.Kind, e.Status, e.UUID, e.ConversationUUID, e.Direction, e.To, e.From, e.Detail, e.SubState, e.Reason, e.Network} {
				if !storable(s) {
					t.Errorf("%q cannot be stored", s)
				}
			}
			if e.Kind == "" || e.Status != "" && e.Kind != e.Status {
				t.Errorf("kind %q with status %q", e.Kind, e.Status)
			}
			if e.Price.Valid && (e.Price.Decimal.IsNegative() || len(e.Price.Decimal.String()) > maxDigits+1) {
				t.Errorf("price %s", e.Price.Decimal)
			}
			if _, err := e.Timestamp.MarshalJSON(); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzParsePage(f *testing.F) {
	f.Add([]byte(capturedPage), 0)
	f.Add([]byte(contractPage), 0)
	f.Add([]byte(`{"count":"1","record_index":"5","_embedded":{"calls":[{"uuid":"u"}]},"_links":"{\"next\":1}"}`), 5)
	f.Fuzz(func(t *testing.T, body []byte, asked int) {
		page, err := parsePage(body, asked)
		if err != nil {
			return
		}
		for _, call := range page.Calls {
			if call.UUID == "" || !storable(call.UUID) {
				t.Errorf("a call with the uuid %q", call.UUID)
			}
			if call.Duration != nil && *call.Duration < 0 {
				t.Errorf("duration %d", *call.Duration)
			}
		}
		if page.Count < 0 || page.RecordIndex != asked {
			t.Errorf("count %d, index %d, asked %d", page.Count, page.RecordIndex, asked)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	f.Add([]byte(`{"type":400,"title":"Bad Request","invalid_parameters":[{"name":"number","reason":"447700900123 is wrong"}]}`), 400)
	f.Add([]byte(`{"error_title":"Unauthorized","detail":"https://x.example/a?b=c eyJhbGciOiJSUzI1NiJ9.e30.x"}`), 401)
	f.Add([]byte(`<html>`), 502)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		e := reply{status: status, body: body}.failure("create call", noon)
		text := e.Error()
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\n\x00") {
			t.Errorf("%q cannot be logged", text)
		}
		digits := 0
		for _, r := range strings.TrimPrefix(text, "create call: ") {
			if digits++; r < '0' || r > '9' {
				digits = 0
			}
			if digits >= 7 && (status < 1e6 && status > -1e6) {
				t.Fatalf("a number is shown in %q", text)
			}
		}
	})
}

func FuzzParseNCCO(f *testing.F) {
	f.Add([]byte(wholeNCCO))
	f.Add([]byte(`[{"action":"talk","text":"x","loop":"2"},{"action":"pay","amount":1e400}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := ParseNCCO(raw)
		if err != nil {
			return
		}
		written, err := encodeBody(n)
		if err != nil {
			t.Fatalf("read and not written: %v", err)
		}
		again, err := ParseNCCO(written)
		if err != nil {
			t.Fatalf("%s was written and not read: %v", written, err)
		}
		rewritten, err := encodeBody(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(written), string(rewritten)); diff != "" {
			t.Error(diff)
		}
		if first, second := n.Validate(), again.Validate(); (first == nil) != (second == nil) {
			t.Errorf("valid once and not the other time: %v, %v", first, second)
		}
	})
}
