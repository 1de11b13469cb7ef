package jobs

import (
	"context"
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
)

// ClockStore has the database's clock, by which the gate and tokens are timed.
type ClockStore interface {
	Now(ctx context.Context) (time.Time, error)
	AlarmStore
}

// clockGuard keeps calls back while Vonage's clock differs from the database's or
// from ours by more than campaign.ClockTolerance: a token's end is what proves that
// no call comes of it any more, so all must mean the same moment by it. A token is
// issued 5 s back, so beyond that Vonage may refuse it as not yet valid, or accept
// it for longer than we wait.
type clockGuard struct {
	store  ClockStore
	client *voice.Client
	log    *slog.Logger

	first sync.Once // looks before the first call

	mu     sync.Mutex
	looked time.Time // at clocks that differ; zero while they agree
	// The database's clock is ahead of ours by at least and at most so much.
	least, most time.Duration
}

// wait returns when the clocks agree, as far as is known.
func (g *clockGuard) wait(ctx context.Context) error {
	//guard:drop jobs.TestDatabaseClockDifferenceStopsCalls: clocks are compared before the first call
	g.first.Do(func() { g.turn(); g.look(ctx) })
	for g.difference() != "" {
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

// difference says which clocks differ; "" if none do, as far as is known.
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

// turn reports whether the caller is to look at the clocks.
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

func (g *clockGuard) raise(ctx context.Context, detail string) {
	if err := g.store.Raise(ctx, campaign.Alarm{Kind: campaign.AlarmClockSkew, Detail: detail}); err != nil {
		g.log.ErrorContext(ctx, "alarm not stored", "kind", campaign.AlarmClockSkew, "error", err)
	}
}
