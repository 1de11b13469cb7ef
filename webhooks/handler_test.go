package webhooks

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

const attempt = "01931d4c-7b00-7000-8000-000000000001"

// Vonage follows no redirect, and a GET's query is not signed.
func TestMethodsAndPaths(t *testing.T) {
	t.Parallel()
	store := new(memoryStore)
	h := newHandler(store)
	allowed := map[string]string{"/webhooks/event": "POST", "/webhooks/input": "POST", "/webhooks/answer": "GET, POST", "/healthz": "GET, HEAD"}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		for path, allow := range allowed {
			if strings.Contains(allow, method) {
				continue
			}
			w := serve(h, signed(t, method, path+"?status=completed&uuid=u&attempt="+attempt, answered))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow {
				t.Errorf("%s %s: status %d, Allow %q, want 405 and %q", method, path, w.Code, w.Header().Get("Allow"), allow)
			}
		}
	}
	for path, want := range map[string]int{
		"/webhooks/other": 404, "/": 404, "/metrics": 404, "/webhooks/event/": 404, "/webhooks/event": 200, "//webhooks/event": 200, "/webhooks///event": 200,
	} {
		if got := serve(h, signed(t, http.MethodPost, "http://dialer.test"+path, answered)).Code; got != want {
			t.Errorf("POST %s: status %d, want %d", path, got, want)
		}
	}
	if len(store.events) != 3 {
		t.Errorf("%d events stored, want the three that were answered 200", len(store.events))
	}
	if w := serve(h, httptest.NewRequest(http.MethodGet, "/healthz", nil)); w.Code != http.StatusOK || w.Body.String() != "ok\n" {
		t.Errorf("/healthz: status %d, %q", w.Code, w.Body)
	}
}

// A stranger's body is not read, so neither its size nor its pace costs anything.
func TestTokenIsCheckedBeforeTheBody(t *testing.T) {
	t.Parallel()
	read := false
	r := httptest.NewRequest(http.MethodPost, "/webhooks/event", readFrom(func([]byte) (int, error) { read = true; return 0, io.EOF }))
	r.Header.Set("Authorization", "Bearer "+hs256(goodClaims(answered), "another account's signature secret, as long as ours"))
	w := serve(newHandler(new(memoryStore)), r)
	if w.Code != http.StatusUnauthorized || read || w.Header().Get("Connection") != "close" {
		t.Errorf("status %d, body read: %v, Connection %q; want 401 without reading, and the end of the connection", w.Code, read, w.Header().Get("Connection"))
	}
}

type readFrom func([]byte) (int, error)

func (f readFrom) Read(b []byte) (int, error) { return f(b) }

// A token is for one request: somebody who has seen it cannot use it for another.
func TestTokenComesAgain(t *testing.T) {
	t.Parallel()
	for name, newStore := range map[string]func() Store{
		"memory": func() Store { return new(memoryStore) }, "Postgres": func() Store { return testkit.New(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var counted []string
			h := NewHandler(Config{
				Verifier: verifier(), Now: func() time.Time { return noon },
				Count: func(kind, result string) { counted = append(counted, kind+" "+result) },
			}, newStore(), discardLog())
			other := `{"status":"completed","uuid":"63f61863-4a51-4f6b-86e1-46edebcf9356","price":"99.00"}`
			send := func(method, target, body, token string) int {
				r := httptest.NewRequest(method, target, strings.NewReader(body))
				r.Header.Set("Authorization", "Bearer "+token)
				return serve(h, r).Code
			}
			token, sameID := hs256(goodClaims(answered), secret), hs256(goodClaims(other), secret)
			nameless := hs256(goodClaims(answered).with("jti", nil), secret)
			answer := hs256(goodClaims("").with("jti", "of the answer"), secret)
			for _, step := range []struct {
				name, method, target, body, token string
				want                              int
			}{
				{"first", "POST", "/webhooks/event?attempt=1", answered, token, 200},
				{"a repeat", "POST", "/webhooks/event?attempt=1", answered, token, 200},
				{"a repeat through another proxy", "POST", "//webhooks/event?attempt=1", answered, token, 200},
				{"another attempt", "POST", "/webhooks/event?attempt=2", answered, token, 401},
				{"another webhook", "POST", "/webhooks/input?attempt=1", answered, token, 401},
				{"another body by the same jti", "POST", "/webhooks/event?attempt=1", other, sameID, 401},
				{"for an answer", "GET", "/webhooks/answer?attempt=1", "", token, 401},
				{"no jti", "POST", "/webhooks/event?attempt=1", answered, nameless, 200},
				{"no jti, a repeat", "POST", "/webhooks/event?attempt=1", answered, nameless, 200},
				{"no jti, another attempt", "POST", "/webhooks/event?attempt=2", answered, nameless, 401},
				{"an answer", "GET", "/webhooks/answer?attempt=1", "", answer, 200},
				{"an answer again", "GET", "/webhooks/answer?attempt=1", "", answer, 200},
				{"another answer", "GET", "/webhooks/answer?attempt=2", "", answer, 401},
				{"an event by the answer's token", "POST", "/webhooks/event?attempt=1", "", answer, 400},
			} {
				if got := send(step.method, step.target, step.body, step.token); got != step.want {
					t.Errorf("%s: status %d, want %d", step.name, got, step.want)
				}
			}
			want := []string{
				"event stored", "event repeated", "event repeated", "event unsigned", "input unsigned", "event unsigned", "answer unsigned",
				"event stored", "event repeated", "event unsigned", "answer served", "answer served", "answer unsigned", "event bad",
			}
			if diff := gocmp.Diff(want, counted); diff != "" {
				t.Errorf("counted (-want +got)\n%s", diff)
			}
		})
	}
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	pad := func(size int) string {
		return `{"status":"answered","uuid":"u","x":"` + strings.Repeat("x", size-38-len(`"}`)+1) + `"}`
	}
	for size, want := range map[int]int{maxBody: http.StatusOK, maxBody + 1: http.StatusRequestEntityTooLarge} {
		store := new(memoryStore)
		body := pad(size)
		if len(body) != size {
			t.Fatalf("test body of %d bytes, want %d", len(body), size)
		}
		if got := serve(newHandler(store), signed(t, http.MethodPost, "/webhooks/event", body)).Code; got != want {
			t.Errorf("%d bytes: status %d, want %d", size, got, want)
		}
		if got := len(store.events); (got == 1) != (want == http.StatusOK) {
			t.Errorf("%d bytes: %d events stored", size, got)
		}
	}
}

func TestBodyReadError(t *testing.T) {
	t.Parallel()
	store := new(memoryStore)
	r := signed(t, http.MethodPost, "/webhooks/event", answered)
	r.Body = readFails{}
	if got := serve(newHandler(store), r).Code; got != http.StatusBadRequest || len(store.events) != 0 {
		t.Errorf("status %d and %d events, want 400 and 0", got, len(store.events))
	}
}

// readFails is a body whose connection breaks.
type readFails struct{}

func (readFails) Read([]byte) (int, error) { return 0, errors.New("connection reset") }
func (readFails) Close() error             { return nil }

func TestAttemptIDFromURL(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"?attempt=" + attempt:                  attempt,
		"?x=1&attempt=" + attempt:              attempt,
		"":                                     uuid.Nil.String(),
		"?attempt=":                            uuid.Nil.String(),
		"?attempt=../../etc/passwd":            uuid.Nil.String(),
		"?attempt=" + attempt[:35]:             uuid.Nil.String(),
		"?attempt=" + strings.Repeat("0", 900): uuid.Nil.String(),
	} {
		store := new(memoryStore)
		if got := serve(newHandler(store), signed(t, http.MethodPost, "/webhooks/event"+query, answered)).Code; got != http.StatusOK {
			t.Errorf("%s: status %d, want 200", query, got)
			continue
		}
		if got := store.events[0].AttemptID.String(); got != want {
			t.Errorf("%s: attempt %s, want %s", query, got, want)
		}
	}
}

func TestStoreErrorIsRetried(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	store := &memoryStore{fail: errors.New("connection refused")}
	h := NewHandler(Config{Verifier: verifier(), Now: func() time.Time { return noon }}, store, slog.New(slog.NewTextHandler(&log, nil)))
	w := serve(h, signed(t, http.MethodPost, "/webhooks/event?attempt="+attempt, answered))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q; want 503 and a wait", w.Code, w.Header().Get("Retry-After"))
	}
	if got := log.String(); !strings.Contains(got, attempt) || !strings.Contains(got, "connection refused") {
		t.Errorf("log %q, want the attempt and the cause", got)
	}
}

// blockingStore waits for release or for the end of its context.
type blockingStore struct {
	memoryStore
	entered chan struct{}
	release chan struct{}
}

func (b *blockingStore) Receive(ctx context.Context, _ campaign.Received) error {
	b.entered <- struct{}{}
	select {
	case <-b.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestBusyLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &blockingStore{entered: make(chan struct{}, 4), release: make(chan struct{})}
		h := NewHandler(Config{Verifier: verifier(), Now: func() time.Time { return noon }, Busy: 2, Deadline: time.Hour}, store, discardLog())
		codes := make(chan int, 2)
		for range 2 {
			go func() { codes <- serve(h, signed(t, http.MethodPost, "/webhooks/event", answered)).Code }()
		}
		synctest.Wait()
		began := time.Now()
		if got := serve(h, signed(t, http.MethodPost, "/webhooks/event", answered)).Code; got != http.StatusServiceUnavailable || time.Since(began) != 0 {
			t.Errorf("a third event: status %d after %v, want 503 at once", got, time.Since(began))
		}
		close(store.release)
		for range 2 {
			if got := <-codes; got != http.StatusOK {
				t.Errorf("a running event: status %d, want 200", got)
			}
		}
		if got := serve(h, signed(t, http.MethodPost, "/webhooks/event", answered)).Code; got != http.StatusOK {
			t.Errorf("an event after them: status %d, want 200: the places were not released", got)
		}
	})
}

func TestStoreDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &blockingStore{entered: make(chan struct{}, 1), release: make(chan struct{})}
		h := NewHandler(Config{Verifier: verifier(), Now: func() time.Time { return noon }}, store, discardLog())
		began := time.Now()
		got := serve(h, signed(t, http.MethodPost, "/webhooks/event", answered)).Code
		if took := time.Since(began); got != http.StatusServiceUnavailable || took != defaultDeadline {
			t.Errorf("status %d after %v, want 503 after %v", got, took, defaultDeadline)
		}
	})
}

func TestSaveContinuesWithoutClient(t *testing.T) {
	t.Parallel()
	store := new(memoryStore)
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	r := signed(t, http.MethodPost, "/webhooks/event", answered).WithContext(ctx)
	if got := serve(newHandler(store), r).Code; got != http.StatusOK {
		t.Errorf("status %d, want 200: the request's end cancelled the write", got)
	}
}

func TestForgeriesAreLoggedOncePerMinute(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now, store := noon, new(memoryStore)
	h := NewHandler(Config{Verifier: verifier(), Now: func() time.Time { return now }}, store, slog.New(slog.NewTextHandler(&log, nil)))
	forged := func() {
		serve(h, httptest.NewRequest(http.MethodPost, "/webhooks/event", strings.NewReader(answered)))
	}
	for range 100 {
		forged()
	}
	now = now.Add(alarmEvery)
	forged()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "count=1 ") || !strings.Contains(lines[1], "count=100 ") {
		t.Errorf("log of 101 forgeries:\n%s\nwant one line at once and one with the other 100 a minute later", log.String())
	}
	if len(store.alarms) != 2 || store.alarms[0] != campaign.AlarmUnsigned {
		t.Errorf("alarms %v of 101 forgeries, want one with each line", store.alarms)
	}
}

// A person should see these in the database, not only in a log.
func TestBadRequestsRaiseAlarms(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	h := newHandler(db)
	serve(h, httptest.NewRequest(http.MethodPost, "/webhooks/event", strings.NewReader(answered)))
	serve(h, signed(t, http.MethodPost, "/webhooks/event", "no JSON"))
	serve(h, signed(t, http.MethodPost, "/webhooks/answer?attempt="+attempt, answered))
	want := []string{campaign.AlarmUnknownAttempt, campaign.AlarmUnreadable, campaign.AlarmUnsigned}
	if diff := gocmp.Diff(want, testkit.Rows[string](t, db, `SELECT kind FROM alarms ORDER BY kind`)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNewServerLimits(t *testing.T) {
	t.Parallel()
	s := NewServer("127.0.0.1:0", newHandler(new(memoryStore)))
	got := [...]any{s.ReadHeaderTimeout, s.ReadTimeout, s.IdleTimeout, s.MaxHeaderBytes}
	want := [...]any{5 * time.Second, 10 * time.Second, 60 * time.Second, 16 << 10}
	if got != want || s.Addr != "127.0.0.1:0" || s.Handler == nil {
		t.Errorf("got %v at %s, want %v", got, s.Addr, want)
	}
	if s.WriteTimeout <= defaultDeadline {
		t.Errorf("WriteTimeout %v is shorter than the deadline of the store", s.WriteTimeout)
	}
}
