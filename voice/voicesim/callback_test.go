package voicesim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

func TestEventForms(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{Speed: 200, Outcomes: script(voicesim.Script{Outcome: "answered", Talk: 7 * time.Second})})
	uuid := w.place(target, nil)
	w.waitIdle()
	answered := w.event("answered")
	for name, want := range map[string]any{
		"uuid": uuid, "to": target, "from": caller, "direction": "outbound", "start_time": nil, "rate": nil, "network": nil,
	} {
		if got, found := answered[name]; got != want || !found {
			t.Errorf("answered: %s = %v (%v), want %v", name, got, found, want)
		}
	}
	completed := w.event("completed")
	for name, want := range map[string]any{
		"duration": "7", "rate": "0.02700000", "price": "0.00315000", "network": "GB-MOBILE", "disconnected_by": "user",
	} {
		if got := completed[name]; got != want {
			t.Errorf("completed: %s = %v, want %v", name, got, want)
		}
	}
	for _, r := range w.callbacks.all() {
		if r.query != "attempt=a-"+target {
			t.Errorf("query %q: the event URL's own was not kept", r.query)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", r.event["timestamp"].(string)); err != nil {
			t.Error(err)
		}
	}
}

func TestContractForms(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{ContractShapes: true, Speed: 200, Outcomes: script(voicesim.Script{Outcome: "machine", Talk: 7 * time.Second})})
	uuid := w.place(target, map[string]any{"machine_detection": "continue"})
	w.waitIdle()
	party := []any{map[string]any{"type": "phone", "number": target}}
	if e := w.event("machine"); e["uuid"] != uuid || !cmp.Equal(e["to"], any(party)) {
		t.Errorf("machine event %v, want uuid and an array in to", e)
	}
	r := w.do("GET", "/v1/calls/"+uuid, "").body
	if !cmp.Equal(r["to"], any(party)) {
		t.Errorf("record's to is %v, want an array", r["to"])
	}
	if _, err := time.Parse("2006-01-02 15:04:05", r["start_time"].(string)); err != nil {
		t.Error(err)
	}
	if r := w.do("POST", "/v1/calls", w.callBody(target, map[string]any{"event_url": nil})); r.status != http.StatusBadRequest {
		t.Errorf("no event_url: %d, the contract requires it", r.status)
	}
}

func TestCallbacksAreSigned(t *testing.T) {
	t.Parallel()
	secret := []byte("the signature secret of the account")
	w := overHTTP(t, voicesim.Config{Speed: 200, SignatureSecret: secret, APIKey: "abcd1234", Outcomes: script(voicesim.Script{Outcome: "busy"})})
	w.place(target, nil)
	w.waitIdle()
	for _, r := range w.callbacks.all() {
		parts := strings.Split(strings.TrimPrefix(r.header.Get("Authorization"), "Bearer "), ".")
		if len(parts) != 3 {
			t.Fatalf("Authorization %q", r.header.Get("Authorization"))
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(parts[0] + "." + parts[1]))
		if got := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); got != parts[2] {
			t.Error("the signature is not by the account's secret")
		}
		text, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := json.Unmarshal(text, &claims); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(r.body)
		if claims["payload_hash"] != hex.EncodeToString(sum[:]) || claims["api_key"] != "abcd1234" ||
			claims["application_id"] != application || claims["jti"] == "" || claims["iat"] == nil {
			t.Errorf("claims %v", claims)
		}
	}
}

func TestCallbackGET(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{Speed: 200, Outcomes: script(voicesim.Script{Outcome: "answered"})})
	w.place(target, map[string]any{"event_method": "GET"})
	w.waitIdle()
	var words []string
	for _, r := range w.callbacks.all() {
		q, err := url.ParseQuery(r.query)
		if err != nil || r.method != http.MethodGet || len(r.body) != 0 || q.Get("attempt") != "a-"+target || q.Get("to") != target {
			t.Errorf("%s with %d bytes, query %q: %v", r.method, len(r.body), r.query, err)
		}
		words = append(words, q.Get("status"))
	}
	if diff := cmp.Diff([]string{"started", "ringing", "answered", "completed"}, words); diff != "" {
		t.Error(diff)
	}
}

func TestCallbackRetryKeepsOrder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		want   []string
	}{
		"503 is tried again": {503, []string{"started", "started", "ringing", "answered", "completed"}},
		"500 is not":         {500, []string{"started", "ringing", "answered", "completed"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Outcomes: script(voicesim.Script{Outcome: "answered"})})
				defer w.close()
				w.callbacks.answer = func(n int, _ *http.Request, rw http.ResponseWriter) {
					if n == 1 {
						rw.WriteHeader(tt.status)
					}
				}
				w.place(target, nil)
				w.waitIdle()
				if diff := cmp.Diff(tt.want, w.callbacks.statuses()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestCallbacksAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Callbacks: 3, Outcomes: voicesim.Outcomes{Weights: map[string]float64{"busy": 1}}})
		defer w.close()
		busy, most := make(chan struct{}, 100), 0
		w.callbacks.answer = func(int, *http.Request, http.ResponseWriter) {
			busy <- struct{}{}
			w.callbacks.mu.Lock()
			most = max(most, len(busy))
			w.callbacks.mu.Unlock()
			time.Sleep(time.Second)
			<-busy
		}
		for _, number := range testNumbers(20) {
			w.place(number, nil)
		}
		w.waitIdle()
		if most != 3 {
			t.Errorf("%d at once, want 3", most)
		}
	})
}

func TestCallbackTimeoutIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: script(voicesim.Script{Outcome: "rejected"})})
		defer w.close()
		w.callbacks.answer = func(_ int, r *http.Request, _ http.ResponseWriter) { <-r.Context().Done() }
		begin := time.Now()
		w.place(target, nil)
		w.waitIdle()
		if got := w.callbacks.statuses(); !cmp.Equal(got, []string{"started", "started", "rejected", "rejected"}) {
			t.Errorf("events %v", got)
		}
		if passed := time.Since(begin); passed < 40*time.Second || passed > 45*time.Second {
			t.Errorf("four waits of 10 s took %v", passed)
		}
		if m := w.sim.Summary(); m.EventsFailed != 2 || m.EventsSent != 0 {
			t.Errorf("%+v", m)
		}
	})
}

func TestUnsignedCallbackIsSignedOnRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{
			SignatureSecret: []byte("secret"), Faults: voicesim.Faults{EventUnsigned: 1},
			Outcomes: script(voicesim.Script{Outcome: "rejected"}),
		})
		defer w.close()
		w.callbacks.answer = func(_ int, r *http.Request, rw http.ResponseWriter) {
			if r.Header.Get("Authorization") == "" {
				rw.WriteHeader(http.StatusInternalServerError)
			}
		}
		w.place(target, nil)
		w.waitIdle()
		var signed []bool
		for _, r := range w.callbacks.all() {
			signed = append(signed, r.header.Get("Authorization") != "")
		}
		if diff := cmp.Diff([]bool{false, true, false, true}, signed); diff != "" {
			t.Error(diff)
		}
	})
}
