package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestLostWebhooksLookDelivered(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer receiver.Close()
	m := newMail(1, 0)
	for _, test := range []struct {
		share       float64
		least, most int64 // of 100
	}{{0, 100, 100}, {1, 0, 0}, {.5, 25, 75}} {
		m.lose(test.share)
		arrived.Store(0)
		for range 100 {
			resp, err := m.client().Post(receiver.URL, "application/json", strings.NewReader(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s, %v", resp.Status, err)
			}
		}
		if n := arrived.Load(); n < test.least || n > test.most {
			t.Errorf("of 100 webhooks %d arrived, while %v were to be lost", n, test.share)
		}
	}
	if carried, lost := m.counts(); carried+lost != 300 || carried < 125 || lost < 125 {
		t.Errorf("%d carried, %d lost, of 300", carried, lost)
	}
}
