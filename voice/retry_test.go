package voice

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// script answers the requests in order; the last answer is for all others.
type script struct {
	answers []func(http.ResponseWriter)
	sent    atomic.Int64
}

func (s *script) handle(w http.ResponseWriter, _ *http.Request) {
	n := int(s.sent.Add(1))
	s.answers[min(n, len(s.answers))-1](w)
}

func status(code int, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if len(header) == 2 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(code)
	}
}

func body(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { io.WriteString(w, text) }
}

const oneCall = `{"uuid":"u-1","status":"completed"}`

func TestReadRetries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		answers  []func(http.ResponseWriter)
		sent     int64
		ok       bool
		min, max time.Duration // total wait
	}{
		{"at once", []func(http.ResponseWriter){body(oneCall)}, 1, true, 0, 0},
		{"5xx twice", []func(http.ResponseWriter){status(500), status(503), body(oneCall)}, 3, true, 500 * time.Millisecond, 2 * time.Second},
		{"5xx for ever", []func(http.ResponseWriter){status(500)}, 4, false, time.Second, 4 * time.Second},
		{"429", []func(http.ResponseWriter){status(429), body(oneCall)}, 2, true, 250 * time.Millisecond, time.Second},
		{"Retry-After", []func(http.ResponseWriter){status(429, "Retry-After", "7"), body(oneCall)}, 2, true, 7 * time.Second, 7 * time.Second},
		{"Retry-After too long", []func(http.ResponseWriter){status(503, "Retry-After", "3600")}, 1, false, 0, 0},
		{"404", []func(http.ResponseWriter){status(404)}, 1, false, 0, 0},
		{"401", []func(http.ResponseWriter){status(401)}, 1, false, 0, 0},
		{"400", []func(http.ResponseWriter){status(400)}, 1, false, 0, 0},
		{"302", []func(http.ResponseWriter){status(302, "Location", "/")}, 1, false, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: tt.answers}
				throttled := int64(0)
				c := newFakeClient(t, s.handle, func(cfg *Config) {
					cfg.Throttle = func(context.Context) (Permit, error) { throttled++; return unpaced{}, nil }
				})
				begun := time.Now()
				_, err := c.GetCall(t.Context(), "u-1")
				if waited := time.Since(begun); waited < tt.min || waited > tt.max {
					t.Errorf("waited %s, want %s to %s", waited, tt.min, tt.max)
				}
				if (err == nil) != tt.ok {
					t.Errorf("got %v", err)
				}
				if got := s.sent.Load(); got != tt.sent || throttled != tt.sent {
					t.Errorf("sent %d, throttled %d, want %d", got, throttled, tt.sent)
				}
			})
		})
	}
}

func TestCreateCallIsNotRetriedOrThrottled(t *testing.T) {
	t.Parallel()
	for _, code := range []int{400, 429, 500, 503} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []func(http.ResponseWriter){status(code)}}
			c := newFakeClient(t, s.handle, func(cfg *Config) {
				cfg.Throttle = func(context.Context) (Permit, error) {
					t.Error("CreateCall waited for the throttle")
					return unpaced{}, nil
				}
			})
			_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
			wantError(t, err, classify(code), code)
			if got := s.sent.Load(); got != 1 {
				t.Errorf("status %d: sent %d, want 1", code, got)
			}
		})
	}
}

func TestRetryStopsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []func(http.ResponseWriter){status(503, "Retry-After", "20")}}
		c := newFakeClient(t, s.handle)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := c.GetCall(ctx, "u-1")
		wantError(t, err, VerdictUnknown, 503)
		if waited := time.Since(begun); waited != time.Second {
			t.Errorf("waited %s, want the context's second", waited)
		}
	})
}

func TestThrottleError(t *testing.T) {
	t.Parallel()
	refuse, asked := errors.New("no budget"), 0
	c := newFakeClient(t, func(http.ResponseWriter, *http.Request) { t.Error("sent without a permit") },
		func(cfg *Config) {
			cfg.Throttle = func(context.Context) (Permit, error) { asked++; return nil, refuse }
		})
	_, err := c.GetCall(t.Context(), "u-1")
	if e := wantError(t, err, VerdictRefused, 0); !errors.Is(e, refuse) {
		t.Errorf("got %v, want the throttle's error", e)
	}
	if asked != 1 {
		t.Errorf("asked %d times, want 1", asked)
	}
}

// flood is a response with an endless body.
type flood struct{ read atomic.Int64 }

func (f *flood) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: f}, nil
}

func (f *flood) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	if f.read.Add(int64(len(p))) > 20*maxReply {
		return 0, io.ErrUnexpectedEOF // enough to show it
	}
	return len(p), nil
}

func (f *flood) Close() error { return nil }

func TestEndlessBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &flood{}
		c := newTestClient(t, "http://provider.example", func(cfg *Config) { cfg.Transport = f })
		_, err := c.GetCall(t.Context(), "u-1")
		wantError(t, err, VerdictUnknown, 200)
		if got := f.read.Load(); got > maxTries*(2*maxReply) {
			t.Errorf("%d bytes were read in %d tries of at most %d", got, maxTries, maxReply)
		}
	})
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for size, ok := range map[int]bool{maxReply: true, maxReply + 1: false} {
			s := &script{answers: []func(http.ResponseWriter){body(oneCall + strings.Repeat(" ", size-len(oneCall)))}}
			if _, err := newFakeClient(t, s.handle).GetCall(t.Context(), "u-1"); (err == nil) != ok {
				t.Errorf("%d bytes: got %v", size, err)
			}
		}
	})
}
