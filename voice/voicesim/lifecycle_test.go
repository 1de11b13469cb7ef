package voicesim_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

func TestOutcomeEvents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		outcome   string
		detection any
		want      []string
		ledger    string
	}{
		{"answered", nil, []string{"started", "ringing", "answered", "completed"}, "answered"},
		{"human", nil, []string{"started", "ringing", "answered", "completed"}, "answered"},
		{"human", "continue", []string{"started", "ringing", "answered", "human", "completed"}, "human"},
		{"machine", "continue", []string{"started", "ringing", "answered", "machine", "completed"}, "machine"},
		{"machine", "hangup", []string{"started", "ringing", "answered", "machine", "completed"}, "machine"},
		{"busy", nil, []string{"started", "ringing", "busy", "completed"}, "busy"},
		{"unanswered", nil, []string{"started", "ringing", "unanswered", "completed"}, "unanswered"},
		{"timeout", nil, []string{"started", "ringing", "timeout", "completed"}, "timeout"},
		{"cancelled", nil, []string{"started", "ringing", "cancelled", "completed"}, "cancelled"},
		{"failed", nil, []string{"started", "failed", "completed"}, "failed"},
		{"rejected", nil, []string{"started", "rejected"}, "rejected"},
	}
	for _, tt := range tests {
		t.Run(tt.outcome, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Outcomes: script(voicesim.Script{Outcome: tt.outcome, Talk: 20 * time.Second})})
				defer w.close()
				w.place(target, map[string]any{"machine_detection": tt.detection})
				w.waitIdle()
				if diff := cmp.Diff(tt.want, w.callbacks.statuses()); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
				if got := w.onlyCall().Outcome; got != tt.ledger {
					t.Errorf("outcome in the ledger %q, want %q", got, tt.ledger)
				}
			})
		})
	}
}

func TestTimers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: script(
			voicesim.Script{Outcome: "answered", Ring: 30 * time.Second},
			voicesim.Script{Outcome: "answered", Ring: 5 * time.Second, Talk: time.Minute},
		)})
		defer w.close()
		begin := time.Now()
		w.place(target, map[string]any{"ringing_timer": 20})
		w.waitIdle()
		if got, passed := w.sim.Ledger()[0], time.Since(begin); got.Outcome != "timeout" || passed < 20*time.Second || passed > 22*time.Second {
			t.Errorf("ringing_timer 20: %s after %v", got.Outcome, passed)
		}
		w.place(target, map[string]any{"length_timer": "7"})
		w.waitIdle()
		if got := w.sim.Ledger()[1]; got.DurationS != 7 {
			t.Errorf("length_timer 7: lasted %d s", got.DurationS)
		}
		if by := w.callbacks.all()[len(w.callbacks.all())-1].event["disconnected_by"]; by != "platform" {
			t.Errorf("length_timer: disconnected by %v", by)
		}
	})
}

func TestMachineHangup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: script(voicesim.Script{Outcome: "machine", Talk: time.Minute})})
		defer w.close()
		w.place(target, map[string]any{"machine_detection": "hangup"})
		w.waitIdle()
		if got := w.onlyCall().DurationS; got < 1 || got > 4 {
			t.Errorf("lasted %d s, want 1 to 4", got)
		}
		e := w.event("machine")
		if e["call_uuid"] != w.onlyCall().UUID || e["uuid"] != nil || e["direction"] != nil {
			t.Errorf("a machine event names its call in call_uuid and has no direction: %v", e)
		}
	})
}

func TestSpeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Speed: 50, Outcomes: script(
			voicesim.Script{Outcome: "answered", Ring: 5 * time.Second, Talk: 30 * time.Second},
		)})
		defer w.close()
		begin := time.Now()
		w.place(target, nil)
		w.waitIdle()
		if passed := time.Since(begin); passed > 800*time.Millisecond {
			t.Errorf("36 s at 50 times the speed took %v", passed)
		}
		if got := w.onlyCall().DurationS; got != 30 {
			t.Errorf("duration %d, want 30", got)
		}
	})
}

func TestOutcomesDependOnWeightsAndSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64, reverse bool) (outcomes map[string]string) {
		synctest.Test(t, func(t *testing.T) {
			w := inBubble(t, voicesim.Config{Seed: seed, Outcomes: voicesim.Outcomes{Weights: map[string]float64{"busy": 1, "answered": 3}}})
			defer w.close()
			numbers := testNumbers(400)
			if reverse {
				slices.Reverse(numbers)
			}
			for _, number := range numbers {
				w.place(number, nil)
			}
			w.waitIdle()
			outcomes = map[string]string{}
			for _, c := range w.sim.Ledger() {
				outcomes[c.To] = c.Outcome
			}
		})
		return outcomes
	}
	first := run(1, false)
	var busy int
	for _, outcome := range first {
		if outcome == "busy" {
			busy++
		}
	}
	if busy < 70 || busy > 130 {
		t.Errorf("%d of 400 busy, want about 100", busy)
	}
	if diff := cmp.Diff(first, run(1, true)); diff != "" {
		t.Errorf("the order of the requests changed outcomes:\n%s", diff)
	}
	if cmp.Equal(first, run(2, false)) {
		t.Error("another seed, and the same outcomes")
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // which fails when a goroutine is left
		w := inBubble(t, voicesim.Config{})
		w.callbacks.answer = func(_ int, r *http.Request, _ http.ResponseWriter) { <-r.Context().Done() }
		w.place(target, nil)
		time.Sleep(200 * time.Millisecond) // the started event is now stuck at its receiver
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := w.sim.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v, want to hear that a callback was interrupted", err)
		}
		if r := w.do("POST", "/v1/calls", w.callBody(target, nil)); r.status != http.StatusServiceUnavailable {
			t.Errorf("a POST after Close: %d, want 503", r.status)
		}
	})
}
