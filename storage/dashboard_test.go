package storage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// The bar, the tiles, the counts, the lists and the exports agree about which people
// were reached, for each until of the campaign, also while people still wait.
func TestWhoIsToBeReachedByHand(t *testing.T) {
	t.Parallel()
	for _, until := range []campaign.Until{campaign.UntilAnswered, campaign.UntilHeard, campaign.UntilResult} {
		db := testkit.New(t)
		s := settings()
		s.Retry.Until, s.Retry.Attempts = until, 1
		s.Message.Keys = map[string]campaign.Key{"1": {Result: "confirmed"}, "9": {OptOut: true}}
		list := rows(0, 8)
		list[7].Key, list[7].To = "shares", list[6].To // they share a telephone
		list[6].Key = "opts-out"
		c := running(t, db, "clinic", s, list)
		_, err := db.Suppress(t.Context(), []app.Suppression{{Number: number(5), Source: "a list"}})
		require.NoError(t, err)
		says := []campaign.Said{{}, {}, {Heard: true}, {Turn: 1, Pressed: "1"}}
		for _, id := range claim(t, db, 10) {
			a := pass(t, db, id)
			i := slices.IndexFunc(list, func(r campaign.Row) bool { return r.To == a.To })
			callUUID := fmt.Sprint("U", i)
			if i == 0 {
				receive(t, db, event(a, callUUID, "busy"))
				receive(t, db, event(a, callUUID, "completed"))
				continue
			}
			receive(t, db, event(a, callUUID, "human"))
			said := event(a, callUUID, "")
			switch {
			case i == 6:
				said.Kind, said.Said = "input", campaign.Said{Turn: 1, Pressed: "9", OptOut: campaign.OptOutAll}
			case i < len(says):
				said.Said = says[i]
			}
			receive(t, db, said)
			receive(t, db, event(a, callUUID, "completed"))
		}
		sound(t, db)
		// A person who has heard the message and waits for another call has not ended.
		db.Exec(t, `UPDATE contacts SET state = 'waiting', reason = NULL, heard_at = now() WHERE to_number = $1`, number(4))
		want := map[campaign.Until][3]int{ // reached, not reached, by hand
			campaign.UntilAnswered: {4, 1, 2}, campaign.UntilHeard: {3, 2, 3}, campaign.UntilResult: {2, 3, 4},
		}[until]
		for range 2 { // from the deltas, and from the counters
			reports, err := db.Report(t.Context(), c.ID)
			require.NoError(t, err)
			got := [3]int{reports[0].Reached, reports[0].NotReached, reports[0].ByHand}
			if got != want {
				t.Errorf("until %q: reached, not reached, by hand are %v, want %v", until, got, want)
			}
			listed := [2]int{len(pages(t, db, c, app.PeopleQuery{Limit: 2, NotReached: true})), len(pages(t, db, c, app.PeopleQuery{Limit: 2, ByHand: true}))}
			if listed != [2]int{want[1], want[2]} {
				t.Errorf("until %q: %v are listed, want %v", until, listed, want[1:])
			}
			exported := [2]int{}
			for i, q := range []app.ExportQuery{{Reached: true}, {NotReached: true}} {
				check(t, db.ExportContacts(t.Context(), c.ID, q, func([]string) error { return nil }, func(app.ExportedContact) error { exported[i]++; return nil }))
			}
			if exported != [2]int{want[0], want[1]} {
				t.Errorf("until %q: %v are exported, want %v", until, exported, want[:2])
			}
			fold(t, db)
		}
		if keys := testkit.Rows[string](t, db, `SELECT key FROM contacts WHERE phone_opted_out`); !slices.Equal(keys, []string{"shares"}) {
			t.Errorf("whose telephone somebody else opted out: %q", keys)
		}
	}
}

// A campaign's pace is the rate of its own calls. People who are due later are not
// counted as left to call now.
func TestCourses(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	busy, quiet := running(t, db, "busy", settings(), rows(0, 5)), running(t, db, "quiet", settings(), rows(100, 3))
	db.Exec(t, `UPDATE contacts SET due_at = now() + id % 3 * interval '60 days' + interval '1 hour' WHERE campaign_id = $1`, quiet.ID)
	for _, id := range claim(t, db, 2) {
		pass(t, db, id)
	}
	db.Exec(t, `UPDATE contacts SET due_at = now() + interval '2 hours' WHERE id = (SELECT min(id) FROM contacts WHERE campaign_id = $1 AND state = 'pending')`, busy.ID)
	s, err := db.Snapshot(t.Context())
	require.NoError(t, err)
	b, q := s.Courses[busy.ID], s.Courses[quiet.ID]
	if b.Dialed != 2 || b.Due != 2 || b.Later != 1 {
		t.Errorf("the busy one: %+v", b)
	}
	if q.Dialed != 0 || q.Due != 0 || q.Later != 3 || q.Next.Sub(s.At).Round(time.Minute) != time.Hour {
		t.Errorf("the quiet one, at %v: %+v", s.At, q)
	}
	// Outside the hours nobody is due.
	at := testkit.Value[time.Time](t, db, `SELECT now()`).UTC()
	db.Exec(t, `UPDATE campaigns SET open_minutes = int4multirange(int4range(($2::int + 120) % 10080, ($2::int + 120) % 10080 + 1)) WHERE id = $1`, busy.ID, (int(at.Weekday())+6)%7*1440+at.Hour()*60+at.Minute())
	if s, err = db.Snapshot(t.Context()); err != nil || s.Courses[busy.ID].Due != 0 || s.Courses[busy.ID].Later != 3 {
		t.Errorf("while it is closed: %+v, %v", s.Courses[busy.ID], err)
	}
}

// The calls that are up are counted once and in the same way, and the attempts in the
// queue separately.
func TestCallsNow(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "outage", settings(), rows(0, 3))
	ids := claim(t, db, 3)
	versions := map[string]bool{}
	see := func(open, queued int) {
		t.Helper()
		s, err := db.Snapshot(t.Context())
		require.NoError(t, err)
		up := s.Campaigns[0].Attempts[campaign.Dialing] + s.Campaigns[0].Attempts[campaign.Unknown] + s.Campaigns[0].Attempts[campaign.Accepted]
		if s.Open != open || up != open || s.Queued != queued || versions[s.CallsVersion] {
			t.Errorf("%d calls, %d of the campaign, %d queued, version %s; want %d and %d, and another version", s.Open, up, s.Queued, s.CallsVersion, open, queued)
		}
		versions[s.CallsVersion] = true
		page, err := db.ListCalls(t.Context(), app.CallQuery{ListQuery: app.ListQuery{Limit: 9}, State: app.CallsUp})
		if err != nil || len(page.Items) != open {
			t.Errorf("%d calls are listed (%v), want %d", len(page.Items), err, open)
		}
	}
	see(0, 3)
	a := pass(t, db, ids[0])
	see(1, 2)
	record(t, db, a.ID, created("U0"))
	see(1, 2) // the state changes, but not the number
	receive(t, db, event(a, "U0", "answered"))
	see(1, 2)
	receive(t, db, event(a, "U0", "completed"))
	see(0, 2)
}

// Unexplained calls are listed, a page at a time, and nothing else.
func TestDifferences(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "outage", settings(), rows(0, 1))
	a := dialOne(t, db)
	db.Exec(t, `
		INSERT INTO provider_calls (call_uuid, direction, status, to_kind, to_number, from_kind, from_number, observed_at, first_seen_at)
		SELECT 'stranger-' || n, 'outbound', 'completed', 'phone', '447700900999', 'phone', '442079460000', now(), now() - n / 2 * interval '1 minute' FROM generate_series(0, 4) AS n`)
	db.Exec(t, `
		INSERT INTO provider_calls (call_uuid, direction, status, to_kind, to_number, from_kind, from_number, observed_at)
		VALUES ('63F61863-4A51-4F6B-86E1-46EDEBCF9356', 'inbound', 'completed', 'phone', '442079460000', 'phone', '447700900001', now()),
		       ('rang-2', 'inbound', 'completed', 'phone', '442079460000', 'phone', '447700900002', now())`)
	db.Exec(t, `
		INSERT INTO inbound_calls (id, call_uuid, from_number, contact_id, attempt_id)
		SELECT gen_random_uuid(), '63f61863-4a51-4f6b-86e1-46edebcf9356', '447700900001', contact_id, id FROM attempts WHERE id = $1`, a.ID)
	var calls []string
	for after := ""; ; {
		d, err := db.Differences(t.Context(), 2, after)
		require.NoError(t, err)
		for _, c := range d.Theirs {
			calls = append(calls, c.CallUUID)
		}
		if len(d.Ours) != 1 || d.Ours[0].ID != a.ID {
			t.Errorf("attempts without a call: %+v", d.Ours)
		}
		if after = d.Next; after == "" {
			break
		}
	}
	if want := []string{"rang-2", "stranger-1", "stranger-0", "stranger-3", "stranger-2", "stranger-4"}; !slices.Equal(calls, want) {
		t.Errorf("listed %q, want %q", calls, want)
	}
	if _, err := db.Differences(t.Context(), 2, "x"); err == nil {
		t.Error("a page that is none is shown")
	}
}
