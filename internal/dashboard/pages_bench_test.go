package dashboard

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/require"
)

// How long each page takes at a million people and three million attempts:
// go test ./internal/dashboard -run TestPagesAreQuick -v -people 1000000
var people = flag.Int("people", 300, "how many people the campaign of TestPagesAreQuick has; each was called three times")

// TestPagesAreQuick opens every page several times, and tells the middle of the times.
// They are judged at a size at which a page that reads everything takes much longer.
func TestPagesAreQuick(t *testing.T) {
	w := newWorld(t)
	c := w.db.StartCampaign(t, "many", 1)
	w.db.Exec(t, fmt.Sprintf(`
		SET session_replication_role = replica;
		INSERT INTO contacts (campaign_id, zone_group_id, source, line_no, key, to_number, country, vars, due_at, state, reason, attempts, next_attempt_no, answered, heard_at, result)
		SELECT %[1]d, (SELECT id FROM zone_groups WHERE campaign_id = %[1]d), 'bench', i, 'k' || i, (447100000000 + i)::text, 'GB',
		       jsonb_build_object('to', '+' || (447100000000 + i), 'name', 'Person ' || i, 'town', 'Town ' || i %% 997), now() + i %% 1000 * interval '1 minute',
		       CASE WHEN i %% 5 < 3 THEN 'done' WHEN i %% 5 = 3 THEN 'waiting' ELSE 'pending' END,
		       CASE WHEN i %% 5 < 3 THEN (ARRAY['human', 'busy', 'machine', 'unanswered'])[1 + i %% 4] END, 3, 4, i %% 5 < 3, CASE WHEN i %% 20 = 0 THEN now() END, CASE WHEN i %% 40 = 0 THEN 'confirmed' END
		FROM generate_series(1, %[2]d) AS i;
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, country, from_number, state, changed_by, posts,
			token_id, dialed_at, token_expires_at, call_uuid, statuses, answered_at, ended_at, disposition, price, rate, duration_s)
		SELECT lpad(to_hex(k.id * 4 + n), 32, '0')::uuid, k.id, %[1]d, n, to_number, 'GB', '447700900000', 'ended', 'provider', 1,
		       gen_random_uuid(), at, at, 'U' || k.id * 4 + n, '{completed}', at, at, (ARRAY['busy', 'human', 'unanswered'])[n], 0.01, 0.02, 30
		FROM (SELECT *, now() - (id %% 720) * interval '1 hour' AS at FROM contacts WHERE source = 'bench') AS k, generate_series(1, 3) AS n;
		SET session_replication_role = DEFAULT`, c.ID, *people))
	w.db.Exec(t, `SELECT recount()`)
	w.db.Exec(t, `VACUUM ANALYZE contacts; `)
	w.db.Exec(t, `VACUUM ANALYZE attempts`)
	at := func(n int) string { return url.QueryEscape(fmt.Sprint("k", 1+(n*7919)%*people)) }
	for _, page := range []struct {
		name string
		do   func(n int) *http.Request
	}{
		{"campaigns", w.getting("/")}, {"campaign", w.getting("/campaigns/1")},
		{"campaign, a later page", w.getting("/campaigns/1?after=" + fmt.Sprint(1+*people/2))},
		{"campaign, by state", w.getting("/campaigns/1?sort=state")}, {"campaign, by state from the end", w.getting("/campaigns/1?sort=state&down=1")},
		{"campaign, by next call", w.getting("/campaigns/1?sort=next")}, {"campaign, by result", w.getting("/campaigns/1?sort=result")},
		{"campaign, waiting", w.getting("/campaigns/1?state=waiting")}, {"campaign, busy", w.getting("/campaigns/1?reason=busy")}, {"campaign, confirmed", w.getting("/campaigns/1?result=confirmed")},
		{"search: a key", func(n int) *http.Request { return w.getting("/campaigns/1?q=" + at(n))(n) }},
		{"search: the beginning of a key", w.getting("/campaigns/1?q=k12")},
		{"search: a name", w.getting("/campaigns/1?q=Person+77")}, {"search: a text that nobody has", w.getting("/campaigns/1?q=nobody")},
		{"search: a number", func(n int) *http.Request {
			return w.posting("/campaigns/1/search", url.Values{"q": {fmt.Sprint("+", 447100000000+1+(n*7919)%*people)}})
		}},
		{"chart", w.getting("/campaigns/1/outcomes")}, {"to reach by hand", w.getting("/campaigns/1/by-hand")},
		{"person", func(n int) *http.Request {
			return w.getting(fmt.Sprint("/campaigns/1/contacts/", 2+(n*7919)%*people))(n)
		}},
		{"calls", w.getting("/calls")}, {"all calls", w.getting("/calls?all=1")}, {"alarms", w.getting("/alarms")}, {"suppressions", w.getting("/suppressions")},
		{"audit", w.getting("/audit")}, {"health", w.getting("/health")}, {"why", func(n int) *http.Request {
			return w.posting("/find", url.Values{"number": {fmt.Sprint("+", 447100000000+1+(n*7919)%*people)}})
		}},
	} {
		var took []time.Duration
		for n := range 9 {
			request := page.do(n)
			begun := time.Now()
			if status, text := w.do(request); status != http.StatusOK {
				t.Fatalf("%s: %d %s", page.name, status, text)
			}
			took = append(took, time.Since(begun))
			if *people < 10_000 && n > 0 {
				break
			}
		}
		slices.Sort(took)
		middle := took[len(took)/2]
		t.Logf("%-36s %6.1f ms", page.name, float64(middle)/1e6)
		if *people >= 100_000 && middle > 100*time.Millisecond {
			t.Errorf("%s takes %v at the median", page.name, middle)
		}
	}
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
