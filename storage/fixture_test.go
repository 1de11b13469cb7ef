package storage_test

import (
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"

	"github.com/google/uuid"
)

const (
	ours      = "447700900000"
	tokenLife = 30 * time.Second
)

// settings are open around the clock, so that no test depends on the hour.
func settings() campaign.Settings {
	return campaign.Settings{
		From:    []string{ours},
		Message: campaign.Message{Say: "Hello {{name}}"},
		Hours:   campaign.Hours{From: 0, To: 1440},
		Zone:    "Etc/UTC",
		Retry: campaign.Policy{Attempts: 3, Again: map[campaign.Disposition]time.Duration{
			campaign.Busy: 10 * time.Minute,
		}},
		RingingTimer: 30, LengthTimer: 60,
	}
}

func number(i int) string { return fmt.Sprintf("4477009%05d", i) }

func rows(from, n int) []campaign.Row {
	list := make([]campaign.Row, n)
	for i := range list {
		list[i] = campaign.Row{
			Line: i + 2, To: number(from + i), Zones: []string{"Etc/UTC"},
			Vars: map[string]string{"name": fmt.Sprint("person ", from+i)},
		}
	}
	return list
}

// importing opens a campaign and adds rows, and leaves it importing.
func importing(t testing.TB, db *testkit.DB, name string, s campaign.Settings, list []campaign.Row) campaign.Campaign {
	t.Helper()
	c, err := db.OpenCampaign(t.Context(), name, s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: list}); err != nil {
		t.Fatal(err)
	}
	return c
}

// running is a campaign whose import is finished.
func running(t testing.TB, db *testkit.DB, name string, s campaign.Settings, list []campaign.Row) campaign.Campaign {
	t.Helper()
	c := importing(t, db, name, s, list)
	if err := db.FinishImport(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	return c
}

func claim(t testing.TB, db *testkit.DB, limit int) []uuid.UUID {
	t.Helper()
	tickets, err := db.Claim(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]uuid.UUID, len(tickets))
	for i, ticket := range tickets {
		ids[i] = ticket.AttemptID
	}
	return ids
}

// claimOne is for tests with one contact that is due.
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
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// dialOne takes the one contact that is due through the gate.
func dialOne(t testing.TB, db *testkit.DB) campaign.Attempt {
	t.Helper()
	return pass(t, db, claimOne(t, db))
}

func record(t testing.TB, db *testkit.DB, id uuid.UUID, o campaign.Outcome) {
	t.Helper()
	if err := db.Record(t.Context(), id, o); err != nil {
		t.Fatal(err)
	}
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
	if err := db.Receive(t.Context(), r); err != nil {
		t.Fatal(err)
	}
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

// contact is the state and reason of the contact of an attempt, as "done busy".
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

// sound fails the test when an invariant of the books is broken.
func sound(t testing.TB, db *testkit.DB) {
	t.Helper()
	broken, err := db.CheckInvariants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range broken {
		t.Errorf("%s: %s: %d, such as %v", v.Invariant, v.What, v.Count, v.Examples)
	}
}

func moment(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
