package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/require"
	"dialer/voice"
)

const slowClients = 1500

// Clients that are slow on purpose, with and without a token, cost little and keep
// nobody out. It runs alone, because it measures memory.
func TestSlowClientsCostLittle(t *testing.T) {
	body := `{"status":"answered","uuid":"u","x":"` + strings.Repeat("x", 60_000) + `"}`
	// headers begin a request and are followed by a part of its body.
	headers := func(authorization string) string {
		return fmt.Sprintf("POST /webhooks/event HTTP/1.1\r\nHost: dialer.test\r\n%sContent-Length: %d\r\n\r\n%s", authorization, len(body), body[:10_000])
	}
	signature, err := voice.SignCallback([]byte(secret), "key", applicationID, []byte(body), noon)
	require.NoError(t, err)
	for name, sent := range map[string]string{
		"no token": headers(""), "a token of ours": headers("Authorization: " + signature + "\r\n"), "half a header": "POST /webhooks/event HTTP/1.1\r\nHost: dialer.test\r\nX: ",
	} {
		t.Run(name, func(t *testing.T) { slowly(t, sent) })
	}
}

func slowly(t *testing.T, sent string) {
	store := new(memoryStore)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := NewServer("", NewHandler(Config{Verifier: verifier(), Now: func() time.Time { return noon }}, store, discardLog()))
	go func() { _ = server.Serve(Bound(listener)) }()
	defer server.Close()
	before := memory()
	conns := make([]net.Conn, slowClients)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	most := before
	for i := range conns {
		if conns[i], err = net.Dial("tcp", listener.Addr().String()); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conns[i], sent) // it may have been refused already
		if i%100 == 0 {
			most = max(most, memory())
		}
	}
	most = max(most, memory())
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+listener.Addr().String()+"/webhooks/event", strings.NewReader(answered))
	require.NoError(t, err)
	r.Header = signed(t, http.MethodPost, "/webhooks/event", answered).Header
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatalf("a good webhook meanwhile: %v", err)
	}
	response.Body.Close()
	if took := time.Since(begun); response.StatusCode != http.StatusOK || took > time.Second || len(store.events) != 1 {
		t.Errorf("a good webhook meanwhile: status %d after %v, want 200 within a second", response.StatusCode, took)
	}
	cost := (most - before) >> 20
	t.Logf("%d slow clients: %d MB at most, a good webhook after %v", slowClients, cost, time.Since(begun).Round(time.Millisecond))
	if cost >= 40 {
		t.Errorf("%d slow clients cost %d MB, want less than 40", slowClients, cost)
	}
}

// memory is what the process has from the system and uses.
func memory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// A body that is too large raises an alarm, whether or not the request says its size.
func TestBodyTooLargeIsNoticed(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var counted []string
	store := new(memoryStore)
	h := NewHandler(Config{Verifier: verifier(), Now: func() time.Time { return noon }, Count: func(kind, result string) { counted = append(counted, kind+" "+result) }},
		store, slog.New(slog.NewTextHandler(&log, nil)))
	for range 2 {
		r := signed(t, http.MethodPost, "/webhooks/event", strings.Repeat("x", maxBody+1))
		r.ContentLength = -1
		serve(h, r)
	}
	if got := fmt.Sprint(counted); got != "[event too_large event too_large]" || !strings.Contains(log.String(), "larger than 64 KiB") || len(store.alarms) != 1 {
		t.Errorf("counted %s, logged %q, raised %v; want it counted, logged and raised", got, &log, store.alarms)
	}
}

// A new connection replaces the oldest one that waits for its client, and never one whose
// request is being served.
func TestListenerKeepsFewConnections(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &boundListener{Listener: inner, most: 2}
	defer l.Close()
	accept := func() (client net.Conn, server *boundConn) {
		t.Helper()
		client, err := net.Dial("tcp", inner.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = client.Close() })
		accepted, err := l.Accept()
		require.NoError(t, err)
		return client, accepted.(*boundConn)
	}
	open := func(c net.Conn) bool {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		_, err := c.Read(make([]byte, 1))
		timeout, ok := errors.AsType[net.Error](err)
		return ok && timeout.Timeout()
	}
	served, servedConn := accept()
	done := Serving(context.WithValue(t.Context(), connKey{}, net.Conn(servedConn)))
	slow, _ := accept()
	third, thirdConn := accept()
	if !open(served) || open(slow) || !open(third) {
		t.Errorf("open: the served one %v, the slow one %v, the new one %v; want only the slow one closed", open(served), open(slow), open(third))
	}
	done()
	require.NoError(t, thirdConn.Close()) // gives its place back
	fourth, _ := accept()
	if !open(served) || !open(fourth) {
		t.Error("a place that was given back is not used")
	}
	fifth, _ := accept()
	if open(served) || !open(fifth) {
		t.Error("the oldest one waits for its client again, and keeps its place")
	}
}

// Only a few large bodies are read at a time; small ones are read all the same.
func TestFewLargeBodiesAtOnce(t *testing.T) {
	t.Parallel()
	h := newHandler(new(memoryStore)).(*handler)
	for range largeBodies {
		h.large <- struct{}{}
	}
	large := `{"status":"answered","uuid":"u","x":"` + strings.Repeat("x", smallBody) + `"}`
	if w := serve(h, signed(t, http.MethodPost, "/webhooks/event", large)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a large one too many: status %d, want 503 and a wait", w.Code)
	}
	if w := serve(h, signed(t, http.MethodPost, "/webhooks/event", answered)); w.Code != http.StatusOK {
		t.Errorf("a small one meanwhile: status %d, want 200", w.Code)
	}
	<-h.large
	for range 2 {
		if w := serve(h, signed(t, http.MethodPost, "/webhooks/event", large)); w.Code != http.StatusOK {
			t.Errorf("a large one with a place: status %d, want 200", w.Code)
		}
	}
}
