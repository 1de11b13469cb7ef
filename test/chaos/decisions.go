package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/test/fleet"

	"github.com/google/uuid"
)

// decider is the person who decides about attempts that cannot be settled automatically,
// with the command that the alarm names. It reads the truth in Vonage's ledger; a person
// would ask Vonage or the person called.
type decider struct {
	*operators
	tried  map[int64]int // how often a call was named for an alarm, and refused
	counts map[string]int
}

const (
	decideEvery = 2 * time.Second
	// noCallAfter is how long an alarm is open before a person says that there was no
	// call: after the possible calls are named, the rest is often proved.
	noCallAfter = 12 * time.Second
	// mostNamed is how often the decider names a call that Vonage's list may show only
	// later.
	mostNamed = 5
)

// decide decides until the run is over. If Vonage writes everything in the usual form,
// all attempts must be settled without a person.
func (d *decider) decide(ctx context.Context) {
	for d.Wording == "other" && fleet.Sleep(ctx, decideEvery) == nil {
		_ = d.round(ctx) // Postgres is away now and then
	}
}

// round decides about each open alarm that is due.
func (d *decider) round(ctx context.Context) error {
	for _, kind := range app.Decidable {
		alarms, err := d.db.Alarms(ctx, app.AlarmQuery{Kind: kind, Limit: maxAlarms})
		if err != nil || len(alarms) == 0 {
			return err
		}
		calls, err := d.calls(ctx, alarms)
		if err != nil {
			return err
		}
		for _, a := range alarms {
			if err := d.about(ctx, a, calls[a.AttemptID]); err != nil {
				return err
			}
		}
	}
	return nil
}

// calls are the uuids of the calls at Vonage by the attempts that made them. The events
// of a manual call name no attempt, so the call is identified by its token.
func (d *decider) calls(ctx context.Context, alarms []app.RaisedAlarm) (map[uuid.UUID]string, error) {
	calls, byToken := map[uuid.UUID]string{}, map[string]string{}
	for _, c := range d.testbed.provider.Sim.Ledger() {
		if c.Parent != "" {
			continue
		}
		if id, err := uuid.Parse(c.AttemptID); err == nil {
			calls[id] = c.UUID
		} else {
			byToken[c.JTI] = c.UUID
		}
	}
	if !slices.ContainsFunc(alarms, func(a app.RaisedAlarm) bool { return a.Campaign == "" }) {
		return calls, nil
	}
	records, err := d.db.Records(ctx)
	for _, a := range records.Attempts {
		if call := byToken[a.TokenID.String()]; a.Kind == campaign.ManualCall && call != "" {
			calls[a.ID] = call
		}
	}
	return calls, err
}

// about decides about one alarm, whose attempt made this call; "": it made none.
func (d *decider) about(ctx context.Context, a app.RaisedAlarm, call string) error {
	word := []string{"--its-call", call}
	switch {
	case call == "" && time.Since(a.First) < noCallAfter:
		return nil
	case call == "":
		word = []string{"--no-call"}
	case d.tried[a.ID] >= mostNamed:
		word = []string{"--called"}
		d.orders.wasCalled(a.AttemptID)
	}
	err := d.command(ctx, "dialer", append([]string{"alarms", "resolve", fmt.Sprint(a.ID)}, word...)...)
	if errors.Is(err, errRefused) { // the list has not shown the call yet, or it is settled by now
		d.tried[a.ID]++
		return nil
	}
	if err == nil {
		d.counts[word[0]]++
	}
	return err
}
