package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/background"
	"dialer/voice"
)

const (
	skewPause = time.Second
	skewAgain = time.Minute // between two looks at clocks that differ
	// unseenAgain is the time between two looks at a clock that gave no answer.
	unseenAgain = 5 * time.Second
)

// ClockStore has the database's clock, which times the gate and the tokens.
type ClockStore interface {
	Now(ctx context.Context) (time.Time, error)
	AlarmStore
}

// clockGuard holds calls while Vonage's clock differs from the database's or from ours by
// more than campaign.ClockTolerance. A token's expiry proves that its POST can no longer
// make a call, so all clocks must agree on that moment. A token's issue time is set back
// by 5 s. Beyond that difference Vonage may refuse it as not yet valid, or accept it for
// longer than we wait.
type clockGuard struct {
	store  ClockStore
	client *voice.Client
	log    *slog.Logger
	reach  *reach

	first sync.Once // the look before the first call

	mu     sync.Mutex
	unseen bool      // Vonage gave no answer yet, so nothing was compared
	looked time.Time // last look at clocks that differ; zero while they agree
	// How far the database's clock is ahead of ours, at least and at most.
	least, most time.Duration
}

// wait returns when the clocks agree, as far as we know.
func (g *clockGuard) wait(ctx context.Context) error {
	//guard:drop jobs.TestDatabaseClockDifferenceStopsCalls: clocks are compared before the first call
	g.first.Do(func() { g.turn(); g.look(ctx) })
	for g.unanswered() || g.difference() != "" {
		if g.turn() {
			g.look(ctx)
			continue
		}
		if err := background.Sleep(ctx, skewPause); err != nil {
			return err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looked = time.Time{}
	return nil
}

// unanswered reports whether Vonage's clock could not be read so far.
func (g *clockGuard) unanswered() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	//guard:value(false) jobs.TestNothingIsSentBeforeTheClocksAreCompared: no call is made before Vonage gave an answer with which clocks are compared
	return g.unseen
}

// difference says which clocks differ; "" if none do, as far as we know.
func (g *clockGuard) difference() string {
	vonage, known := g.client.Skew()
	g.mu.Lock()
	defer g.mu.Unlock()
	database := vonage - min(max(vonage, g.least), g.most)
	switch {
	case !known:
		return ""
	//guard:false jobs.TestClockDifferenceStopsCalls: nobody is called while our clock differs
	case vonage.Abs() > campaign.ClockTolerance:
		return "Vonage's clock and a dialer's differ by more than 5 seconds; that dialer calls nobody"
	//guard:false jobs.TestDatabaseClockDifferenceStopsCalls: nobody is called while the database's clock differs
	case database.Abs() > campaign.ClockTolerance:
		return "Vonage's clock and the database's differ by more than 5 seconds; nobody is called"
	}
	return ""
}

// database notes what the database's clock showed at some moment between two of
// ours.
func (g *clockGuard) database(sent, received, shown time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.least, g.most = shown.Sub(received), shown.Sub(sent)
}

// turn reports whether it is the caller's turn to look at the clocks.
func (g *clockGuard) turn() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	again := skewAgain
	if g.unseen {
		again = unseenAgain
	}
	if !g.looked.IsZero() && time.Since(g.looked) < again {
		return false
	}
	g.looked = time.Now()
	return true
}

// look measures again, because one slow answer makes clocks seem to differ, and a process
// that places no calls may get no other answers. Clocks that really differ are an alarm.
func (g *clockGuard) look(ctx context.Context) {
	now := time.Now()
	filter := voice.ListFilter{DateStart: now.Add(-time.Second).UTC(), DateEnd: now.UTC(), PageSize: 1}
	_, err := g.client.ListCalls(ctx, filter)
	if err != nil { // its date counts all the same
		g.log.DebugContext(ctx, "Vonage's clock was looked at by a request that failed", "error", err)
	}
	g.noteAnswer(ctx, err)
	sent := time.Now()
	if shown, err := g.store.Now(ctx); err == nil {
		g.database(sent, time.Now(), shown)
	} else {
		g.log.DebugContext(ctx, "the database's clock was not seen", "error", err)
	}
	if differ := g.difference(); differ != "" {
		vonage, _ := g.client.Skew()
		g.log.ErrorContext(ctx, differ, "vonage_ahead_of_us", vonage, "database_ahead_of_us", g.least)
		g.raise(ctx, differ)
	}
}

// noteAnswer notes whether Vonage answered at all. An answer without a date, as some
// proxies give, counts too: nothing more can be learned about the clock.
func (g *clockGuard) noteAnswer(ctx context.Context, err error) {
	failed, ok := errors.AsType[*voice.Error](err)
	none := ok && failed.Status == 0
	_, known := g.client.Skew()
	g.mu.Lock()
	g.unseen = none && !known
	g.mu.Unlock()
	switch {
	case !none:
		g.reach.answered()
	case ctx.Err() == nil && g.reach.failed():
		tellUnreached(ctx, g.store, g.log)
	}
}

func (g *clockGuard) raise(ctx context.Context, detail string) {
	if err := g.store.Raise(ctx, campaign.Alarm{Kind: campaign.AlarmClockSkew, Detail: detail}); err != nil {
		g.log.ErrorContext(ctx, "alarm not stored", "kind", campaign.AlarmClockSkew, "error", err)
	}
}
