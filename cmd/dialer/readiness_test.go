package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/internal/metrics"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/storage"
)

func askReady(h http.Handler) (status int, says string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w.Code, w.Body.String()
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	ask := func(want int, says string) {
		t.Helper()
		n := node{db: db.DB, log: console{Err: t.Output()}.Logger()}
		if status, body := askReady(n.adminPages(metrics.New(), http.NotFoundHandler())); status != want || !strings.Contains(body, says) {
			t.Errorf("status %d, %q; want %d and %q", status, body, want, says)
		}
	}
	ask(http.StatusOK, "ready")
	db.Exec(t, `DELETE FROM goose_db_version WHERE version_id = 103`)
	ask(http.StatusServiceUnavailable, "dialer migrate up")
	db.Close()
	ask(http.StatusServiceUnavailable, "the database does not answer")
}

// However often readiness is requested, Postgres is asked every two seconds, also while
// it is away.
func TestReadinessAsksSeldom(t *testing.T) {
	t.Parallel()
	for _, answer := range []error{nil, errors.New("connection refused"), storage.ErrSchemaBehind} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			ready := newReadiness(func(context.Context) error { asked++; return answer })
			want, _ := askReady(ready)
			for range 1000 {
				if status, _ := askReady(ready); status != want {
					t.Fatalf("status %d, then %d", want, status)
				}
			}
			if asked != 1 {
				t.Errorf("%v: Postgres was asked %d times at once, want once", answer, asked)
			}
			time.Sleep(readyKept)
			askReady(ready)
			if asked != 2 {
				t.Errorf("%v: Postgres was asked %d times, want again after %v", answer, asked, readyKept)
			}
		})
	}
}

// A proxy in front of the webhooks shows no details of ours.
func TestListenersAreApart(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	hooks, admin := freeAddress(t), freeAddress(t)
	l.dialsAt(t, hooks, admin)
	awaitHTTP(t, "http://"+admin+"/readyz")
	for url, want := range map[string]int{
		"http://" + hooks + "/healthz": 200, "http://" + hooks + "/metrics": 404, "http://" + hooks + "/readyz": 404, "http://" + hooks + "/": 404,
		"http://" + hooks + "//webhooks//event": 405, "http://" + hooks + "/webhooks/answer": 401,
		"http://" + admin + "/metrics": 200, "http://" + admin + "/readyz": 200, "http://" + admin + "/webhooks/event": 404,
	} {
		if status, body := get(t, url, nil); status != want {
			t.Errorf("GET %s: status %d, %q; want %d", url, status, body, want)
		}
	}
	response, err := http.Get("http://" + admin + "/readyz")
	require.NoError(t, err)
	response.Body.Close()
	if policy := response.Header.Get("Content-Security-Policy"); policy == "" || strings.Contains(policy, "unsafe-inline") {
		t.Errorf("Content-Security-Policy is %q", policy)
	}
}
