package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"dialer/storage"
)

const (
	readyTimeout = 2 * time.Second
	// readyKept is how long an answer is kept, so that frequent requests cost no queries.
	readyKept = 2 * time.Second
)

// readiness says whether webhooks can be stored. That needs Postgres and its
// schema. Redis is left out: without it webhooks are stored all the same, and an
// outage of Redis must not take every receiver out of rotation.
type readiness struct {
	check func(context.Context) error // asks Postgres

	mu    sync.Mutex
	asked time.Time
	wrong string // "": ready
}

func newReadiness(check func(context.Context) error) *readiness { return &readiness{check: check} }

// ServeHTTP says what is wrong, without addresses.
func (r *readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if wrong := r.ask(); wrong != "" {
		http.Error(w, wrong, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// ask lets one request ask Postgres, and the others wait for its answer. It has a
// context of its own, because the first one may leave.
func (r *readiness) ask() (wrong string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.asked.IsZero() && time.Since(r.asked) < readyKept {
		return r.wrong
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	err := r.check(ctx)
	switch {
	case errors.Is(err, storage.ErrSchemaBehind):
		r.wrong = storage.ErrSchemaBehind.Error()
	case err != nil:
		r.wrong = "the database does not answer"
	default:
		r.wrong = ""
	}
	r.asked = time.Now()
	return r.wrong
}
