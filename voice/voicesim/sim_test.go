package voicesim_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"dialer/internal/testkit/testkey"
	"dialer/voice/voicesim"
)

const (
	application = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
	target      = "447700900123"
	caller      = "447700900001"
)

// testSim is a simulator with a client and a receiver of its callbacks.
type testSim struct {
	t         testing.TB
	sim       *voicesim.Sim
	client    *http.Client
	url       string
	callbacks *callbackLog
	poll      time.Duration // how long to wait between two looks

	mu       sync.Mutex
	signedAt [2]int64
	bearer   string
}

// overHTTP starts a simulator on a socket, with a receiver on another.
func overHTTP(t *testing.T, cfg voicesim.Config) *testSim {
	t.Helper()
	m := &callbackLog{}
	receiver := httptest.NewServer(m)
	t.Cleanup(receiver.Close)
	m.url = receiver.URL + "/webhooks/event"
	w := newTestSim(t, cfg, m)
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	w.url, w.client = server.URL, server.Client()
	t.Cleanup(w.close)
	return w
}

// inBubble starts a simulator that needs no socket; the test closes it.
func inBubble(t *testing.T, cfg voicesim.Config) *testSim {
	t.Helper()
	m := &callbackLog{url: "http://dialer.test/webhooks/event"}
	cfg.Client = &http.Client{Transport: voicesim.InProcess(m)}
	w := newTestSim(t, cfg, m)
	w.poll = 100 * time.Millisecond
	w.url, w.client = "http://provider.test", &http.Client{Transport: w.sim.Transport()}
	return w
}

func newTestSim(t testing.TB, cfg voicesim.Config, m *callbackLog) *testSim {
	t.Helper()
	cfg.PublicKey, cfg.ApplicationID = &testkey.RSA().PublicKey, application
	sim, err := voicesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &testSim{t: t, sim: sim, callbacks: m, poll: time.Millisecond}
}

func (w *testSim) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.sim.Close(ctx); err != nil {
		w.t.Error(err)
	}
}

// token returns a token with this lifetime. It signs once per second, because signing
// is slow.
func (w *testSim) token(life time.Duration) string {
	now := time.Now()
	iat, exp := now.Unix(), now.Add(life).Unix()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.signedAt != [2]int64{iat, exp} {
		w.signedAt = [2]int64{iat, exp}
		w.bearer = w.signed(map[string]any{"application_id": application, "iat": iat, "jti": "token-1", "exp": exp})
	}
	return w.bearer
}

func (w *testSim) signed(claims map[string]any) string {
	w.t.Helper()
	text, err := json.Marshal(claims)
	if err != nil {
		w.t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(text)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, testkey.RSA(), crypto.SHA256, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	return "Bearer " + signed + "." + encode(signature)
}

type reply struct {
	status int
	body   map[string]any
	err    error // of the exchange, or of reading its body
}

// do sends a request with a valid token.
func (w *testSim) do(method, path, body string) reply {
	return w.doWith(w.token(time.Minute), method, path, body)
}

func (w *testSim) doWith(authorization, method, path, body string) reply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	resp, err := w.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	r := reply{status: resp.StatusCode, err: err}
	if json.Valid(text) {
		if err := json.Unmarshal(text, &r.body); err != nil {
			w.t.Fatal(err)
		}
	}
	return r
}

// callBody is a body for POST /calls, with members added or, if nil, removed.
func (w *testSim) callBody(to string, more map[string]any) string {
	w.t.Helper()
	o := map[string]any{
		"to":        []any{map[string]any{"type": "phone", "number": to}},
		"from":      map[string]any{"type": "phone", "number": caller},
		"ncco":      []any{map[string]any{"action": "talk", "text": "Hello", "loop": 0}}, // until a hang-up
		"event_url": []any{w.callbacks.url + "?attempt=a-" + to},
	}
	for name, value := range more {
		o[name] = value
		if value == nil {
			delete(o, name)
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// place makes a call and returns its uuid.
func (w *testSim) place(to string, more map[string]any) string {
	w.t.Helper()
	r := w.do("POST", "/v1/calls", w.callBody(to, more))
	if r.status != http.StatusCreated {
		w.t.Fatalf("POST /calls: %d %v %v", r.status, r.body, r.err)
	}
	return r.body["uuid"].(string)
}

// waitFor waits until the condition is true.
func (w *testSim) waitFor(what string, condition func() bool) {
	w.t.Helper()
	limit := 20 * time.Second
	if w.poll > time.Millisecond { // a bubble's time is free
		limit = 3 * time.Hour
	}
	for deadline := time.Now().Add(limit); !condition(); time.Sleep(w.poll) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not in %v", what, limit)
		}
	}
}

// waitIdle waits until no call is in progress and no event is being sent.
func (w *testSim) waitIdle() {
	w.t.Helper()
	w.waitFor("idle", func() bool {
		m := w.sim.Summary()
		return m.InProgress == 0 && m.EventsPending == 0
	})
}

func (w *testSim) onlyCall() voicesim.LedgerCall {
	w.t.Helper()
	ledger := w.sim.Ledger()
	if len(ledger) != 1 {
		w.t.Fatalf("%d calls in the ledger, want 1", len(ledger))
	}
	return ledger[0]
}

// callbackLog receives callbacks and keeps them.
type callbackLog struct {
	url string

	mu sync.Mutex
	// answer, if set, replies to the n-th request, from 1.
	answer   func(n int, r *http.Request, w http.ResponseWriter)
	requests []request
}

type request struct {
	method, path, query string
	header              http.Header
	body                []byte
	event               map[string]any
}

func (m *callbackLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	got := request{method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, header: r.Header.Clone(), body: body}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &got.event); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	m.mu.Lock()
	m.requests = append(m.requests, got)
	n, answer := len(m.requests), m.answer
	m.mu.Unlock()
	if answer != nil {
		answer(n, r, w)
	}
}

func (m *callbackLog) all() []request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]request(nil), m.requests...)
}

// statuses are the statuses of the events, in the order of arrival.
func (m *callbackLog) statuses() []string {
	var words []string
	for _, r := range m.all() {
		if status, ok := r.event["status"].(string); ok {
			words = append(words, status)
		}
	}
	return words
}

// event is the first event with this status.
func (w *testSim) event(status string) map[string]any {
	w.t.Helper()
	for _, r := range w.callbacks.all() {
		if r.event["status"] == status {
			return r.event
		}
	}
	w.t.Fatalf("no event %q among %v", status, w.callbacks.statuses())
	return nil
}

// script returns outcomes with these scripts for the calls to target.
func script(scripts ...voicesim.Script) voicesim.Outcomes {
	return voicesim.Outcomes{ByNumber: map[string][]voicesim.Script{target: scripts}}
}
