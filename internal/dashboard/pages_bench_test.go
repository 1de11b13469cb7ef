package dashboard

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/storage"
)

// How long each page takes at a million people and three million attempts:
// go test ./internal/dashboard -run TestPagesAreQuick -v -people 1000000 -timeout 1h
var people = flag.Int("people", 5_000, "how many people the campaign of TestPagesAreQuick has; each was called three times")

const (
	// fewRows is how many rows of growing tables a page may read. A page reads a hundred
	// or two; the smallest of these tables has one row per person.
	fewRows = 3_000
	// windowRows is the same for a text search, which reads 5,000 rows and counts them.
	windowRows = 2*5_000 + fewRows
)

// TestPagesAreQuick opens every page and every list of the API. Each reads few rows,
// however large the tables are. With many people it also reports the median of nine
// times, and judges it at a size at which a page that reads everything takes much longer.
func TestPagesAreQuick(t *testing.T) {
	var store changingStore
	w := newWorldWith(t, func(c *Config, _ string) {
		store.Store = c.Store
		c.Store = &store
	})
	main := fillPages(t, w.db, *people)
	warm, first := store.Store, testkit.Value[int64](t, w.db, `SELECT id FROM contacts WHERE campaign_id = $1 AND key = 'k1'`, main)
	page := func(path string) func(int) *http.Request {
		return w.getting(strings.ReplaceAll(path, "{main}", fmt.Sprint(main)))
	}
	cursor := func(where, at string) string {
		return testkit.Value[string](t, w.db, `SELECT id || '~' || `+at+` FROM contacts WHERE campaign_id = $1 AND `+where+` AND line_no > $2 ORDER BY line_no LIMIT 1`, main, *people/2)
	}
	some := func(n int) int { return 1 + (n*7919)%*people }
	number := func(n int) string { return fmt.Sprint("+", firstNumber+n) }
	address := fmt.Sprintf("/campaigns/%d", main)
	pages := []struct {
		name string
		rows int // at most; 0: fewRows
		do   func(n int) *http.Request
		list func(ctx context.Context, store Store, n int) error
	}{
		{name: "campaigns", do: page("/")},
		{name: "all campaigns", do: page("/campaigns")},
		{name: "campaign", do: page("/campaigns/{main}")},
		{name: "campaign, a later page", do: page("/campaigns/{main}?after=" + fmt.Sprint(first+int64(*people)/2))},
		{name: "campaign, by state", do: page("/campaigns/{main}?sort=state")},
		{name: "campaign, by state from the end", do: page("/campaigns/{main}?sort=state&down=1")},
		{name: "campaign, by next call", do: page("/campaigns/{main}?sort=next")},
		{name: "campaign, by next call, a later page", do: page("/campaigns/{main}?sort=next&after=" + cursor("state = 'pending'", "(extract(epoch FROM due_at) * 1000000)::bigint"))},
		{name: "campaign, waiting, by next call", do: page("/campaigns/{main}?sort=next&state=waiting")},
		{name: "campaign, by state, a later page", do: page("/campaigns/{main}?sort=state&after=" + cursor("state = 'waiting'", "7"))},
		{name: "campaign, by result, a later page", do: page("/campaigns/{main}?sort=result&after=" + cursor("result = 'confirmed'", "result"))},
		{name: "campaign, by result", do: page("/campaigns/{main}?sort=result")},
		{name: "campaign, waiting", do: page("/campaigns/{main}?state=waiting")},
		{name: "campaign, busy", do: page("/campaigns/{main}?reason=busy")},
		{name: "campaign, confirmed", do: page("/campaigns/{main}?result=confirmed")},
		{name: "campaign that ended long ago", do: page("/campaigns/2")},
		{name: "search: a key", do: func(n int) *http.Request { return page(fmt.Sprintf("/campaigns/{main}?q=k%d", some(n)))(n) }},
		{name: "search: the beginning of a key", do: page("/campaigns/{main}?q=k12")},
		{name: "search: the beginning of a number", do: func(int) *http.Request { return w.posting(address+"/search", url.Values{"q": {"+4471000"}}) }},
		{name: "search: the beginning of a number, a later page", do: page("/campaigns/{main}?q=4471&after=" + cursor("state = 'pending'", "'n'"))},
		{name: "search: a text, a later page", rows: windowRows, do: page("/campaigns/{main}?q=nobody&after=" + cursor("state = 'pending'", "'r'"))},
		{name: "search: a name", rows: windowRows, do: page("/campaigns/{main}?q=Person+77")},
		{name: "search: a text that nobody has", rows: windowRows, do: page("/campaigns/{main}?q=nobody")},
		{name: "search: a date", rows: windowRows, do: func(int) *http.Request { return w.posting(address+"/search", url.Values{"q": {"2036-12-03"}}) }},
		{name: "search: a number", do: func(n int) *http.Request { return w.posting(address+"/search", url.Values{"q": {number(some(n))}}) }},
		{name: "chart", do: page("/campaigns/{main}/outcomes")},
		{name: "to reach by hand", do: page("/campaigns/{main}/by-hand")},
		{name: "person", do: func(n int) *http.Request {
			return page(fmt.Sprint("/campaigns/{main}/contacts/", first+int64(some(n))-1))(n)
		}},
		{name: "calls", do: page("/calls")},
		{name: "all calls", do: page("/calls?all=1")},
		{name: "alarms", do: page("/alarms")},
		{name: "all alarms", do: page("/alarms?all=1")},
		{name: "suppressions", do: page("/suppressions")},
		{name: "audit", do: page("/audit")},
		{name: "audit of a campaign", do: page("/audit?object=campaign+7")},
		{name: "audit of an actor", do: page("/audit?actor=rare")},
		{name: "health", do: page("/health")},
		{name: "why", do: func(n int) *http.Request { return w.posting("/find", url.Values{"number": {number(some(n + 3))}}) }},
		{name: "why, of a number in all campaigns", do: func(int) *http.Request { return w.posting("/find", url.Values{"number": {number(1)}}) }},

		{name: "API: campaigns", list: func(ctx context.Context, s Store, _ int) error {
			_, err := s.ListCampaigns(ctx, app.ListQuery{Limit: 50})
			return err
		}},
		{name: "API: contacts", list: contactsBy(main, app.ContactQuery{})},
		{name: "API: contacts by number", list: contactsBy(main, app.ContactQuery{Number: number(some(3))[1:]})},
		{name: "API: contacts by state", list: contactsBy(main, app.ContactQuery{State: "waiting"})},
		{name: "API: contacts by a state that nobody has", list: contactsBy(main, app.ContactQuery{State: "active"})},
		{name: "API: contacts by reason", list: contactsBy(main, app.ContactQuery{Reason: "unresolved"})},
		{name: "API: contacts by result", list: contactsBy(main, app.ContactQuery{Result: "moved"})},
		{name: "API: suppressions of a number", list: func(ctx context.Context, s Store, _ int) error {
			_, err := s.ListSuppressions(ctx, app.SuppressionQuery{ListQuery: app.ListQuery{Limit: 50}, Number: "447200000003", Ended: true})
			return err
		}},
		{name: "API: calls", list: callsBy(app.CallQuery{})},
		{name: "API: calls of a campaign", list: callsBy(app.CallQuery{CampaignID: 2})},
		{name: "API: open calls", list: callsBy(app.CallQuery{State: "open"})},
		{name: "API: refused calls", list: callsBy(app.CallQuery{State: "refused"})},
		{name: "API: lost calls of a campaign", list: callsBy(app.CallQuery{State: "lost", CampaignID: main})},
	}
	open := func(i, n int) {
		if list := pages[i].list; list != nil {
			require.NoError(t, list(t.Context(), store.Store, n))
		} else if status, text := w.do(pages[i].do(n)); status != http.StatusOK {
			t.Fatalf("%s: %d %s", pages[i].name, status, text)
		}
	}
	w.db.Exec(t, `SELECT pg_stat_force_next_flush()`) // what the test itself read
	// reads is what one page reads, by table.
	reads := func(i int) (n int, which []string) {
		before := rowsRead(t, w.db)
		store.Store = openPages(t, w.db)
		open(i, 0)
		closePages(t, w.db, store.Store)
		for table, rows := range rowsRead(t, w.db) {
			if rows -= before[table]; rows > 0 {
				n += rows
				which = append(which, fmt.Sprint(rows, " of ", table))
			}
		}
		return n, which
	}
	w.db.Exec(t, `SELECT pg_stat_force_next_flush()`) // what the test itself read
	read := make([]int, len(pages))
	for i, of := range pages {
		n, which := reads(i)
		// A page also reads the snapshot if that is older than a second, so the snapshot
		// is read first.
		for tries := 0; n > max(of.rows, fewRows) && tries < 5; tries++ {
			n, which = reads(i)
		}
		if read[i] = n; n > max(of.rows, fewRows) {
			t.Errorf("%s reads %d rows: %s", of.name, n, strings.Join(which, ", "))
		}
	}
	store.Store = warm
	for i, of := range pages {
		if *people < 10_000 {
			break
		}
		var took []time.Duration
		for n := range 9 {
			begun := time.Now()
			open(i, n)
			took = append(took, time.Since(begun))
		}
		slices.Sort(took)
		middle := took[len(took)/2]
		t.Logf("| %s | %d | %.1f |", of.name, read[i], float64(middle)/1e6)
		if *people >= 100_000 && middle > 100*time.Millisecond {
			t.Errorf("%s takes %v at the median", of.name, middle)
		}
	}
}

// changingStore is the pages' store, which can change its pool of connections.
type changingStore struct{ Store }

// openPages opens a separate pool for one page, so that its reads are known when it is
// closed.
func openPages(t *testing.T, db *testkit.DB) *storage.DB {
	t.Helper()
	address, err := url.Parse(db.URL)
	require.NoError(t, err)
	query := address.Query()
	query.Set("application_name", "one page")
	address.RawQuery = query.Encode()
	own, err := storage.OpenPool(t.Context(), address.String(), 4)
	require.NoError(t, err)
	return own
}

func closePages(t *testing.T, db *testkit.DB, own Store) {
	t.Helper()
	own.(*storage.DB).Close()
	require.Eventually(t, "the connections of a page end", func() bool {
		return testkit.Value[int](t, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'one page'`) == 0
	})
}

// rowsRead is how many rows or index entries were read so far, for each growing table.
func rowsRead(t *testing.T, db *testkit.DB) map[string]int {
	t.Helper()
	type table struct {
		Name string
		N    int
	}
	rows := map[string]int{}
	for _, of := range testkit.Rows[table](t, db, `
		SELECT relname::text, (seq_tup_read + coalesce((SELECT sum(idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid), 0))::bigint
		FROM pg_stat_user_tables t
		WHERE relname ~ '^(contacts|attempts|events|recordings|rejected_rows|audit|alarms|provider_calls|suppressions|inbound_calls)' `) {
		rows[of.Name] = of.N
	}
	return rows
}

func contactsBy(campaignID int64, q app.ContactQuery) func(context.Context, Store, int) error {
	q.Limit = 50
	return func(ctx context.Context, s Store, _ int) error {
		_, err := s.ListContacts(ctx, campaignID, q)
		return err
	}
}

func callsBy(q app.CallQuery) func(context.Context, Store, int) error {
	q.Limit = 50
	return func(ctx context.Context, s Store, _ int) error {
		_, err := s.ListCalls(ctx, q)
		return err
	}
}

// firstNumber is the number of the person k0, who does not exist.
const firstNumber = 447100000000

// fillPages makes fifty campaigns, one of many people, and fills each table that grows.
func fillPages(t *testing.T, db *testkit.DB, people int) (main int64) {
	t.Helper()
	main = db.StartCampaign(t, "many", 1).ID
	for _, sql := range []string{`
		INSERT INTO campaigns (name, status, settings, from_numbers, open_minutes, import_finished_at, created_at)
		SELECT 'campaign ' || i, CASE WHEN i < 40 THEN 'finished' ELSE 'running' END, settings, from_numbers, open_minutes, import_finished_at, now() - (50 - i) * interval '1 day'
		FROM campaigns, generate_series(1, 49) AS i WHERE id = {main};
		INSERT INTO zone_groups (campaign_id, zones)
		SELECT id, '{Etc/UTC}' FROM campaigns WHERE id <> {main};
		INSERT INTO campaign_versions (campaign_id, version, settings, made_by)
		SELECT id, v, settings, 'bench' FROM campaigns, generate_series(1, 1000) AS v WHERE v = 1 AND id <> {main} OR v > 1 AND id = {main};`, `
		INSERT INTO contacts (campaign_id, zone_group_id, source, line_no, key, to_number, country, vars, due_at, state, reason, attempts, next_attempt_no, answered, heard_at, result)
		SELECT c.id, g.id, 'bench', i, 'k' || i, (447100000000 + i)::text, 'GB',
		       jsonb_build_object('to', '+' || (447100000000 + i), 'name', 'Person ' || i, 'town', 'Town ' || i % 997), now() + i % 1000 * interval '1 minute',
		       CASE WHEN i % 5 < 3 THEN 'done' WHEN i % 5 = 3 THEN 'waiting' ELSE 'pending' END,
		       CASE WHEN i % 5 < 3 THEN (ARRAY['human', 'busy', 'machine', 'unanswered'])[1 + i % 4] END, 3, 6, i % 5 < 3, CASE WHEN i % 20 = 0 THEN now() END, CASE WHEN i % 40 = 0 THEN 'confirmed' END
		FROM campaigns c JOIN zone_groups g ON g.campaign_id = c.id, generate_series(1, {people}) AS i
		WHERE c.id = {main} OR i <= 200
		ORDER BY c.id = {main}, c.id, i;`, `
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, country, from_number, state, changed_by, posts, created_at,
			token_id, dialed_at, token_expires_at, call_uuid, statuses, answered_at, ended_at, disposition, price, rate, duration_s)
		SELECT lpad(to_hex(k.id * 8 + n), 32, '0')::uuid, k.id, campaign_id, n, to_number, 'GB', '447700900000', 'ended', 'provider', 1, at,
		       gen_random_uuid(), at, at, 'U' || k.id * 8 + n, '{completed}', at, at, (ARRAY['busy', 'human', 'unanswered'])[n], 0.01, 0.02, 30
		FROM (SELECT *, now() - (id % 720) * interval '1 hour' AS at FROM contacts WHERE source = 'bench') AS k, generate_series(1, 3) AS n;
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, from_number, state, changed_by, posts, token_id, dialed_at, token_expires_at, call_uuid)
		SELECT lpad(to_hex(id * 8 + 4), 32, '0')::uuid, id, campaign_id, 4, to_number, '447700900000',
		       (ARRAY['accepted', 'lost', 'refused', 'unknown', 'accepted'])[1 + line_no % 5], 'provider', 1, gen_random_uuid(), now(), now(),
		       CASE WHEN line_no % 5 IN (0, 4) THEN 'U' || id * 8 + 4 END
		FROM contacts WHERE campaign_id = 3 AND source = 'bench';`, `
		DO $$
		DECLARE
			day date;
		BEGIN
			FOR day IN SELECT current_date + n FROM generate_series(-90, 7) AS n LOOP
				IF to_regclass('events_' || to_char(day, 'YYYYMMDD')) IS NULL THEN
					EXECUTE format('CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)', 'events_' || to_char(day, 'YYYYMMDD'), day, day + 1);
				END IF;
			END LOOP;
		END $$;
		INSERT INTO events (received_at, attempt_id, call_uuid, kind, status, body)
		SELECT created_at + interval '1 second', id, call_uuid, 'completed', 'completed', '{"status":"completed"}' FROM attempts WHERE state = 'ended';`, `
		INSERT INTO recordings (url, attempt_id, duration_s) SELECT 'https://example.com/' || call_uuid, id, 3 FROM attempts WHERE attempt_no = 2;
		INSERT INTO inbound_calls (id, call_uuid, from_number, contact_id, attempt_id)
		SELECT gen_random_uuid(), 'I' || id, to_number, contact_id, id FROM attempts WHERE attempt_no = 1;
		INSERT INTO recordings (url, inbound_id, duration_s) SELECT 'https://example.com/' || call_uuid, id, 3 FROM inbound_calls WHERE contact_id % 10 = 0;
		INSERT INTO rejected_rows (campaign_id, source, line_no, column_name, reason, record)
		SELECT {main}, 'refused', i, 'to', 'not a number', 'Person ' || i || ',0' || 7100000000 + i || 'x' FROM generate_series(1, {people}) AS i;
		INSERT INTO suppressions (number, source, note) SELECT (447200000000 + i)::text, 'bench', '' FROM generate_series(1, {people}) AS i;
		INSERT INTO alarms (kind, detail, at, last_at, resolved_at, resolved_by)
		SELECT 'bench', 'd' || i, now(), now(), CASE WHEN i > 200 THEN now() END, CASE WHEN i > 200 THEN 'bench' END FROM generate_series(1, {people}) AS i;
		INSERT INTO audit (actor, through, action, object)
		SELECT CASE WHEN i = 7 THEN 'rare' ELSE 'actor ' || i % 20 END, 'page', 'campaign.pause', 'campaign ' || i % 50 FROM generate_series(1, {people}) AS i;
		INSERT INTO provider_calls (call_uuid, to_kind, to_number, from_kind, from_number, status, start_time, price, observed_at, attempt_id, matched_by, matched_at, folded)
		SELECT call_uuid, 'phone', to_number, 'phone', from_number, 'completed', dialed_at, price, now(), id, 'uuid', now(), true FROM attempts WHERE attempt_no = 1
		UNION ALL
		SELECT 'V' || i, 'phone', (447300000000 + i)::text, 'phone', '447700900000', 'completed', now(), 0.01, now(), NULL, NULL, NULL, false FROM generate_series(1, {people}) AS i;`,
	} {
		db.Exec(t, `SET LOCAL session_replication_role = replica;`+strings.NewReplacer("{main}", fmt.Sprint(main), "{people}", fmt.Sprint(people)).Replace(sql))
	}
	for _, sql := range []string{`SELECT recount()`, `VACUUM ANALYZE`, `SELECT pg_stat_force_next_flush()`} {
		db.Exec(t, sql)
	}
	return main
}

func (w *world) getting(path string) func(int) *http.Request {
	return func(int) *http.Request {
		request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL+path, nil)
		require.NoError(w.t, err)
		return request
	}
}

func (w *world) posting(path string, form url.Values) *http.Request {
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}
