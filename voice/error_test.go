package voice

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStatusVerdicts(t *testing.T) {
	t.Parallel()
	refused := []int{400, 401, 402, 403, 404, 405, 413, 422, 429}
	for status := 200; status <= 599; status++ {
		want := VerdictUnknown
		if slices.Contains(refused, status) {
			want = VerdictRefused
		}
		if status == http.StatusCreated {
			want = VerdictPlaced // the body has no uuid
		}
		c := newFakeClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
		wantError(t, err, want, status)
	}
}

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		status     int
		want       Error
	}{
		{"voice service", `{"type":400,"title":"Bad Request","invalid_parameters":[{"name":"number","reason":"can contain up to 15 digits prefixed with +","x":1}]}`, 400,
			Error{Title: "Bad Request", InvalidParameters: []InvalidParameter{{"number", "can contain up to 15 digits prefixed with +"}}}},
		{"gateway", `{"type":"UNAUTHORIZED","error_title":"Unauthorized"}`, 401, Error{Title: "Unauthorized"}},
		{"RFC 7807", `{"type":"https://x.example#rate-limit","title":"Rate Limit Hit","detail":"Please wait","instance":"bf0c"}`, 429,
			Error{Title: "Rate Limit Hit", Detail: "Please wait"}},
		{"only a msg_error", `{"msg_error":"Quota exceeded for 447700900123"}`, 402, Error{Title: "Quota exceeded for [number]"}},
		{"HTML", `<html>502</html>`, 502, Error{}},
		{"empty", ``, 503, Error{}},
		{"array", `[]`, 404, Error{}},
		{"odd members", `{"title":{"a":1},"detail":null,"invalid_parameters":[1,null,{"name":2}]}`, 400,
			Error{InvalidParameters: []InvalidParameter{{"2", ""}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newFakeClient(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
			got := wantError(t, err, classify(tt.status), tt.status)
			tt.want.Op, tt.want.Verdict, tt.want.Status = "create call", classify(tt.status), tt.status
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrorsHideSecrets(t *testing.T) {
	t.Parallel()
	token := testToken().bearer
	secrets := []string{"447700900123", "+44 7700 900123", "(020) 7946-0123", token[:40], "attempt=0190c0de", "secretpassword"}
	leak := strings.Join([]string{
		"no route to 447700900123 or +44 7700 900123 or (020) 7946-0123", "token " + token,
		"https://dialer.example/webhooks/event?attempt=0190c0de", "http://me:secretpassword@proxy.example",
	}, ", ")
	c := newFakeClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"title":%q,"detail":%q,"invalid_parameters":[{"name":%q,"reason":%q}]}`, leak, leak, leak, leak)
	})
	_, fromProvider := c.CreateCall(t.Context(), nil, testToken(), testRequest())
	broken := newTestClient(t, "http://provider.example", func(cfg *Config) { cfg.Transport = unknownTransport{errors.New(leak)} })
	_, fromTransport := broken.CreateCall(t.Context(), nil, testToken(), testRequest())
	bad := testRequest()
	bad.To, bad.From, bad.AnswerURL = []Endpoint{Phone{Number: "+44 7700 900123"}}, "447700900123447700900123", "proxy.example?attempt=0190c0de"
	invalid := bad.Validate()

	for _, err := range []error{fromProvider, fromTransport, invalid} {
		if err == nil {
			t.Fatal("got no error")
		}
		for ; err != nil; err = errors.Unwrap(err) {
			for _, secret := range secrets {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q is shown in %q", secret, err)
				}
			}
		}
	}
	if want := "provider.example"; strings.Contains(fromProvider.Error(), want) {
		t.Errorf("the address is shown in %q", fromProvider)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	e := &Error{Op: "create call", Verdict: VerdictRefused, Status: 400, Title: "Bad Request",
		InvalidParameters: []InvalidParameter{{"to", "is wrong"}}}
	if got, want := e.Error(), "create call: refused: 400 Bad Request: to is wrong"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if errors.Is(e, ErrNotFound) || !errors.Is(&Error{Status: 404}, ErrNotFound) {
		t.Error("ErrNotFound must be 404 and nothing else")
	}
}

// The text that is kept with an attempt is one line of bounded length.
func TestErrorSaid(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 200)
	c := newFakeClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, `{"title":"No\n\u001b[31mway","detail":"key abcd1234efgh5678 of 019ab000-0000-7000-8000-000000000001 to \u0664\u0664\u0667\u0667\u0660\u0660\u0669\u0660\u0660\u0661\u202e","invalid_parameters":[{"name":"to","reason":%q},{"name":"from","reason":%q}]}`, long, long)
	})
	_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
	got := wantError(t, err, VerdictRefused, 422).Said()
	if want := "422 Unprocessable Entity: No[31mway: key [secret] of [secret] to [number] : to word word"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want it to begin with %q", got, want)
	}
	if n := len([]rune(got)); n != maxSaid {
		t.Errorf("%d characters, want %d", n, maxSaid)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "1e9": 0, "99999999": 24 * time.Hour, "99999999999999999999": 0,
		"Sun, 22 Nov 2026 12:00:05 GMT": 5 * time.Second,
		"Sun, 22 Nov 2026 11:00:00 GMT": 0,
	}
	for value, want := range tests {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestSkew(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	date := ""
	c := newFakeClient(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", date) },
		func(cfg *Config) { cfg.Now = func() time.Time { return now } })
	if _, ok := c.Skew(); ok {
		t.Error("a skew is known before any response")
	}
	token := signTestToken(Token{ID: "t", IssuedAt: now, ExpiresAt: now.Add(time.Minute)})
	for _, tt := range []struct {
		date string
		want time.Duration
	}{
		{"Sun, 22 Nov 2026 12:00:20 GMT", 20500 * time.Millisecond},
		{"Sun, 22 Nov 2026 11:59:50 GMT", -9500 * time.Millisecond},
		{"yesterday", -9500 * time.Millisecond}, // not a date: the last value stays
	} {
		date = tt.date
		c.CreateCall(t.Context(), nil, token, testRequest())
		if got, ok := c.Skew(); !ok || got.Round(time.Second/2) != tt.want { // the exchange takes some time
			t.Errorf("%s: got %s, %v, want %s", tt.date, got, ok, tt.want)
		}
	}
}
