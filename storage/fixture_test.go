package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

const (
	ours      = testkit.From
	tokenLife = 30 * time.Second
)

// settings, number and rows are short names for the test kit's.
func settings() campaign.Settings { return testkit.Settings() }

func number(i int) string { return testkit.Number(i) }

func rows(from, n int) []campaign.Row { return testkit.ContactRows(from, n) }

// importing opens a campaign, adds rows, and leaves it importing.
func importing(t testing.TB, db *testkit.DB, name string, s campaign.Settings, list []campaign.Row) campaign.Campaign {
	t.Helper()
	c, err := db.OpenCampaign(t.Context(), name, s)
	require.NoError(t, err)
	_, err = db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: list})
	require.NoError(t, err)
	return c
}

// running is a campaign whose import is finished.
func running(t testing.TB, db *testkit.DB, name string, s campaign.Settings, list []campaign.Row) campaign.Campaign {
	t.Helper()
	c := importing(t, db, name, s, list)
	require.NoError(t, db.FinishImport(t.Context(), c.ID))
	return c
}

func claim(t testing.TB, db *testkit.DB, limit int) []uuid.UUID {
	t.Helper()
	queued, err := db.Claim(t.Context(), limit)
	require.NoError(t, err)
	ids := make([]uuid.UUID, len(queued))
	for i, q := range queued {
		ids[i] = q.AttemptID
	}
	return ids
}

// claimOne is for tests with one due contact.
func claimOne(t testing.TB, db *testkit.DB) uuid.UUID {
	t.Helper()
	ids := claim(t, db, 10)
	if len(ids) != 1 {
		t.Fatalf("Claim gave %d attempts, want 1", len(ids))
	}
	return ids[0]
}

func pass(t testing.TB, db *testkit.DB, id uuid.UUID) campaign.Attempt {
	t.Helper()
	a, err := db.Gate(t.Context(), id, tokenLife)
	require.NoError(t, err)
	return a
}

// dialOne takes the only due contact through the gate.
func dialOne(t testing.TB, db *testkit.DB) campaign.Attempt {
	t.Helper()
	return pass(t, db, claimOne(t, db))
}

func record(t testing.TB, db *testkit.DB, id uuid.UUID, o campaign.Outcome) {
	t.Helper()
	require.NoError(t, db.Record(t.Context(), id, o))
}

func created(callUUID string) campaign.Outcome {
	return campaign.Outcome{Kind: campaign.OutcomeCreated, Evidence: campaign.Evidence{
		Source: campaign.FromResponse, CallUUID: callUUID, ConversationUUID: "CON-" + callUUID,
		Status: "started", ObservedAt: time.Now(),
	}}
}

func refused(r campaign.Refusal) campaign.Outcome {
	return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: r}
}

var unknown = campaign.Outcome{Kind: campaign.OutcomeUnknown}

// by is a person at the command line.
func by(name string) app.Actor { return app.Actor{Name: name, Through: app.ThroughCommand} }

// event is a webhook about the attempt's call.
func event(a campaign.Attempt, callUUID, status string) campaign.Received {
	return campaign.Received{
		AttemptID: a.ID, Kind: status,
		Body: []byte(`{"status": "` + status + `",   "uuid":"` + callUUID + `"}`),
		Evidence: campaign.Evidence{
			Source: campaign.FromEvent, CallUUID: callUUID, Status: status, Direction: "outbound",
			To: a.To, From: a.From, At: time.Now(), ObservedAt: time.Now(),
		},
	}
}

func receive(t testing.TB, db *testkit.DB, r campaign.Received) {
	t.Helper()
	require.NoError(t, db.Receive(t.Context(), r))
}

// listed is a record of Vonage's list about a call that an attempt made.
func listed(a campaign.Attempt, callUUID, status string) campaign.Evidence {
	return campaign.Evidence{
		Source: campaign.FromList, CallUUID: callUUID, Status: status, Direction: "outbound",
		To: a.To, From: a.From, At: a.DialedAt.Add(time.Second), ObservedAt: time.Now(),
	}
}

func state(t testing.TB, db *testkit.DB, id uuid.UUID) campaign.State {
	t.Helper()
	return campaign.State(testkit.Value[string](t, db, `SELECT state FROM attempts WHERE id = $1`, id))
}

// contact is the state and reason of an attempt's contact, such as "done busy".
func contact(t testing.TB, db *testkit.DB, id uuid.UUID) string {
	t.Helper()
	return testkit.Value[string](t, db, `
		SELECT trim(k.state || ' ' || coalesce(k.reason, '')) FROM contacts k JOIN attempts a ON a.contact_id = k.id
		WHERE a.id = $1`, id)
}

func alarms(t testing.TB, db *testkit.DB) []string {
	t.Helper()
	return testkit.Rows[string](t, db, `SELECT kind FROM alarms ORDER BY kind`)
}

// sound fails the test when an invariant is broken.
func sound(t testing.TB, db *testkit.DB) {
	t.Helper()
	broken, err := db.CheckInvariants(t.Context())
	require.NoError(t, err)
	for _, v := range broken {
		t.Errorf("%s: %s: %d, such as %v", v.Invariant, v.What, v.Count, v.Examples)
	}
}

func moment(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return at
}
