package storage_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/storage"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestFleetStats(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	ids := claim(t, db, 2)
	a := pass(t, db, ids[0])
	record(t, db, a.ID, created("U1"))
	receive(t, db, event(a, "U2", "ringing"))
	check(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}))
	_, err := db.ResolveAlarmsOf(t.Context(), by("ann"), campaign.AlarmRedis)
	require.NoError(t, err)
	check(t, db.SetWatermark(t.Context(), "first", time.Now().Add(-time.Hour)))
	db.Exec(t, `UPDATE pace SET reduced_to = 0.5, reduced_until = now() + interval '1 minute' WHERE budget = 'calls'`)
	db.Exec(t, `UPDATE pace SET reduced_to = 0.5 WHERE budget = 'requests'`)
	got, err := db.FleetStats(t.Context())
	require.NoError(t, err)
	want := app.FleetStats{
		AlarmsOpen:   map[string]int{campaign.AlarmSecondCall: 1},
		AlarmsRaised: map[string]int{campaign.AlarmSecondCall: 1, campaign.AlarmRedis: 1},
		Attempts:     map[campaign.State]int{campaign.Reserved: 1, campaign.Accepted: 1},
		Contacts:     map[campaign.ContactState]int{campaign.Pending: 1, campaign.Active: 2},
		HangUps:      map[campaign.HangUpState]int{campaign.HangUpPending: 1},
		Behind:       map[string]time.Duration{"first": time.Hour},
		Factor:       map[campaign.Budget]float64{campaign.CallsBudget: 0.5, campaign.RequestsBudget: 1},
	}
	near := cmp.Options{cmpopts.EquateApprox(0, 0.4), cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() < 10*time.Minute })}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f := got.Factor; f[campaign.CallsBudget] != 0.5 || f[campaign.RequestsBudget] != 1 {
		t.Errorf("the parts of the rates in force are %v, want 0.5 and 1", f)
	}
}

func TestCheckSchema(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	check(t, db.CheckSchema(t.Context()))
	db.Exec(t, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`) // a later program's
	check(t, db.CheckSchema(t.Context()))
	db.Exec(t, `DELETE FROM goose_db_version WHERE version_id = 103`)
	if err := db.CheckSchema(t.Context()); !errors.Is(err, storage.ErrSchemaBehind) || !strings.HasPrefix(err.Error(), "1 ") {
		t.Errorf("error = %v, want one that says what is missing", err)
	}
}
