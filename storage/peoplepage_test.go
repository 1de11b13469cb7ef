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

// pages reads a list of people to its end, a few at a time, and returns their ids.
func pages(t *testing.T, db *testkit.DB, c campaign.Campaign, q app.PeopleQuery) (ids []int64) {
	t.Helper()
	for range 200 {
		p, err := db.CampaignPeople(t.Context(), c.ID, q)
		require.NoError(t, err)
		for _, item := range p.Items {
			var row struct {
				ID int64 `json:"contact_id"`
			}
			require.NoError(t, json.Unmarshal(item, &row))
			ids = append(ids, row.ID)
		}
		if p.Next == "" {
			return ids
		}
		q.After = p.Next
	}
	t.Fatalf("%+v does not end", q)
	return nil
}

// A list has every matching person once, in its order, for any page size.
func TestPeopleLists(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Retry.Until = campaign.UntilHeard
	list := rows(0, 60)
	for i := range list {
		list[i].Key = []string{"b", "A", "ä", "_"}[i%4] + fmt.Sprint(i)
		list[i].Vars["note"] = []string{"50% off", `say "hi"`, "Zoë_x", "<b>"}[i%4]
	}
	c, other := running(t, db, "lists", s, list), running(t, db, "other", s, rows(100, 5))
	db.Exec(t, `
		UPDATE contacts SET due_at = now() + (id % 7) * interval '1 hour';
		UPDATE contacts SET state = 'waiting' WHERE id % 5 = 1;
		UPDATE contacts SET state = 'done', reason = CASE id % 4 WHEN 0 THEN 'human' WHEN 1 THEN 'busy' WHEN 2 THEN 'suppressed' ELSE 'machine' END WHERE id % 5 > 2;
		UPDATE contacts SET heard_at = now() WHERE reason = 'human' AND id % 3 = 0;
		UPDATE contacts SET result = CASE id % 2 WHEN 0 THEN 'confirmed' ELSE 'moved' END WHERE reason = 'human' AND id % 3 = 1;
		UPDATE contacts SET result = 'moved' WHERE reason = 'machine' AND id % 3 = 1`)
	const places = `array_position(ARRAY['pending','active','waiting','done'], state), array_position(ARRAY['machine','human','busy','suppressed'], reason)`
	for _, of := range []struct {
		name, where, order string
		q                  app.PeopleQuery
	}{
		{"all", "true", `key COLLATE "C"`, app.PeopleQuery{}},
		{"all, from the end", "true", `key COLLATE "C" DESC`, app.PeopleQuery{Descending: true}},
		{"a state", "state = 'waiting'", `key COLLATE "C"`, app.PeopleQuery{State: "waiting"}},
		{"ended", "state = 'done'", `key COLLATE "C"`, app.PeopleQuery{State: "done"}},
		{"a reason", "reason = 'human'", `key COLLATE "C" DESC`, app.PeopleQuery{Reason: "human", Descending: true}},
		{"a result", "result = 'moved'", `key COLLATE "C"`, app.PeopleQuery{Result: "moved"}},
		{"by result", "result IS NOT NULL", `result COLLATE "C", key COLLATE "C"`, app.PeopleQuery{Order: app.ByResult}},
		{"by result, from the end", "result IS NOT NULL", `result COLLATE "C" DESC, key COLLATE "C" DESC`, app.PeopleQuery{Order: app.ByResult, Descending: true}},
		{"by next call", "state IN ('pending', 'waiting')", "due_at, id", app.PeopleQuery{Order: app.ByNext}},
		{"by next call, from the end", "state IN ('pending', 'waiting')", "due_at DESC, id DESC", app.PeopleQuery{Order: app.ByNext, Descending: true}},
		{"who waits, by next call", "state = 'waiting'", "due_at, id", app.PeopleQuery{Order: app.ByNext, State: "waiting"}},
		{"not reached", "state = 'done' AND reason <> 'suppressed' AND heard_at IS NULL AND result IS NULL", `key COLLATE "C"`, app.PeopleQuery{NotReached: true}},
		{"a text", `vars->>'note' = '50% off'`, "key", app.PeopleQuery{Search: "50%"}},
		{"a text that JSON quotes", `vars->>'note' = 'say "hi"'`, "key", app.PeopleQuery{Search: `SAY "hi`}},
		{"a text with a sign of LIKE", `vars->>'note' = 'Zoë_x'`, "key", app.PeopleQuery{Search: "ë_"}},
		{"a column's name is no text", "false", "key", app.PeopleQuery{Search: "note"}},
		{"the beginning of a key", `starts_with(key, 'A2')`, `key COLLATE "C"`, app.PeopleQuery{Search: "A2"}},
		{"a whole key", `key = 'A17'`, "key", app.PeopleQuery{Search: " A17 "}},
	} {
		want := testkit.Rows[int64](t, db, fmt.Sprintf(`SELECT id FROM contacts WHERE campaign_id = %d AND (%s) ORDER BY %s`, c.ID, of.where, of.order))
		for _, limit := range []int{1, 3, 100} {
			q := of.q
			q.Limit = limit
			if got := pages(t, db, c, q); !slices.Equal(got, want) {
				t.Errorf("%s, %d a page: %v, want %v", of.name, limit, got, want)
			}
		}
	}
	byState := testkit.Rows[int64](t, db, fmt.Sprintf(`SELECT id FROM contacts WHERE campaign_id = %d ORDER BY %s`, c.ID, places))
	for _, down := range []bool{false, true} {
		got := pages(t, db, c, app.PeopleQuery{Order: app.ByState, Descending: down, Limit: 7})
		state := func(id int64) string {
			return testkit.Value[string](t, db, fmt.Sprintf(`SELECT state || coalesce(reason, '') FROM contacts WHERE id = %d`, id))
		}
		if down {
			slices.Reverse(got)
		}
		if len(got) != len(byState) {
			t.Fatalf("%d people by state, want %d", len(got), len(byState))
		}
		seen := map[string]bool{}
		for i := range got {
			now := state(got[i])
			if i > 0 && now != state(got[i-1]) {
				if seen[now] {
					t.Errorf("%s comes twice", now)
				}
			}
			seen[now] = true
		}
		slices.Sort(got)
		if len(slices.Compact(got)) != len(byState) {
			t.Error("somebody comes twice")
		}
	}
	number := testkit.Value[string](t, db, fmt.Sprintf(`SELECT to_number FROM contacts WHERE campaign_id = %d ORDER BY id LIMIT 1 OFFSET 7`, c.ID))
	for _, text := range []string{"+" + number, number} {
		if got := pages(t, db, c, app.PeopleQuery{Search: text, Limit: 5}); len(got) != 1 {
			t.Errorf("a number finds %v", got)
		}
	}
	if got := pages(t, db, other, app.PeopleQuery{Search: "A1", Limit: 5}); len(got) != 0 {
		t.Errorf("another campaign's people are found: %v", got)
	}
	if _, err := db.CampaignPeople(t.Context(), other.ID, app.PeopleQuery{Limit: 5, After: "x"}); err == nil {
		t.Error("a wrong cursor is taken")
	}
}

// A search finds first the people whose key begins with the text, then those whose
// number does, then those whose row contains it, each once. It uses as many pages as it
// needs, however many people of other campaigns have such numbers.
func TestSearchFindsAll(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := rows(0, 180)
	for i := range list {
		switch i % 3 {
		case 0:
			list[i].Key = fmt.Sprint("4477-", i)
		case 1:
			list[i].Key = fmt.Sprint("a", i)
		case 2:
			list[i].Key, list[i].To = fmt.Sprint("b", i), fmt.Sprint("33199000", 100+i)
			list[i].Vars["note"] = "see 4477"
		}
	}
	c, other := running(t, db, "c", settings(), list), running(t, db, "other", settings(), rows(500, 1))
	db.Exec(t, `
		INSERT INTO contacts (campaign_id, zone_group_id, source, line_no, key, to_number, vars, due_at)
		SELECT campaign_id, zone_group_id, 'x', 10 + i, 'o' || i, (447600000000 + i)::text, '{}', due_at
		FROM contacts, generate_series(1, 3000) AS i WHERE campaign_id = $1`, other.ID)
	db.Exec(t, `
		INSERT INTO contacts (campaign_id, zone_group_id, source, line_no, key, to_number, vars, due_at)
		SELECT campaign_id, zone_group_id, 'x', 4000 + i, 'p' || i, (447700000000 + i)::text, '{}', due_at
		FROM contacts, generate_series(1, 3000) AS i WHERE campaign_id = $1 AND line_no = 2`, other.ID)
	want := testkit.Rows[int64](t, db, `SELECT id FROM contacts WHERE campaign_id = $1
		ORDER BY CASE WHEN key LIKE '4477%' THEN 0 WHEN to_number LIKE '4477%' THEN 1 ELSE 2 END, CASE WHEN key LIKE '4477%' THEN key COLLATE "C" WHEN to_number LIKE '4477%' THEN to_number ELSE key END`, c.ID)
	for _, limit := range []int{7, 50, 60, 500} {
		if got := pages(t, db, c, app.PeopleQuery{Search: "4477", Limit: limit}); !slices.Equal(got, want) {
			t.Errorf("%d a page: %d people %v, want %v", limit, len(got), got, want)
		}
	}
	// A number that many share.
	db.Exec(t, `UPDATE contacts SET to_number = '447700900999' WHERE campaign_id = $1 AND key LIKE 'a%'`, c.ID)
	if got := pages(t, db, c, app.PeopleQuery{Search: "+44 7700 900999", Limit: 25}); len(got) != 60 {
		t.Errorf("%d of 60 with one number are found", len(got))
	}
}
