package main

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// webhookProxy forwards Vonage's webhooks to the dialers, and drops a share of them: for
// those Vonage gets a 404, and does not send them again.
type webhookProxy struct {
	next http.RoundTripper

	mu              sync.Mutex
	random          *rand.Rand
	share           float64 // that is lost
	forwarded, lost int
	latest          []string // uuids of calls that just had an event
}

func newWebhookProxy(seed uint64, share float64) *webhookProxy {
	return &webhookProxy{
		next:   &http.Transport{MaxIdleConnsPerHost: callbacks, IdleConnTimeout: 30 * time.Second},
		random: seeded(seed, 2), share: share,
	}
}

// setLost changes the share of webhooks that are lost from now on.
func (p *webhookProxy) setLost(share float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.share = share
}

func (p *webhookProxy) counts() (forwarded, lost int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.forwarded, p.lost
}

// client sends through the proxy.
func (p *webhookProxy) client() *http.Client {
	return &http.Client{
		Transport:     p,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip forwards one webhook, or answers 404 instead.
func (p *webhookProxy) RoundTrip(r *http.Request) (*http.Response, error) {
	p.note(r)
	if !p.loses() {
		return p.next.RoundTrip(r)
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
		Status: "404 Not Found", StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: r,
	}, nil
}

// mostLatest is how many calls are remembered.
const mostLatest = 20

// note remembers the call that has just begun, by its event.
func (p *webhookProxy) note(r *http.Request) {
	var event struct{ UUID, Status string }
	if r.GetBody == nil {
		return
	}
	body, err := r.GetBody()
	if err != nil || json.NewDecoder(body).Decode(&event) != nil || event.UUID == "" || event.Status != "ringing" && event.Status != "answered" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latest = append(p.latest, event.UUID)
	p.latest = p.latest[max(0, len(p.latest)-mostLatest):]
}

// latestCalls are calls that may still be up.
func (p *webhookProxy) latestCalls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.latest)
}

func (p *webhookProxy) loses() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.random.Float64() < p.share {
		p.lost++
		return true
	}
	p.forwarded++
	return false
}
