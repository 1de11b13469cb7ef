package storage_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
)

// manualCall is a manual call that ann is about to make.
func manualCall(to string) campaign.Attempt {
	return campaign.Attempt{
		ID: uuid.Must(uuid.NewV7()), Kind: campaign.ManualCall, To: to, From: ours,
		Manual: campaign.Manual{RequestedBy: "ann", ToKind: campaign.KindPhone, Detail: "says Hello"},
	}
}

// dialManual takes a manual call through the gate.
func dialManual(t *testing.T, db *testkit.DB, a campaign.Attempt) campaign.Attempt {
	t.Helper()
	check(t, db.ReserveManual(t.Context(), app.Actor{Name: "ann", Through: app.ThroughCommand}, a))
	return pass(t, db, a.ID)
}

// blockers are the obstacles of a call that may not be made; nil if it may.
func blockers(t *testing.T, err error) []campaign.Withdrawal {
	t.Helper()
	if blocked, ok := errors.AsType[*campaign.BlockedError](err); ok {
		return blocked.Obstacles
	}
	check(t, err)
	return nil
}

func TestManualCallIsAnAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a := dialManual(t, db, manualCall(number(0)))
	if a.State != campaign.Dialing || a.TokenExpiresAt.Sub(a.DialedAt) != tokenLife || a.TokenID == uuid.Nil {
		t.Errorf("past the gate it is %+v", a)
	}
	record(t, db, a.ID, created("U1"))
	receive(t, db, completed(campaign.Attempt{To: a.To, From: a.From}, "U1", "0.01"))
	for _, name := range []string{"U1", a.ID.String()} {
		got, err := db.ManualCall(t.Context(), name)
		check(t, err)
		if got.ID != a.ID || got.State != campaign.Ended || got.Bill.Price.Decimal.String() != "0.01" {
			t.Errorf("%s: %+v", name, got)
		}
		if diff := cmp.Diff(a.Manual, got.Manual); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
	if _, err := db.ManualCall(t.Context(), "U2"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("another call: %v, want not found", err)
	}
	if e := why(t, db, number(0)); len(e.Manual) != 1 || e.Manual[0].ID != a.ID || len(e.Contacts) != 0 {
		t.Errorf("why shows %+v", e)
	}
	if got := alarms(t, db); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
	sound(t, db)
}

func TestReserveManualBlocked(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(1, 1))
	busy, suppressed := []campaign.Withdrawal{campaign.WithdrawnBusy}, []campaign.Withdrawal{campaign.WithdrawnSuppressed}
	suppress := func() {
		_, err := db.Suppress(t.Context(), []app.Suppression{{Number: number(0), Source: "test"}})
		check(t, err)
	}
	sip := manualCall("")
	sip.From, sip.Manual.ToKind, sip.Manual.Address = "", "sip", "sip:desk@sip.test"
	var a campaign.Attempt // the campaign's attempt
	var last campaign.Attempt
	for _, step := range []struct {
		name   string
		before func()
		call   campaign.Attempt
		want   []campaign.Withdrawal // nil: the call may be made
	}{
		{"suppressed", suppress, manualCall(number(0)), suppressed},
		{"suppressed no longer", func() { db.Exec(t, `UPDATE suppressions SET ended_at = now()`) }, manualCall(number(0)), nil},
		{"a campaign's call is queued", func() { a.ID = claimOne(t, db) }, manualCall(number(1)), busy},
		{"it is under way", func() { a = pass(t, db, a.ID) }, manualCall(number(1)), busy},
		{"its outcome is unknown", func() { record(t, db, a.ID, unknown) }, manualCall(number(1)), busy},
		{"it is over", func() { receive(t, db, completed(a, "U1", "0.1")) }, manualCall(number(1)), nil},
		{"a manual one is queued", nil, manualCall(number(1)), busy},
		{"not to a telephone", nil, sip, nil},
		{"likewise, and queued", nil, sip, busy},
		{"its outcome is unknown too", func() { pass(t, db, last.ID); record(t, db, last.ID, unknown) }, sip, busy},
		{"it is over too", func() {
			db.Exec(t, `UPDATE attempts SET state = 'lost', changed_by = 'reconciler' WHERE id = $1`, last.ID)
		}, sip, nil},
		{"the database is locked", func() {
			db.Exec(t, `UPDATE database_identity SET locked_for = 'restored', locked_at = now(), known_until = now()`)
		}, manualCall(number(9)), []campaign.Withdrawal{campaign.WithdrawnLocked}},
	} {
		if step.before != nil {
			step.before()
		}
		step.call.ID = uuid.Must(uuid.NewV7())
		if got := blockers(t, db.ReserveManual(t.Context(), app.Actor{Name: "ann", Through: app.ThroughCommand}, step.call)); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
		if step.want == nil {
			last = step.call
		}
	}
}

// The gate checks the same as the reservation.
func TestGateManualCallSuppressed(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a := manualCall(number(0))
	check(t, db.ReserveManual(t.Context(), app.Actor{Name: "ann", Through: app.ThroughCommand}, a))
	_, err := db.Suppress(t.Context(), []app.Suppression{{Number: number(0), Source: "test"}})
	check(t, err)
	if _, err := db.Gate(t.Context(), a.ID, tokenLife); !errors.Is(err, campaign.ErrWithdrawn) {
		t.Errorf("gate: %v, want %v", err, campaign.ErrWithdrawn)
	}
	if got, err := db.ManualCall(t.Context(), a.ID.String()); err != nil || got.State != campaign.Void || got.Note != string(campaign.WithdrawnSuppressed) {
		t.Errorf("it is %s for %q, %v", got.State, got.Note, err)
	}
}

func TestManualCallAbandoned(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a := manualCall(number(0))
	check(t, db.ReserveManual(t.Context(), app.Actor{Name: "ann", Through: app.ThroughCommand}, a))
	sweep := func(want int) {
		t.Helper()
		n, err := db.VoidAbandoned(t.Context())
		check(t, err)
		if n != want {
			t.Errorf("%d manual calls were voided, want %d", n, want)
		}
	}
	sweep(0)
	db.AgeAttempt(t, a.ID, 3*time.Minute)
	// A dialer that was stopped finds the call in the queue before its first sweep.
	if _, err := db.Gate(t.Context(), a.ID, tokenLife); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("gate before the sweep: %v, want %v", err, campaign.ErrStale)
	}
	sweep(1)
	if _, err := db.Gate(t.Context(), a.ID, tokenLife); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("gate: %v, want %v", err, campaign.ErrStale)
	}
	dialManual(t, db, manualCall(number(0)))
	sweep(0)
}

// If the answer to a manual call's POST was lost, Vonage's list settles the attempt,
// like any other, if it was to a telephone.
func TestManualCallSettled(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		from   string // "": Vonage picks a number
		listed bool
		want   campaign.State
	}{
		{"listed", ours, true, campaign.Ended},
		{"listed, from a number that Vonage picked", "", true, campaign.Ended},
		{"not listed", ours, false, campaign.Absent},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			importing(t, db, "c", settings(), nil) // so that the number is one of ours
			call := manualCall(number(0))
			call.From = test.from
			a := dialManual(t, db, call)
			record(t, db, a.ID, unknown)
			db.AgeAttempt(t, a.ID, time.Hour)
			a.DialedAt, a.TokenExpiresAt = a.DialedAt.Add(-time.Hour), a.TokenExpiresAt.Add(-time.Hour)
			if test.listed {
				a.From = ours
				scanned(t, db, 2*time.Hour, 30*time.Minute, 25*time.Minute)
				if diff := cmp.Diff(campaign.Reconciled{Changed: 1, Matched: 1}, reconcile(t, db, listed(a, "U1", "completed"))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			proveAbsent(t, db)
			if got := state(t, db, a.ID); got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
			if diff := cmp.Diff([]string(nil), alarms(t, db), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
			sound(t, db)
		})
	}
}

// The list does not distinguish other endpoints, so nothing is proved about them.
func TestManualCallToOtherEndpointNotAbsent(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	call := manualCall("")
	call.Manual.ToKind, call.Manual.Address = "websocket", "wss://socket.test/a"
	a := dialManual(t, db, call)
	record(t, db, a.ID, unknown)
	db.AgeAttempt(t, a.ID, time.Hour)
	if list, err := db.DueUnknown(t.Context(), 10, times); err != nil || len(list) != 0 {
		t.Errorf("%d attempts are to be settled, %v; want none", len(list), err)
	}
	proveAbsent(t, db)
	if got := state(t, db, a.ID); got != campaign.Unknown {
		t.Errorf("it is %s, want unknown", got)
	}
}
