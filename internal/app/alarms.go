package app

import (
	"context"
	"time"

	"dialer/campaign"
)

// RaisedAlarm is an alarm with when and how often it was raised.
type RaisedAlarm struct {
	ID int64
	campaign.Alarm
	Campaign    string // of its attempt; "" when it concerns none
	Times       int
	First, Last time.Time
	ResolvedAt  time.Time // the last time; it may have been raised again since
	ResolvedBy  string
}

// Open reports whether it is to be looked at: it was never resolved, or was
// raised again since.
func (a RaisedAlarm) Open() bool { return a.ResolvedAt.IsZero() || a.Last.After(a.ResolvedAt) }

// AlarmQuery says which alarms are asked for. What is zero asks for all.
type AlarmQuery struct {
	Kind     string
	Within   time.Duration // raised last within this time
	Resolved bool          // those that are resolved too
	Limit    int
}

// AlarmStore keeps alarms.
type AlarmStore interface {
	// Alarms lists alarms, latest first.
	Alarms(ctx context.Context, q AlarmQuery) ([]RaisedAlarm, error)
	// ResolveAlarms returns the ids of those that were open.
	ResolveAlarms(ctx context.Context, by Actor, ids []int64) ([]int64, error)
	// ResolveAlarmsOf resolves all open alarms of a kind, and returns how many.
	ResolveAlarmsOf(ctx context.Context, by Actor, kind string) (int, error)
}

// Alarms are what people do about alarms.
type Alarms struct{ Store AlarmStore }

// List lists alarms, latest first.
func (a Alarms) List(ctx context.Context, q AlarmQuery) ([]RaisedAlarm, error) {
	return a.Store.Alarms(ctx, q)
}

// Resolve marks alarms as dealt with, and returns the ids of those that were
// open. One that is raised again is open again.
func (a Alarms) Resolve(ctx context.Context, by Actor, ids []int64) ([]int64, error) {
	if err := by.may(Admin); err != nil {
		return nil, err
	}
	return a.Store.ResolveAlarms(ctx, by, ids)
}

// ResolveKind marks all open alarms of a kind as dealt with, and returns how many.
func (a Alarms) ResolveKind(ctx context.Context, by Actor, kind string) (int, error) {
	if err := by.may(Admin); err != nil {
		return 0, err
	}
	return a.Store.ResolveAlarmsOf(ctx, by, kind)
}
