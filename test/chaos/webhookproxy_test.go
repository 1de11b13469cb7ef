package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"dialer/internal/testkit/require"
)

func TestWebhookProxyLosesItsShare(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer receiver.Close()
	p := newWebhookProxy(1, 0)
	for _, test := range []struct {
		share       float64
		least, most int64 // of 100
	}{{0, 100, 100}, {1, 0, 0}, {.5, 25, 75}} {
		p.setLost(test.share)
		arrived.Store(0)
		for range 100 {
			resp, err := p.client().Post(receiver.URL, "application/json", strings.NewReader(`{}`))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			if lost := resp.StatusCode == http.StatusNotFound; lost && test.share == 0 || !lost && test.share == 1 {
				t.Fatalf("%s, while %v were to be lost", resp.Status, test.share)
			}
		}
		if n := arrived.Load(); n < test.least || n > test.most {
			t.Errorf("of 100 webhooks %d arrived, while %v were to be lost", n, test.share)
		}
	}
	if forwarded, lost := p.counts(); forwarded+lost != 300 || forwarded < 125 || lost < 125 {
		t.Errorf("%d forwarded, %d lost, of 300", forwarded, lost)
	}
}
