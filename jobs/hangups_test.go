package jobs

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// memoryHangUps gives its orders once and keeps their results.
type memoryHangUps struct {
	mu    sync.Mutex
	owed  []campaign.HangUp
	tries map[string]campaign.HangUpTry
}

func (m *memoryHangUps) PendingHangUps(_ context.Context, limit int, _ time.Duration) ([]campaign.HangUp, error) {
	n := min(limit, len(m.owed))
	taken := m.owed[:n]
	m.owed = m.owed[n:]
	return taken, nil
}

func (m *memoryHangUps) HungUp(_ context.Context, h campaign.HangUp, t campaign.HangUpTry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tries[h.CallUUID] = t
	return nil
}

// answers is a provider that chooses its answer by the request's method and the call's
// name. It takes no time and uses no socket.
type answers map[string]string

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	uuid := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	status, body, _ := strings.Cut(a[r.Method+" "+uuid], " ")
	codes := map[string]int{"204": 204, "400": 400, "404": 404, "500": 500, "200": 200}
	code, ok := codes[status]
	if !ok {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestHangupWorkerOutcomes(t *testing.T) {
	t.Parallel()
	provider := answers{
		"PUT up": "204", "PUT last": "204",
		"PUT gone":  "404",
		"PUT ended": "400", "GET ended": `200 {"uuid":"ended","status":"completed","direction":"outbound"}`,
		"PUT young": "400", "GET young": `200 {"uuid":"young","status":"ringing","direction":"outbound"}`,
		"PUT broken": "500", "PUT hopeless": "500",
	}
	want := map[string]campaign.HangUpTry{
		"up":       {State: campaign.HangUpDone, Effect: campaign.EffectDone},
		"last":     {State: campaign.HangUpDone, Effect: campaign.EffectDone},
		"gone":     {State: campaign.HangUpAlreadyEnded, Effect: campaign.EffectRefused},
		"ended":    {State: campaign.HangUpAlreadyEnded, Effect: campaign.EffectRefused},
		"young":    {State: campaign.HangUpPending, Effect: campaign.EffectRefused},
		"broken":   {State: campaign.HangUpPending, Effect: campaign.EffectUnknown},
		"hopeless": {State: campaign.HangUpFailed, Effect: campaign.EffectUnknown},
		"silent":   {State: campaign.HangUpPending, Effect: campaign.EffectUnknown},
		"..":       {State: campaign.HangUpFailed, Effect: campaign.EffectRefused},
	}
	synctest.Test(t, func(t *testing.T) {
		store := &memoryHangUps{tries: map[string]campaign.HangUpTry{}}
		for uuid := range want {
			tries := 1
			if uuid == "last" || uuid == "hopeless" {
				tries = hangupTries
			}
			store.owed = append(store.owed, campaign.HangUp{CallUUID: uuid, Tries: tries})
		}
		h := &hangupWorker{store: store, client: hangerClient(t, provider)}
		for range want {
			if _, err := h.runOnce(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for uuid, w := range want {
			got := store.tries[uuid]
			if got.State != w.State || got.Effect != w.Effect || got.Answer == "" {
				t.Errorf("%s: %+v, want %+v and an answer", uuid, got, w)
			}
		}
	})
}

// A stop in the middle of a hang-up leaves the order due, because the result is not
// known.
func TestHangupWorkerStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memoryHangUps{owed: []campaign.HangUp{{CallUUID: "silent", Tries: hangupTries}}, tries: map[string]campaign.HangUpTry{}}
		h := &hangupWorker{store: store, client: hangerClient(t, answers{})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.runOnce(ctx); err != nil || len(store.tries) != 0 {
			t.Errorf("%v, stored %+v; want nothing stored", err, store.tries)
		}
	})
}

func hangerClient(t *testing.T, provider http.RoundTripper) *voice.Client {
	t.Helper()
	client, err := voice.NewClient(voice.Config{ApplicationID: "app", Key: signingKey(), Transport: provider})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
