package voice

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// permitLog is a permit that records its calls.
type permitLog struct {
	until  time.Time
	refuse error

	mu       sync.Mutex
	held     time.Time
	written  []time.Time
	answered []time.Time
	status   int
}

func (l *permitLog) Hold(context.Context) (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = time.Now()
	return l.until, l.refuse
}

func (l *permitLog) Written(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = append(l.written, at)
}

func (l *permitLog) Done(answered time.Time, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered, l.status = append(l.answered, answered), status
}

func TestPermitHearsWhenTheRequestWasWritten(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	defer srv.Close()
	for name, c := range map[string]*Client{
		"own transport": newTestClient(t, srv.URL),
		"another":       newTestClient(t, srv.URL, func(cfg *Config) { cfg.Transport = srv.Client().Transport }),
	} {
		permit := &permitLog{until: time.Now().Add(time.Hour)}
		if _, err := c.CreateCall(t.Context(), permit, testToken(), testRequest()); err == nil {
			t.Errorf("%s: no error for a 429", name)
		}
		if len(permit.written) == 0 || len(permit.answered) != 1 || permit.status != http.StatusTooManyRequests {
			t.Errorf("%s: written %d times, answered %d times with %d", name, len(permit.written), len(permit.answered), permit.status)
			continue
		}
		left := permit.written[len(permit.written)-1]
		if left.Before(permit.held) || permit.answered[0].Before(left) {
			t.Errorf("%s: held at %s, written at %s, answered at %s", name, permit.held, left, permit.answered[0])
		}
	}
}

// A process that was paused between the last check and the write must not
// write afterwards. Without a permit nothing is sent either.
func TestLatePermitWritesNothing(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer srv.Close()
	for name, permit := range map[string]*permitLog{
		"too late": {until: time.Now().Add(-time.Millisecond)},
		"refused":  {refuse: errors.New("no")},
	} {
		_, err := newTestClient(t, srv.URL).CreateCall(t.Context(), permit, testToken(), testRequest())
		if !errors.Is(err, ErrMissed) {
			t.Errorf("%s: error = %v, want %v", name, err, ErrMissed)
		}
		wantError(t, err, VerdictRefused, 0)
		if len(permit.written) != 0 || len(permit.answered) != 1 || !permit.answered[0].IsZero() {
			t.Errorf("%s: written %d times, ended %d times", name, len(permit.written), len(permit.answered))
		}
	}
	if n := arrived.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// A permit is given back even when no request was written.
func TestPermitIsDoneWithoutARequest(t *testing.T) {
	t.Parallel()
	invalid := testRequest()
	invalid.To = nil
	permit := &permitLog{}
	if _, err := newTestClient(t, "http://"+deafAddress(t)).CreateCall(t.Context(), permit, testToken(), invalid); err == nil {
		t.Error("no error for an invalid request")
	}
	if len(permit.answered) != 1 || len(permit.written) != 0 {
		t.Errorf("an invalid request: written %d times, ended %d times", len(permit.written), len(permit.answered))
	}
}
