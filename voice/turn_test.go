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

// turnLog is a turn that remembers what it was told.
type turnLog struct {
	until  time.Time
	refuse error

	mu       sync.Mutex
	held     time.Time
	written  []time.Time
	answered []time.Time
	status   int
}

func (l *turnLog) Hold(context.Context) (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = time.Now()
	return l.until, l.refuse
}

func (l *turnLog) Written(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = append(l.written, at)
}

func (l *turnLog) Done(answered time.Time, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered, l.status = append(l.answered, answered), status
}

func TestTurnLearnsWhenTheRequestLeft(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	defer srv.Close()
	for name, c := range map[string]*Client{
		"own transport": newTestClient(t, srv.URL),
		"another":       newTestClient(t, srv.URL, func(cfg *Config) { cfg.Transport = srv.Client().Transport }),
	} {
		turn := &turnLog{until: time.Now().Add(time.Hour)}
		if _, err := c.CreateCall(t.Context(), turn, testToken(), testRequest()); err == nil {
			t.Errorf("%s: no error for a 429", name)
		}
		if len(turn.written) == 0 || len(turn.answered) != 1 || turn.status != http.StatusTooManyRequests {
			t.Errorf("%s: written %d times, answered %d times with %d", name, len(turn.written), len(turn.answered), turn.status)
			continue
		}
		left := turn.written[len(turn.written)-1]
		if left.Before(turn.held) || turn.answered[0].Before(left) {
			t.Errorf("%s: held at %s, written at %s, answered at %s", name, turn.held, left, turn.answered[0])
		}
	}
}

// A process that was stopped between the last check and the write must not
// write when it goes on; nor is anything sent without a turn.
func TestNothingIsWrittenOutOfTurn(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer srv.Close()
	for name, turn := range map[string]*turnLog{
		"too late": {until: time.Now().Add(-time.Millisecond)},
		"refused":  {refuse: errors.New("no")},
	} {
		_, err := newTestClient(t, srv.URL).CreateCall(t.Context(), turn, testToken(), testRequest())
		if !errors.Is(err, ErrMissed) {
			t.Errorf("%s: error = %v, want %v", name, err, ErrMissed)
		}
		wantError(t, err, VerdictRefused, 0)
		if len(turn.written) != 0 || len(turn.answered) != 1 || !turn.answered[0].IsZero() {
			t.Errorf("%s: written %d times, ended %d times", name, len(turn.written), len(turn.answered))
		}
	}
	if n := arrived.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// Unless it was written, a turn is given back in any case.
func TestTurnEndsWhateverBecomesOfTheRequest(t *testing.T) {
	t.Parallel()
	invalid := testRequest()
	invalid.To = nil
	turn := &turnLog{}
	if _, err := newTestClient(t, "http://"+deafAddress(t)).CreateCall(t.Context(), turn, testToken(), invalid); err == nil {
		t.Error("no error for an invalid request")
	}
	if len(turn.answered) != 1 || len(turn.written) != 0 {
		t.Errorf("an invalid request: written %d times, ended %d times", len(turn.written), len(turn.answered))
	}
}
