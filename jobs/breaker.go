package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/background"
)

const (
	breakerAfter      = 3 // attempts in a row that did not reach Vonage
	firstBreakerPause = 500 * time.Millisecond
	maxBreakerPause   = 30 * time.Second
	holdAsked         = time.Minute // the longest that a provider's Retry-After is kept
)

// breaker pauses the callers of this process while Vonage cannot be
// reached, so that an outage does not use up attempt after attempt.
type breaker struct {
	mu       sync.Mutex
	failures int
	until    time.Time
}

// wait returns when a call may be tried.
func (b *breaker) wait(ctx context.Context) error {
	for {
		b.mu.Lock()
		left := time.Until(b.until)
		b.mu.Unlock()
		if left <= 0 {
			return nil
		}
		if err := background.Sleep(ctx, left); err != nil {
			return err
		}
	}
}

// hold pauses for as long as Vonage asked.
func (b *breaker) hold(asked time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := time.Now().Add(min(asked, holdAsked)); asked > 0 && until.After(b.until) {
		b.until = until
	}
}

// note learns from an outcome. Failures of calls that were under way when the
// pause began do not lengthen it.
func (b *breaker) note(o campaign.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case o.Refusal == campaign.RefusedStale:
		return // nothing was sent
	case o.Refusal != campaign.RefusedUnreachable:
		b.failures = 0
		return
	case time.Now().Before(b.until):
		return
	}
	b.failures++
	if over := b.failures - breakerAfter; over >= 0 {
		b.until = time.Now().Add(min(maxBreakerPause, firstBreakerPause<<min(over, 10)))
	}
}

// reach records whether this process reaches Vonage at all.
type reach struct {
	mu    sync.Mutex
	since time.Time // of the first failed request since the last answer; zero: none
}

// failed notes that a request did not get through. It reports whether a person should
// look, because no request has got through for long.
func (r *reach) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.since.IsZero():
		r.since = time.Now()
	case time.Since(r.since) >= failingLong:
		r.since = time.Now()
		return true
	}
	return false
}

func (r *reach) answered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = time.Time{}
}

// tellUnreached raises the alarm that this process no longer reaches Vonage.
func tellUnreached(ctx context.Context, store AlarmStore, log *slog.Logger) {
	log.ErrorContext(ctx, "Vonage cannot be reached from here")
	err := store.Raise(ctx, campaign.Alarm{
		Kind: campaign.AlarmFailing, Detail: "a dialer has not reached Vonage for five minutes, and so calls nobody",
	})
	if err != nil {
		log.ErrorContext(ctx, "alarm not stored", "kind", campaign.AlarmFailing, "error", err)
	}
}

func refused(why campaign.Refusal) campaign.Outcome {
	return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: why}
}
