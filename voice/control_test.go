package voice

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dialer/internal/testkit/testkey"
)

// operation is a method of the client about a call in progress.
type operation struct {
	name string
	do   func(context.Context, *Client) error
	sent string // method, path and body
	// freely means that the operation is idempotent.
	freely bool
}

func operations() []operation {
	ack := func(_ Ack, err error) error { return err }
	return []operation{
		{"hangup", func(ctx context.Context, c *Client) error { return c.Hangup(ctx, "u-1") }, `PUT /v1/calls/u-1 {"action":"hangup"}`, true},
		{"mute", func(ctx context.Context, c *Client) error { return c.Mute(ctx, "u-1") }, `PUT /v1/calls/u-1 {"action":"mute"}`, true},
		{"unmute", func(ctx context.Context, c *Client) error { return c.Unmute(ctx, "u-1") }, `PUT /v1/calls/u-1 {"action":"unmute"}`, true},
		{"earmuff", func(ctx context.Context, c *Client) error { return c.Earmuff(ctx, "u-1") }, `PUT /v1/calls/u-1 {"action":"earmuff"}`, true},
		{"unearmuff", func(ctx context.Context, c *Client) error { return c.Unearmuff(ctx, "u-1") }, `PUT /v1/calls/u-1 {"action":"unearmuff"}`, true},
		{"transfer to a URL", func(ctx context.Context, c *Client) error {
			return c.TransferToURL(ctx, "u-1", "https://x.example/n?a=1&b=2")
		},
			`PUT /v1/calls/u-1 {"action":"transfer","destination":{"type":"ncco","url":["https://x.example/n?a=1&b=2"]}}`, false},
		{"transfer to an NCCO", func(ctx context.Context, c *Client) error {
			return c.TransferToNCCO(ctx, "u-1", NCCO{Talk{Text: "Bye"}})
		},
			`PUT /v1/calls/u-1 {"action":"transfer","destination":{"type":"ncco","ncco":[{"action":"talk","text":"Bye"}]}}`, false},
		{"start stream", func(ctx context.Context, c *Client) error {
			return ack(c.StartStream(ctx, "u-1", StreamRequest{URL: "https://x.example/a.mp3", Loop: new(0), Level: new(0.4)}))
		}, `PUT /v1/calls/u-1/stream {"stream_url":["https://x.example/a.mp3"],"loop":0,"level":"0.4"}`, false},
		{"stop stream", func(ctx context.Context, c *Client) error { return ack(c.StopStream(ctx, "u-1")) }, `DELETE /v1/calls/u-1/stream `, true},
		{"start talk", func(ctx context.Context, c *Client) error {
			return ack(c.StartTalk(ctx, "u-1", TalkRequest{Text: "Hi", Language: "en-GB", Style: new(1), Premium: new(true), VoiceName: "Amy", Loop: new(2), Level: new(-1.0)}))
		}, `PUT /v1/calls/u-1/talk {"text":"Hi","language":"en-GB","style":1,"premium":true,"voice_name":"Amy","loop":2,"level":"-1.0"}`, false},
		{"stop talk", func(ctx context.Context, c *Client) error { return ack(c.StopTalk(ctx, "u-1")) }, `DELETE /v1/calls/u-1/talk `, true},
		{"send dtmf", func(ctx context.Context, c *Client) error { return ack(c.SendDTMF(ctx, "u-1", "1p*#")) }, `PUT /v1/calls/u-1/dtmf {"digits":"1p*#"}`, false},
		{"subscribe dtmf", func(ctx context.Context, c *Client) error { return c.SubscribeDTMF(ctx, "u-1", "https://x.example/k") },
			`PUT /v1/calls/u-1/input/dtmf {"event_url":["https://x.example/k"]}`, true},
		{"unsubscribe dtmf", func(ctx context.Context, c *Client) error { return c.UnsubscribeDTMF(ctx, "u-1") }, `DELETE /v1/calls/u-1/input/dtmf `, true},
	}
}

func TestOperationsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			c := newFakeClient(t, func(w http.ResponseWriter, r *http.Request) {
				sent, _ := io.ReadAll(r.Body)
				got = r.Method + " " + r.URL.EscapedPath() + " " + string(sent)
				if _, err := VerifyToken(&testkey.RSA().PublicKey, testApp, r.Header.Get("Authorization"), time.Now()); err != nil {
					t.Error(err)
				}
				if want := len(sent) > 0; (r.Header.Get("Content-Type") == "application/json") != want {
					t.Errorf("content type %q with %d bytes", r.Header.Get("Content-Type"), len(sent))
				}
				w.WriteHeader(http.StatusNoContent)
			})
			if err := op.do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if got != op.sent {
				t.Errorf("got %s\nwant %s", got, op.sent)
			}
		})
	}
}

// An operation that may have had its effect is sent again only if it is
// idempotent.
func TestOperationRetries(t *testing.T) {
	t.Parallel()
	once := func(operation) int64 { return 1 }
	times := func(n int64) func(operation) int64 { return func(operation) int64 { return n } }
	ifFreely := func(op operation) int64 {
		if op.freely {
			return maxTries
		}
		return 1
	}
	withParameters := func(w http.ResponseWriter) {
		w.WriteHeader(400)
		io.WriteString(w, `{"type":400,"title":"Bad Request","invalid_parameters":[{"name":"x","reason":"y"}]}`)
	}
	tests := map[string]struct {
		answer func(http.ResponseWriter)
		sent   func(operation) int64
		wait   time.Duration // exact, if not 0
	}{
		"not ready":  {status(400), times(1 + notReadyTries), notReadyTries * notReady},
		"invalid":    {withParameters, once, 0},
		"gone":       {status(404), once, 0},
		"token":      {status(401), once, 0},
		"too many":   {status(429), times(maxTries), 0},
		"server":     {status(500), ifFreely, 0},
		"gateway":    {status(504), ifFreely, 0},
		"unheard of": {status(418), once, 0},
		"redirect":   {status(307, "Location", "/"), once, 0},
	}
	for name, tt := range tests {
		for _, op := range operations() {
			t.Run(name+", "+op.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := &script{answers: []func(http.ResponseWriter){tt.answer}}
					begun := time.Now()
					if err := op.do(t.Context(), newFakeClient(t, s.handle)); err == nil {
						t.Error("got no error")
					}
					if got, want := s.sent.Load(), tt.sent(op); got != want {
						t.Errorf("sent %d times, want %d", got, want)
					}
					if waited := time.Since(begun); tt.wait != 0 && waited != tt.wait {
						t.Errorf("waited %s, want %s", waited, tt.wait)
					}
				})
			})
		}
	}
}

func TestControlOfNewCallIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []func(http.ResponseWriter){status(400), status(204)}}
		if err := newFakeClient(t, s.handle).Hangup(t.Context(), "u-1"); err != nil {
			t.Error(err)
		}
	})
}

// If a call is no longer up when a hang-up is repeated, that does not show who ended it.
func TestRefusalAfterAnUnknownTry(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answers []func(http.ResponseWriter)
		want    Verdict
		status  int
	}{
		{[]func(http.ResponseWriter){status(404)}, VerdictRefused, 404},
		{[]func(http.ResponseWriter){status(400), status(404)}, VerdictRefused, 404},
		{[]func(http.ResponseWriter){status(429), status(404)}, VerdictRefused, 404},
		{[]func(http.ResponseWriter){status(500), status(404)}, VerdictUnknown, 404},
		{[]func(http.ResponseWriter){status(503), status(429), status(404)}, VerdictUnknown, 404},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: test.answers}
			err := newFakeClient(t, s.handle).Hangup(t.Context(), "u-1")
			wantError(t, err, test.want, test.status)
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%v, want it to say that there is no such call", err)
			}
		})
	}
}

// net/http must not send a request again either.
func TestControlIsNotResent(t *testing.T) {
	t.Parallel()
	for _, op := range operations() {
		if op.freely {
			continue
		}
		s := newCutter(t, func(n int64) string {
			if n == 1 {
				return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
			}
			return ""
		})
		c := newTestClient(t, s.url())
		if err := op.do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		wantError(t, op.do(t.Context(), c), VerdictUnknown, 0)
		if got := s.arrived.Load(); got != 2 {
			t.Errorf("%s: %d requests arrived, want 2", op.name, got)
		}
	}
}

// A call exists in one region only, so no redirect is followed.
func TestAllRequestsGoToOneHost(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusPermanentRedirect)
	}))
	defer srv.Close()
	c := newTestClient(t, srv.URL)
	all := append(operations(),
		operation{name: "get call", do: func(ctx context.Context, c *Client) error { _, err := c.GetCall(ctx, "u-1"); return err }},
		operation{name: "list calls", do: func(ctx context.Context, c *Client) error { _, err := c.ListCalls(ctx, ListFilter{}); return err }},
	)
	for _, op := range all {
		wantError(t, op.do(t.Context(), c), VerdictUnknown, http.StatusPermanentRedirect)
	}
	if got := elsewhere.Load(); got != 0 {
		t.Errorf("%d requests went to another host, want none", got)
	}
}

func TestHangupUsesThrottleFirst(t *testing.T) {
	t.Parallel()
	var first, then int
	both := func(cfg *Config) {
		cfg.Throttle = func(context.Context) (Permit, error) { then++; return unpaced{}, nil }
		cfg.ThrottleFirst = func(context.Context) (Permit, error) { first++; return unpaced{}, nil }
	}
	c := newFakeClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, both)
	for _, op := range operations() {
		if err := op.do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if first != 1 || then != len(operations())-1 {
		t.Errorf("got %d first and %d after, want 1 and %d", first, then, len(operations())-1)
	}
	only := 0
	c = newFakeClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		func(cfg *Config) {
			cfg.Throttle = func(context.Context) (Permit, error) { only++; return unpaced{}, nil }
		})
	if err := c.Hangup(t.Context(), "u-1"); err != nil || only != 1 {
		t.Errorf("got %v after %d waits, want 1", err, only)
	}
}

func TestAcknowledgement(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Ack{
		`{"message":"Talk started","uuid":"u-1"}`: {UUID: "u-1", Message: "Talk started"},
		``:     {},
		`<ok>`: {},
	} {
		c := newFakeClient(t, (&script{answers: []func(http.ResponseWriter){body(text)}}).handle)
		got, err := c.StartTalk(t.Context(), "u-1", TalkRequest{Text: "Hi"})
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestGoneCallIsNotFound(t *testing.T) {
	t.Parallel()
	c := newFakeClient(t, (&script{answers: []func(http.ResponseWriter){status(404)}}).handle)
	if err := c.Hangup(t.Context(), "u-1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestOperationLimits(t *testing.T) {
	t.Parallel()
	c := newFakeClient(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was sent", r.URL.Path) })
	ack := func(_ Ack, err error) error { return err }
	ctx := t.Context()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{c.Hangup(ctx, ""), "uuid"},
		{c.Mute(ctx, ".."), "uuid"},
		{c.TransferToURL(ctx, "u-1", ""), "destination.url: is required"},
		{c.TransferToURL(ctx, "u-1", "x"), "destination.url: must be an absolute"},
		{c.TransferToNCCO(ctx, "u-1", nil), "ncco: must have at least one action"},
		{c.TransferToNCCO(ctx, "u-1", NCCO{Talk{}}), "ncco[0].text: is required"},
		{ack(c.StartStream(ctx, "u-1", StreamRequest{})), "stream_url: is required"},
		{ack(c.StartStream(ctx, "u-1", StreamRequest{URL: "x"})), "stream_url: must be an absolute"},
		{ack(c.StartStream(ctx, "u-1", StreamRequest{URL: "https://x.example", Loop: new(-1)})), "loop: is -1"},
		{ack(c.StartStream(ctx, "u-1", StreamRequest{URL: "https://x.example", Level: new(-1.1)})), "level: must be -1 to 1"},
		{ack(c.StartTalk(ctx, "u-1", TalkRequest{})), "text: is required"},
		{ack(c.StartTalk(ctx, "u-1", TalkRequest{Text: strings.Repeat("x", 1501)})), "text: has 1501 characters"},
		{ack(c.StartTalk(ctx, "u-1", TalkRequest{Text: "x", VoiceName: "Alexa"})), "voice_name: must be one of"},
		{ack(c.StartTalk(ctx, "u-1", TalkRequest{Text: "x", Style: new(-1)})), "style: is -1"},
		{ack(c.StartTalk(ctx, "u-1", TalkRequest{Text: "x", Level: new(0.05)})), "level: must be"},
		{ack(c.SendDTMF(ctx, "u-1", "")), "digits: is required"},
		{ack(c.SendDTMF(ctx, "u-1", "1a")), "digits: may hold only 0-9, *, # and p"},
		{c.SubscribeDTMF(ctx, "u-1", "x"), "event_url: must be an absolute"},
		{c.UnsubscribeDTMF(ctx, "."), "uuid"},
	} {
		e := wantError(t, tt.err, VerdictRefused, 0)
		if !errors.Is(e, ErrInvalid) || !strings.Contains(e.Error(), tt.want) {
			t.Errorf("got %v, want %q", e, tt.want)
		}
	}
}
