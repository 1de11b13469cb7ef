package webhooks

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

const attempt = "01931d4c-7b00-7000-8000-000000000001"

func TestMethodsAndPaths(t *testing.T) {
	t.Parallel()
	store := new(memoryStore)
	h := newHandler(store)
	for _, method := range []string{http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		for _, path := range []string{"/webhooks/event", "/webhooks/input", "/webhooks/answer"} {
			if got := serve(h, signed(t, method, path, answered)).Code; got != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: status %d, want 405", method, path, got)
			}
		}
	}
	if got := serve(h, signed(t, http.MethodPost, "/webhooks/other", answered)).Code; got != http.StatusNotFound {
		t.Errorf("another path: status %d, want 404", got)
	}
	if len(store.events) != 0 {
		t.Errorf("%d events stored, want 0", len(store.events))
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
			t.Errorf("an event after them: status %d, want 200: the slots were not released", got)
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
	if diff := cmp.Diff(want, testkit.Rows[string](t, db, `SELECT kind FROM alarms ORDER BY kind`)); diff != "" {
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
