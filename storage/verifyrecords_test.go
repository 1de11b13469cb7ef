package storage_test

import (
	"slices"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// Records are all rows, as stored.
func TestRecords(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	receive(t, db, completed(a, "U1", "0.10000000"))
	check(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "why"}))
	got, err := db.Records(t.Context())
	require.NoError(t, err)
	if len(got.Attempts) != 1 || len(got.Contacts) != 1 || got.At.IsZero() {
		t.Fatalf("%+v", got)
	}
	r := got.Attempts[0]
	if r.ID != a.ID || r.Campaign != "c" || r.State != campaign.Ended || r.Disposition == "" || r.CallUUID != "U1" || r.DialedAt.IsZero() ||
		r.Price.Decimal.StringFixed(8) != "0.10000000" || !slices.Equal(r.Events, []string{"completed"}) || r.TokenID == uuid.Nil {
		t.Errorf("%+v", r)
	}
	if want := []app.EventCount{{Attempt: a.ID, Kind: "completed", Rows: 1}}; !slices.Equal(got.Events, want) {
		t.Errorf("events %v, want %v", got.Events, want)
	}
	if k := got.Contacts[0]; k.State != campaign.Done || k.ID != r.ContactID || string(k.Reason) != string(r.Disposition) || k.Calls != 1 {
		t.Errorf("%+v", k)
	}
	if versions := got.Versions["c"]; len(versions) != 1 || versions[0].MadeAt.IsZero() || cmp.Diff(c.Settings, versions[0].Settings) != "" {
		t.Errorf("versions %+v, want one with %+v", versions, c.Settings)
	}
	if len(got.Alarms) != 1 || got.Alarms[0] != (campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "why"}) {
		t.Errorf("alarms %v", got.Alarms)
	}
}
