package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// mail carries Vonage's webhooks to the dialers, and loses a share of
// them: Vonage believes that they arrived.
type mail struct {
	next http.RoundTripper

	mu            sync.Mutex
	chance        *rand.Rand
	share         float64
	lost, carried int
}

func newMail(seed uint64, share float64) *mail {
	return &mail{
		next:   &http.Transport{MaxIdleConnsPerHost: callbacks, IdleConnTimeout: 30 * time.Second},
		chance: seeded(seed, 2), share: share,
	}
}

// lose changes the share of webhooks that are lost from now on.
func (m *mail) lose(share float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.share = share
}

func (m *mail) counts() (carried, lost int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.carried, m.lost
}

// RoundTrip carries one webhook, or does as if.
func (m *mail) RoundTrip(r *http.Request) (*http.Response, error) {
	if !m.loses() {
		return m.next.RoundTrip(r)
	}
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, errors.Join(err, r.Body.Close())
		}
		if err := r.Body.Close(); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: r,
	}, nil
}

func (m *mail) loses() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.chance.Float64() < m.share {
		m.lost++
		return true
	}
	m.carried++
	return false
}

// client delivers by this mail.
func (m *mail) client() *http.Client {
	return &http.Client{
		Transport:     m,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
