package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

// holders are the tables with a row that contains the text.
func holders(t *testing.T, db *testkit.DB, text string) (found []string) {
	t.Helper()
	tables := testkit.Rows[string](t, db, `SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'events\_%' ORDER BY 1`)
	for _, table := range tables {
		if testkit.Value[bool](t, db, fmt.Sprintf(`SELECT EXISTS (SELECT FROM %s t WHERE t::text LIKE '%%' || $1 || '%%' OR encode(t::text::bytea, 'escape') LIKE '%%' || $1 || '%%')`, table), text) {
			found = append(found, table)
		}
	}
	return found
}

func bodied(r campaign.Received, a campaign.Attempt) campaign.Received {
	r.Body = fmt.Appendf(nil, `{"status":%q,"uuid":%q,"to":%q,"from":%q,"dtmf":{"digits":"4711004711004711"}}`, r.Evidence.Status, r.Evidence.CallUUID, a.To, a.From)
	return r
}

// Only the list of suppressed numbers still contains the person. Counts, prices and the
// audit stay.
func TestErase(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	require.NoError(t, errors.Join(func() error {
		_, err := db.AddHook(t.Context(), testkit.Actor, app.Hook{URL: "https://crm.example.com"}, "whsec_x")
		return err
	}()))
	ann := campaign.Row{Line: 2, To: number(1), Key: "patient-9471", Zones: []string{"Etc/UTC"}, Vars: map[string]string{"name": "Ann Doe-Unlikely", "to": "07700 900001"}}
	c := running(t, db, "reminders", settings(), []campaign.Row{ann})
	_, err := db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rejected: []campaign.RowError{{Line: 3, Column: "to", Reason: "twice", Record: "Ann Doe-Unlikely;07700900001"}}})
	require.NoError(t, err)
	a := dialOne(t, db)
	record(t, db, a.ID, created("U1"))
	erase := func(n string) (app.Erased, error) { return app.Erase(t.Context(), db.DB, testkit.Actor, n, false) }
	if _, err := erase(number(1)); !errors.Is(err, app.ErrUnderWay) {
		t.Fatalf("a call is up: %v", err)
	}
	receive(t, db, bodied(event(a, "U1", "answered"), a))
	receive(t, db, bodied(completed(a, "U1", "0.00741000"), a))
	reconcile(t, db, listed(a, "U1", "completed"))
	manual := manualCall(number(1))
	manual.Manual.Detail = "says Hello Ann Doe-Unlikely"
	manual = dialManual(t, db, manual)
	record(t, db, manual.ID, created("U2"))
	receive(t, db, bodied(completed(manual, "U2", "0.1"), manual))
	db.Exec(t, `INSERT INTO inbound_calls (id, call_uuid, from_number, contact_id, attempt_id, keys) SELECT gen_random_uuid(), 'IN', to_number, contact_id, id, '{1}' FROM attempts WHERE contact_id IS NOT NULL`)
	db.Exec(t, `INSERT INTO events (attempt_id, call_uuid, kind, body) VALUES (NULL, 'IN', 'answer', json_build_object('from', $1::text, 'to', '442079460000'))`, number(1))
	const figures = `SELECT (to_jsonb(v) - 'document')::text FROM reporting.campaigns v`
	before := testkit.Value[string](t, db, figures)

	tried, err := app.Erase(t.Context(), db.DB, testkit.Actor, number(1), true)
	require.NoError(t, err)
	if found := holders(t, db, "Ann Doe-Unlikely"); len(found) == 0 {
		t.Error("a try has erased")
	}
	e, err := erase(number(1))
	want := app.Erased{Contacts: 1, Attempts: 2, Events: 4, ProviderCalls: 1, InboundCalls: 1, RefusedRows: 1, WebhooksOut: 1, Suppressed: 1}
	if err != nil || e != want || e != tried {
		t.Errorf("erased %+v, tried %+v, %v; want %+v", e, tried, err, want)
	}
	if found := holders(t, db, number(1)); !slices.Equal(found, []string{"suppressions"}) {
		t.Errorf("the number is in %q", found)
	}
	for _, text := range []string{"Doe-Unlikely", "patient-9471", "4711004711004711", "900001;", "07700 900001", "07700900001"} {
		if found := holders(t, db, text); found != nil {
			t.Errorf("%q is in %q", text, found)
		}
	}
	if after := testkit.Value[string](t, db, figures); after != before {
		t.Errorf("the campaign's figures were %s, and are %s", before, after)
	}
	if prices := testkit.Value[string](t, db, `SELECT string_agg(price::text, ' ' ORDER BY price) FROM attempts`); prices != "0.00741000 0.1" {
		t.Errorf("prices %s", prices)
	}
	sound(t, db)
	if _, err := erase(number(1)); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("erased twice: %v", err)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM audit WHERE action = 'person.erase' AND after->>'attempts' = '2'`); n != 1 {
		t.Errorf("%d entries of the audit", n)
	}

	// Vonage sends another event about the call, and its list shows the number again.
	receive(t, db, bodied(event(a, "U1", "human"), a))
	reconcile(t, db, listed(a, "U1", "completed"))
	require.NoError(t, db.EraseLate(t.Context()))
	if found := holders(t, db, number(1)); !slices.Equal(found, []string{"suppressions"}) {
		t.Errorf("later the number is in %q", found)
	}

	// If the file comes again, the person is not called.
	_, err = db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: []campaign.Row{ann}})
	require.NoError(t, err)
	db.MakeDue(t)
	if ids := claim(t, db, 10); len(ids) != 0 {
		t.Errorf("an erased person is called again: %v", ids)
	}
}

// A waiting contact is withdrawn. A person in a call is not erased before the call is
// over.
func TestEraseWaitsForTheCall(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	var up uuid.UUID
	for _, id := range claim(t, db, 1) {
		up = pass(t, db, id).ID
	}
	called := testkit.Value[string](t, db, `SELECT to_number FROM attempts WHERE id = $1`, up)
	waits := strings.ReplaceAll(number(0)+number(1), called, "")
	if _, err := app.Erase(t.Context(), db.DB, testkit.Actor, called, false); !errors.Is(err, app.ErrUnderWay) {
		t.Errorf("a call that may be up: %v", err)
	}
	if len(holders(t, db, called)) == 0 {
		t.Error("it was erased all the same")
	}
	if e, err := app.Erase(t.Context(), db.DB, testkit.Actor, waits, false); err != nil || e.Contacts != 1 {
		t.Errorf("who waits: %+v, %v", e, err)
	}
	if got := testkit.Rows[string](t, db, `SELECT reason FROM contacts WHERE state = 'done'`); !slices.Equal(got, []string{"suppressed"}) {
		t.Errorf("reasons %q", got)
	}
	sound(t, db)
	if _, err := app.Erase(t.Context(), db.DB, app.Actor{Name: "ann", Role: app.Operator, Through: app.ThroughAPI}, waits, false); !errors.Is(err, app.ErrForbidden) {
		t.Errorf("an operator: %v", err)
	}
}
