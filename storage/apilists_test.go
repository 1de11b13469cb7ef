package storage_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// allPages reads a list to its end, and returns one member of each object.
func allPages(t *testing.T, member string, read func(app.ListQuery) (app.Page, error)) (list []string) {
	t.Helper()
	q := app.ListQuery{Limit: 3}
	for range 200 {
		p, err := read(q)
		require.NoError(t, err)
		for _, item := range p.Items {
			var object map[string]any
			require.NoError(t, json.Unmarshal(item, &object))
			list = append(list, fmt.Sprint(object[member]))
		}
		if p.Next == "" {
			return list
		}
		q.After = p.Next
	}
	t.Fatalf("the list does not end: %v", list)
	return nil
}

// Each filter of the API's lists finds all matching rows, once, in the list's order,
// with any index.
func TestListsByFilter(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := rows(0, 40)
	for i := range list {
		list[i].Key = []string{"b", "A", "_"}[i%3] + fmt.Sprint(i)
		if i%10 == 9 {
			list[i].More = []campaign.RowNumber{{To: number(i + 500), Zones: list[i].Zones}}
		}
	}
	c, other := running(t, db, "c", settings(), list), running(t, db, "other", settings(), rows(100, 5))
	for i, id := range claim(t, db, 25) {
		switch a := pass(t, db, id); i % 5 {
		case 0:
			record(t, db, id, refused(campaign.RefusedRate))
		case 1:
			record(t, db, id, unknown)
		default:
			record(t, db, id, created(fmt.Sprint("U", i)))
			if i%5 == 2 {
				receive(t, db, completed(a, fmt.Sprint("U", i), "0.01"))
			}
		}
	}
	db.Exec(t, `UPDATE contacts SET result = 'moved' WHERE reason IS NOT NULL AND id % 2 = 0`)
	for _, of := range []struct {
		name, where string
		q           app.ContactQuery
	}{
		{"all", "true", app.ContactQuery{}},
		{"a state", "state = 'pending'", app.ContactQuery{State: "pending"}},
		{"ended", "state = 'done'", app.ContactQuery{State: "done"}},
		{"a reason", "reason = 'unexplained'", app.ContactQuery{Reason: "unexplained"}},
		{"a result", "result = 'moved'", app.ContactQuery{Result: "moved"}},
		{"a result and a reason", "result = 'moved' AND reason = 'refused'", app.ContactQuery{Result: "moved", Reason: "refused"}},
		{"a number", "to_number = '" + number(9) + "'", app.ContactQuery{Number: number(9)}},
		{"a number of several that was not called", "false", app.ContactQuery{Number: number(509)}},
		{"a number and a state that it is not in", "false", app.ContactQuery{Number: number(39), State: "done"}},
	} {
		want := testkit.Rows[string](t, db, `SELECT key FROM reporting.contacts WHERE campaign_id = $1 AND (`+of.where+`) ORDER BY key COLLATE "C"`, c.ID)
		got := allPages(t, "key", func(q app.ListQuery) (app.Page, error) {
			of.q.ListQuery = q
			return db.ListContacts(t.Context(), c.ID, of.q)
		})
		if !slices.Equal(got, want) {
			t.Errorf("contacts, %s: %v, want %v", of.name, got, want)
		}
	}
	for _, of := range []struct {
		where string
		q     app.CallQuery
	}{
		{"true", app.CallQuery{}},
		{"campaign = 'c'", app.CallQuery{CampaignID: c.ID}},
		{"campaign = 'other'", app.CallQuery{CampaignID: other.ID}},
		{"state IN ('reserved', 'dialing', 'unknown', 'accepted')", app.CallQuery{State: "open"}},
		{"state = 'accepted'", app.CallQuery{State: "accepted"}},
		{"state = 'refused'", app.CallQuery{State: "refused"}},
		{"state = 'ended'", app.CallQuery{State: "ended"}},
		{"state = 'refused' AND campaign = 'c'", app.CallQuery{State: "refused", CampaignID: c.ID}},
		{"state = 'ended' AND campaign = 'c'", app.CallQuery{State: "ended", CampaignID: c.ID}},
		{"state = 'unknown' AND campaign = 'c'", app.CallQuery{State: "unknown", CampaignID: c.ID}},
		{"false", app.CallQuery{State: "nothing"}},
	} {
		want := testkit.Rows[string](t, db, `SELECT attempt_id::text FROM reporting.attempts WHERE `+of.where+` ORDER BY attempt_id DESC`)
		got := allPages(t, "attempt_id", func(q app.ListQuery) (app.Page, error) {
			of.q.ListQuery = q
			return db.ListCalls(t.Context(), of.q)
		})
		if !slices.Equal(got, want) {
			t.Errorf("calls, %s: %v, want %v", of.where, got, want)
		}
	}
	for _, of := range [][2]string{{"", ""}, {"campaign " + fmt.Sprint(c.ID), ""}, {"", "test"}, {"campaign " + fmt.Sprint(c.ID), "test"}, {"", "nobody"}} {
		want := testkit.Rows[string](t, db, `SELECT action FROM audit WHERE ($1 = '' OR object = $1) AND ($2 = '' OR actor = $2) ORDER BY id DESC`, of[0], of[1])
		got := allPages(t, "action", func(q app.ListQuery) (app.Page, error) { return db.ListAudit(t.Context(), q, of[0], of[1]) })
		if !slices.Equal(got, want) {
			t.Errorf("the audit of %v: %v, want %v", of, got, want)
		}
	}
}
