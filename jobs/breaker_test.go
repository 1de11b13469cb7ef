package jobs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
)

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
