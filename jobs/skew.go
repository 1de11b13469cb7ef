package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

const (
	skewPause = time.Second
	skewAgain = time.Minute // between two looks at Vonage's clock
)

// clockGuard keeps calls back while Vonage's clock and ours differ by more than
// campaign.ClockTolerance: a token's end is what proves that no call comes of it
// any more, so both must mean the same moment by it. A token is issued 5 s back, so
// beyond that Vonage may refuse it as not yet valid, or accept it for longer than
// we wait.
type clockGuard struct {
	store  AlarmStore
	client *voice.Client
	log    *slog.Logger

	mu     sync.Mutex
	looked time.Time
}

// wait returns when the clocks agree, as far as is known.
func (g *clockGuard) wait(ctx context.Context) error {
	for g.skewed() {
		if g.turn() {
			g.look(ctx)
			continue
		}
		if err := sleep(ctx, skewPause); err != nil {
			return err
		}
	}
	return nil
}

func (g *clockGuard) skewed() bool {
	skew, _ := g.client.Skew()
	//guard:false jobs.TestClockDifferenceStopsCalls: nobody is called while the clocks differ
	return skew.Abs() > campaign.ClockTolerance
}

// turn reports whether the caller is to look at Vonage's clock.
func (g *clockGuard) turn() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.looked.IsZero() && time.Since(g.looked) < skewAgain {
		return false
	}
	g.looked = time.Now()
	return true
}

// look measures once more, because one slow answer makes clocks seem to differ
// and a process that places no calls may have no other answers. Clocks that do
// differ are an alarm.
func (g *clockGuard) look(ctx context.Context) {
	now := time.Now()
	filter := voice.ListFilter{DateStart: now.Add(-time.Second).UTC(), DateEnd: now.UTC(), PageSize: 1}
	if _, err := g.client.ListCalls(ctx, filter); err != nil { // its date counts all the same
		g.log.DebugContext(ctx, "Vonage's clock was looked at by a request that failed", "error", err)
	}
	if skew, _ := g.client.Skew(); skew.Abs() > campaign.ClockTolerance {
		g.log.ErrorContext(ctx, "nobody is called while Vonage's clock and ours differ", "skew", skew)
		g.raise(ctx)
	}
}

func (g *clockGuard) raise(ctx context.Context) {
	err := g.store.Raise(ctx, campaign.Alarm{
		Kind:   campaign.AlarmClockSkew,
		Detail: "Vonage's clock and a dialer's differ by more than 5 seconds; that dialer calls nobody",
	})
	if err != nil {
		g.log.ErrorContext(ctx, "alarm not stored", "kind", campaign.AlarmClockSkew, "error", err)
	}
}
