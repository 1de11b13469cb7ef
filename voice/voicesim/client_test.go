package voicesim_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"dialer/internal/testkit/testkey"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

// dial makes a client of package voice for the simulator.
func (w *testSim) dial() *voice.Client {
	w.t.Helper()
	client, err := voice.NewClient(voice.Config{
		BaseURL: w.url + "/v1", ApplicationID: application, Key: testkey.RSA(), Transport: w.sim.Transport(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

func call(ctx context.Context, w *testSim, client *voice.Client, life time.Duration) (voice.Created, error) {
	now := time.Now()
	token, err := client.SignToken(voice.Token{ID: "attempt-1", IssuedAt: now.Add(-5 * time.Second), ExpiresAt: now.Add(life)})
	if err != nil {
		return voice.Created{}, err
	}
	return client.CreateCall(ctx, nil, token, voice.CallRequest{
		To: []voice.Endpoint{voice.Phone{Number: target}}, From: caller, NCCO: voice.NCCO{voice.Talk{Text: "Hello", Loop: new(int)}},
		EventURL: w.callbacks.url + "?attempt=attempt-1", MachineDetection: "continue", LengthTimer: 600, RingingTimer: 45,
	})
}

// The client and the simulator share no JSON types, so this compares them: every
// operation, in today's forms and in the contract's.
func TestVoiceClient(t *testing.T) {
	t.Parallel()
	for name, contract := range map[string]bool{"today": false, "contract": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				secret := []byte("the signature secret of the account")
				w := inBubble(t, voicesim.Config{
					ContractShapes: contract, SignatureSecret: secret,
					Outcomes: script(voicesim.Script{Outcome: "machine", Ring: 5 * time.Second, Talk: 77 * time.Second}),
				})
				defer w.close()
				client, ctx := w.dial(), t.Context()
				created, err := call(ctx, w, client, 30*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Second)
				w.control(client, created.UUID)
				w.waitIdle()
				w.checkRecord(client, created)
				w.checkCallbacks(voice.Verifier{Secrets: [][]byte{secret}, ApplicationID: application}, created.UUID)
			})
		})
	}
}

// control sends every control request that both forms have.
func (w *testSim) control(client *voice.Client, uuid string) {
	w.t.Helper()
	ctx := w.t.Context()
	for what, act := range map[string]func() error{
		"mute": func() error { return client.Mute(ctx, uuid) }, "unmute": func() error { return client.Unmute(ctx, uuid) },
		"earmuff": func() error { return client.Earmuff(ctx, uuid) }, "unearmuff": func() error { return client.Unearmuff(ctx, uuid) },
		"talk": func() error {
			_, err := client.StartTalk(ctx, uuid, voice.TalkRequest{Text: "Hello", VoiceName: "Amy"})
			return err
		},
		"stop talk": func() error { _, err := client.StopTalk(ctx, uuid); return err },
		"stream": func() error {
			_, err := client.StartStream(ctx, uuid, voice.StreamRequest{URL: "https://x.test/a.mp3"})
			return err
		},
		"stop stream": func() error { _, err := client.StopStream(ctx, uuid); return err },
		"dtmf":        func() error { _, err := client.SendDTMF(ctx, uuid, "17#"); return err },
	} {
		if err := act(); err != nil {
			w.t.Errorf("%s: %v", what, err)
		}
	}
}

// checkRecord compares the record that the client reads with the ledger.
func (w *testSim) checkRecord(client *voice.Client, created voice.Created) {
	w.t.Helper()
	want := w.onlyCall()
	got, err := client.GetCall(w.t.Context(), created.UUID)
	if err != nil {
		w.t.Fatal(err)
	}
	if got.UUID != want.UUID || got.ConversationUUID != want.ConversationUUID || got.To.Number != target || got.From.Number != caller ||
		got.Status != "completed" || *got.Duration != want.DurationS || *got.Duration != 77 ||
		!got.Price.Decimal.Equal(want.Price) || !got.Rate.Decimal.Equal(want.Rate) || got.EndTime.Sub(got.StartTime) != 77*time.Second {
		w.t.Errorf("record %+v\nledger %+v", got, want)
	}
	listed := 0
	for call, err := range client.Calls(w.t.Context(), voice.ListFilter{DateStart: want.PlacedAt, DateEnd: want.PlacedAt}, 10) {
		if err != nil || call.UUID != want.UUID {
			w.t.Errorf("listed %s: %v", call.UUID, err)
		}
		listed++
	}
	if listed != 1 || want.JTI != "attempt-1" || want.AttemptID != "attempt-1" {
		w.t.Errorf("%d listed; jti %q, attempt %q", listed, want.JTI, want.AttemptID)
	}
}

// checkCallbacks verifies and reads all callbacks.
func (w *testSim) checkCallbacks(verifier voice.Verifier, uuid string) {
	w.t.Helper()
	var kinds []string
	for _, r := range w.callbacks.all() {
		if err := verifier.Verify(r.header.Get("Authorization"), r.body, r.method, time.Now()); err != nil {
			w.t.Error(err)
		}
		e, err := voice.ParseEvent(r.method, nil, r.body)
		if err != nil || e.UUID != uuid || e.To != target || e.From != caller || e.Timestamp.IsZero() {
			w.t.Errorf("%s: %+v", err, e)
		}
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff([]string{"started", "ringing", "answered", "machine", "completed"}, kinds); diff != "" {
		w.t.Error(diff)
	}
}

// Each fault of a POST must give the client the correct verdict.
func TestVoiceVerdicts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		life    time.Duration
		verdict voice.Verdict
		calls   int
	}{
		"cut_before": {30 * time.Second, voice.VerdictUnknown, 0}, "cut_after": {30 * time.Second, voice.VerdictUnknown, 1},
		"error_500": {30 * time.Second, voice.VerdictUnknown, 0}, "error_500_placed": {30 * time.Second, voice.VerdictUnknown, 1},
		"error_503_placed": {30 * time.Second, voice.VerdictUnknown, 1}, "too_many": {30 * time.Second, voice.VerdictRefused, 0},
		"slow": {30 * time.Second, voice.VerdictUnknown, 1}, "truncated": {30 * time.Second, voice.VerdictPlaced, 1},
		"stuck": {3 * time.Second, voice.VerdictRefused, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				faults := everyFault[name]
				faults.StuckFor = 8 * time.Second
				w := inBubble(t, voicesim.Config{Faults: faults})
				defer w.close()
				_, err := call(t.Context(), w, w.dial(), tt.life)
				failure, ok := errors.AsType[*voice.Error](err)
				if calls := len(w.sim.Ledger()); !ok || failure.Verdict != tt.verdict || calls != tt.calls {
					t.Errorf("%v with %d calls, want %s with %d", err, calls, tt.verdict, tt.calls)
				}
			})
		})
	}
}

func TestVoiceClientWaitsForNewCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: picksUp(voicesim.Script{})})
		defer w.close()
		client := w.dial()
		created, err := call(t.Context(), w, client, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Hangup(t.Context(), created.UUID); err != nil {
			t.Error(err)
		}
		w.waitIdle()
		if got := w.onlyCall().Outcome; got != "cancelled" {
			t.Errorf("outcome %s", got)
		}
		if err := client.Mute(t.Context(), created.UUID); !errors.Is(err, voice.ErrNotFound) {
			t.Errorf("after the end: %v", err)
		}
		if n := w.sim.Summary().Refused[http.StatusBadRequest]; n == 0 {
			t.Error("the call was ready at once, so this test shows nothing")
		}
	})
}
