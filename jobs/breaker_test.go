package jobs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
)

func TestUnreachableVonageIsAnAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		learn := func(o campaign.Outcome, want int) {
			t.Helper()
			s.learn(t.Context(), campaign.Attempt{}, o)
			got := s.store.alarmKinds()
			if len(got) != want || want > 0 && got[want-1] != campaign.AlarmFailing {
				t.Errorf("alarms %v, want %d of %s", got, want, campaign.AlarmFailing)
			}
		}
		unreachable := refused(campaign.RefusedUnreachable)
		learn(unreachable, 0)
		time.Sleep(failingLong - time.Second)
		learn(refused(campaign.RefusedStale), 0) // nothing was sent, so nothing is known
		learn(unreachable, 0)
		time.Sleep(time.Second)
		learn(unreachable, 1)
		time.Sleep(failingLong - time.Second)
		learn(unreachable, 1)
		learn(refused(campaign.RefusedRate), 1) // an answer
		time.Sleep(time.Second)
		learn(unreachable, 1)
		time.Sleep(failingLong)
		learn(unreachable, 2)
	})
}

func TestBreakerPausesDouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b breaker
		waited := func() time.Duration {
			begun := time.Now()
			if err := b.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(begun)
		}
		unreachable := refused(campaign.RefusedUnreachable)
		for range breakerAfter - 1 {
			b.note(unreachable)
		}
		if got := waited(); got != 0 {
			t.Errorf("waited %v after %d failures, want no pause yet", got, breakerAfter-1)
		}
		for _, want := range []time.Duration{500, 1000, 2000, 4000, 8000, 16000, 30000, 30000} {
			b.note(unreachable)
			b.note(unreachable) // was under way when the pause began
			if got := waited(); got != want*time.Millisecond {
				t.Errorf("waited %v, want %v", got, want*time.Millisecond)
			}
		}
		b.note(refused(campaign.RefusedStale)) // nothing was sent, so nothing is known
		b.note(unreachable)
		if got := waited(); got != maxBreakerPause {
			t.Errorf("waited %v after a stale attempt, want %v", got, maxBreakerPause)
		}
		b.note(refused(campaign.RefusedRate))
		b.note(unreachable)
		if got := waited(); got != 0 {
			t.Errorf("waited %v after Vonage had answered", got)
		}
	})
}

func TestBreakerStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := breaker{until: time.Now().Add(time.Hour)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.wait(ctx); err == nil {
			t.Error("wait returned no error although it was stopped")
		}
	})
}
