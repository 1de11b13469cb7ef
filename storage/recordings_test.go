package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// A recording in a call is stored with it, once even if Vonage repeats the event, and
// `why` shows it.
func TestRecordings(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := pass(t, db, claim(t, db, 1)[0])
	receive(t, db, event(a, "U", "answered"))
	size := 16000
	began := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	for range 2 {
		r := event(a, "", "")
		r.Kind, r.Recording = "record", &campaign.Recording{URL: "https://api.test/files/1", ID: "R1", StartedAt: began, EndedAt: began.Add(12 * time.Second), Bytes: &size}
		receive(t, db, r)
	}
	type stored struct {
		URL     string
		Seconds int
		Call    string
	}
	got := testkit.Rows[stored](t, db, `SELECT recording_url, duration_s, call_uuid FROM reporting.recordings WHERE campaign = 'c'`)
	if len(got) != 1 || got[0] != (stored{"https://api.test/files/1", 12, "U"}) {
		t.Errorf("%+v", got)
	}
	reports, err := db.Report(t.Context())
	require.NoError(t, err)
	if len(reports) != 1 || reports[0].Recordings != 1 {
		t.Errorf("a report counts otherwise: %+v", reports)
	}
	sound(t, db)
	h, err := db.NumberHistory(t.Context(), a.To)
	require.NoError(t, err)
	if r := h.Contacts[0].Recordings; len(r) != 1 || r[0].URL != "https://api.test/files/1" || r[0].Seconds != 12 || r[0].CallUUID != "U" {
		t.Errorf("%+v", r)
	}
}
