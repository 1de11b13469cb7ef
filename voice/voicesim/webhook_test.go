package voicesim_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice"
	"dialer/voice/voicesim"
)

var accountSecret = []byte("the signature secret of the account")

// verifier is a correct check of signatures, as a receiver should have it.
func (w *testSim) verified(r request) error {
	v := voice.Verifier{Secrets: [][]byte{accountSecret}, ApplicationID: application}
	return v.Verify(r.header.Get("Authorization"), r.body, r.method, time.Now())
}

// TestTokensThatComeAgain: repeats have one token and one body. Forged webhooks have a
// token that was used before, with another body or another address.
func TestTokensThatComeAgain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults   voicesim.Faults
		requests int // for the 4 events of a call
	}{
		"event_same_token": {voicesim.Faults{EventSameToken: 1}, 8},
		"event_replayed":   {voicesim.Faults{EventReplayed: 1, ReplayFor: 2 * time.Minute}, 8},
		"event_forged":     {voicesim.Faults{EventForged: 1}, 8},
		"event_doubled":    {voicesim.Faults{EventDoubled: 1}, 8},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{
					SignatureSecret: accountSecret, KeepWebhooks: true, Faults: tt.faults,
					Outcomes: script(voicesim.Script{Outcome: "answered"}),
				})
				defer w.close()
				w.place(target, nil)
				time.Sleep(3 * time.Minute)
				w.waitIdle()
				all := w.callbacks.all()
				if len(all) != tt.requests || w.sim.Summary().Faults[name] != 4 {
					t.Fatalf("%d requests, faults %v", len(all), w.sim.Summary().Faults)
				}
				same, forged := w.repeats(all)
				wantSame, wantForged := 4, 0
				switch name {
				case "event_forged":
					wantSame, wantForged = 0, 4
				case "event_doubled": // each has a token of its own
					wantSame = 0
				}
				if m := w.sim.Summary(); same != wantSame || forged != wantForged || m.ForgedSent != wantForged || m.ForgedTaken != wantForged {
					t.Errorf("%d repeats and %d forged, want %d and %d; summary %d, %d", same, forged, wantSame, wantForged, m.ForgedSent, m.ForgedTaken)
				}
				w.checkWebhooks(all)
			})
		})
	}
}

// repeats counts the requests whose token was used before: plain repeats and others.
func (w *testSim) repeats(all []request) (same, forged int) {
	first := map[string]request{}
	for _, r := range all {
		bearer := r.header.Get("Authorization")
		before, found := first[bearer]
		switch {
		case !found:
			first[bearer] = r
			if err := w.verified(r); err != nil {
				w.t.Error(err)
			}
		case string(before.body) == string(r.body) && before.query == r.query:
			same++
		default:
			forged++
		}
	}
	return same, forged
}

// checkWebhooks compares the requests with the simulator's list of them.
func (w *testSim) checkWebhooks(all []request) {
	w.t.Helper()
	kept := w.sim.Webhooks()
	if len(kept) != len(all) {
		w.t.Fatalf("%d webhooks kept, %d received", len(kept), len(all))
	}
	for _, k := range kept {
		if k.CallUUID != w.onlyCall().UUID || k.JTI == "" || len(k.BodySHA256) != 64 || k.Status != http.StatusOK || k.Kind == "unknown" {
			w.t.Errorf("%+v", k)
		}
		if !k.Forged && k.AttemptID != "a-"+target {
			w.t.Errorf("attempt %q", k.AttemptID)
		}
	}
}

func TestRetryHasSameToken(t *testing.T) {
	t.Parallel()
	for p, want := range map[float64]bool{0: false, 1: true} {
		synctest.Test(t, func(t *testing.T) {
			w := inBubble(t, voicesim.Config{
				SignatureSecret: accountSecret, Faults: voicesim.Faults{RetrySameToken: p}, Outcomes: script(voicesim.Script{Outcome: "busy"}),
			})
			defer w.close()
			w.callbacks.answer = func(n int, _ *http.Request, rw http.ResponseWriter) {
				if n == 1 {
					rw.WriteHeader(http.StatusServiceUnavailable)
				}
			}
			w.place(target, nil)
			w.waitIdle()
			all := w.callbacks.all()
			if string(all[0].body) != string(all[1].body) || (all[0].header.Get("Authorization") == all[1].header.Get("Authorization")) != want {
				t.Errorf("probability %v: the second try has the token of the first: %t", p, !want)
			}
		})
	}
}

// TestFetchWebhooks reads the list from another process.
func TestFetchWebhooks(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{Speed: 500, KeepWebhooks: true, SignatureSecret: accountSecret, Outcomes: script(voicesim.Script{Outcome: "busy"})})
	w.place(target, nil)
	w.waitIdle()
	webhooks, err := voicesim.FetchWebhooks(t.Context(), w.client, w.url+"/v1")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, k := range webhooks {
		kinds = append(kinds, k.Kind)
	}
	if got := strings.Join(kinds, " "); got != "started ringing busy completed" {
		t.Errorf("kinds %q", got)
	}
}
