package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
)

// RaisedAlarm is an alarm, when it was raised, and how often.
type RaisedAlarm struct {
	ID int64
	campaign.Alarm
	Campaign    string // of its attempt; "" if the alarm concerns no attempt
	Times       int
	First, Last time.Time
	ResolvedAt  time.Time // the last time; it may have been raised again since
	ResolvedBy  string
}

// Open reports whether a person should look at the alarm: it was never resolved, or was
// raised again since.
func (a RaisedAlarm) Open() bool { return a.ResolvedAt.IsZero() || a.Last.After(a.ResolvedAt) }

// AlarmQuery selects alarms. A zero field selects all.
type AlarmQuery struct {
	Kind     string
	Within   time.Duration // raised last within this time
	Resolved bool          // resolved ones too
	Limit    int
}

// AlarmStore keeps alarms.
type AlarmStore interface {
	// Alarms lists alarms, latest first.
	Alarms(ctx context.Context, q AlarmQuery) ([]RaisedAlarm, error)
	// ResolveAlarms returns the ids of the alarms that were open. *UndecidedError: one of
	// them needs a decision, and none is resolved.
	ResolveAlarms(ctx context.Context, by Actor, ids []int64) ([]int64, error)
	// ResolveAlarmsOf resolves all open alarms of a kind, and returns how many.
	// *UndecidedError: as above.
	ResolveAlarmsOf(ctx context.Context, by Actor, kind string) (int, error)
	// DecideAttempt settles the attempt of an open alarm that is Decidable.
	DecideAttempt(ctx context.Context, by Actor, alarm int64, d AttemptDecision) error
}

// Decidable are the kinds of alarms for which a person must decide about the attempt.
var Decidable = []string{campaign.AlarmAbsenceBlocked, campaign.AlarmLost}

// NeedsDecision reports whether the alarm stays open until a person decides about its
// attempt, or evidence settles it.
func (a RaisedAlarm) NeedsDecision() bool { return a.Open() && slices.Contains(Decidable, a.Kind) }

// Remedy says what to do about the alarm, in commands that can be typed as they are.
func (a RaisedAlarm) Remedy() string { return RemedyOf(a.Kind, a.ID) }

// RemedyOf is the remedy of an alarm of the kind.
func RemedyOf(kind string, id int64) string {
	for _, k := range campaign.AlarmKinds {
		if k.Kind == kind {
			return strings.ReplaceAll(k.Remedy, "resolve ID", fmt.Sprintf("resolve %d", id))
		}
	}
	return ""
}

// UndecidedError refuses to resolve alarms without a decision, because their attempts are
// not settled yet.
type UndecidedError struct{ IDs []int64 }

func (e *UndecidedError) Error() string {
	const shown = 10
	commands := make([]string, 0, shown)
	for _, id := range e.IDs[:min(len(e.IDs), shown)] {
		commands = append(commands, fmt.Sprintf("`dialer alarms resolve %d --its-call UUID`, `--no-call` or `--called`", id))
	}
	more := ""
	if n := len(e.IDs) - shown; n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	return "whether the attempt made a call is not known yet, so decide: " + strings.Join(commands, "; ") + more
}

// AttemptDecision is a person's decision about an attempt that cannot be settled.
type AttemptDecision struct {
	Word     string
	CallUUID string // with DecideItsCall
}

const (
	DecideItsCall = "its-call" // this call in Vonage's list belongs to the attempt
	DecideNoCall  = "no-call"  // Vonage made no call: the contact may be called again
	DecideCalled  = "called"   // the person was called, by a call that nobody can name
)

func (d AttemptDecision) validate() error {
	switch d.Word {
	case DecideItsCall:
		if d.CallUUID == "" {
			return errors.New("name the call that is the attempt's by its uuid")
		}
		return nil
	case DecideNoCall, DecideCalled:
		if d.CallUUID != "" {
			return fmt.Errorf("a call's uuid goes with the decision %s alone", DecideItsCall)
		}
		return nil
	}
	return fmt.Errorf("a decision is %s, %s or %s", DecideItsCall, DecideNoCall, DecideCalled)
}

// Alarms has the use cases of alarms.
type Alarms struct{ Store AlarmStore }

// List lists alarms, latest first.
func (a Alarms) List(ctx context.Context, q AlarmQuery) ([]RaisedAlarm, error) {
	return a.Store.Alarms(ctx, q)
}

// Resolve marks alarms as dealt with, and returns the ids of those that were open. An
// alarm that is raised again is open again. *UndecidedError: one of them needs a
// decision.
func (a Alarms) Resolve(ctx context.Context, by Actor, ids []int64) ([]int64, error) {
	if err := by.may(Admin); err != nil {
		return nil, err
	}
	return a.Store.ResolveAlarms(ctx, by, ids)
}

// Decide settles the attempt of an alarm as a person says.
func (a Alarms) Decide(ctx context.Context, by Actor, alarm int64, d AttemptDecision) error {
	if err := by.may(Admin); err != nil {
		return err
	}
	if err := d.validate(); err != nil {
		return err
	}
	return a.Store.DecideAttempt(ctx, by, alarm, d)
}

// ResolveKind marks all open alarms of a kind as dealt with, and returns how many.
func (a Alarms) ResolveKind(ctx context.Context, by Actor, kind string) (int, error) {
	if err := by.may(Admin); err != nil {
		return 0, err
	}
	return a.Store.ResolveAlarmsOf(ctx, by, kind)
}
