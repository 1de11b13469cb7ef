package app

import (
	"context"
	"fmt"
	"time"
)

// LeastEventAge is the age at which events may be dropped: Vonage then no longer keeps
// the records that they could be compared with.
const LeastEventAge = 72 * time.Hour

// PrunedDay is a day whose events are all old enough to be dropped.
type PrunedDay struct {
	Day  time.Time // in UTC
	Open int       // attempts of that day that are not over: because of them the day is kept
}

// Pruned says what happened to the events that are old enough.
type Pruned struct {
	Days []PrunedDay // oldest first; those without open attempts are dropped
	// Undated are events that came when their day had no partition. They stay:
	// events are dropped by the day or not at all.
	Undated int
}

// EventStore keeps the webhooks that were received.
type EventStore interface {
	// PruneEvents drops the days that ended longer than age ago, each in a
	// transaction of its own. A dry run only lists what would be dropped.
	PruneEvents(ctx context.Context, by Actor, age time.Duration, dryRun bool) (Pruned, error)
}

// Events has the use cases of the webhooks that were received.
type Events struct{ Store EventStore }

// Prune drops the events of days that ended longer than age ago. A day with
// events of attempts that are still open is kept.
func (e Events) Prune(ctx context.Context, by Actor, age time.Duration, dryRun bool) (Pruned, error) {
	if err := by.may(Admin); err != nil {
		return Pruned{}, err
	}
	//guard:false internal/app.TestPruneLeastAge: events stay while Vonage may still say something of their calls
	if age < LeastEventAge {
		return Pruned{}, fmt.Errorf("prune events: an age of %s is too little: want at least %s, the time in which Vonage may still say something of a call", age, LeastEventAge)
	}
	return e.Store.PruneEvents(ctx, by, age, dryRun)
}
