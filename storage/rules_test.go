package storage_test

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type obstacleCase struct {
	name string
	sql  string
	want []string
}

// obstacleCases are the rule's table: the obstacles, by name.
var obstacleCases = []obstacleCase{
	{"none", `SELECT 1`, nil},
	{"a locked database", `UPDATE database_identity SET locked_for = 'copy', locked_at = now(), known_until = now()`, []string{"dial_lock"}},
	{"a stopped campaign", `UPDATE campaigns SET status = 'stopped'`, []string{"stopped"}},
	{"a paused campaign", `UPDATE campaigns SET status = 'paused', pause_reason = 'x'`, []string{"paused"}},
	{"a finished campaign", `UPDATE campaigns SET status = 'finished'`, []string{"finished"}},
	{"a campaign that is being imported", `UPDATE campaigns SET status = 'importing', import_finished_at = NULL`, []string{"importing"}},
	{"all calls used", `UPDATE campaigns SET max_attempts = 2; UPDATE contacts SET attempts = 2`, []string{"attempts_used"}},
	{"a contact that was cancelled", `UPDATE contacts SET cancelled_at = now()`, []string{"cancelled"}},
	{"a contact whose time has passed", `UPDATE contacts SET not_later_than = now() - interval '2 days'`, []string{"expired"}},
	{"a zone that Postgres does not know", `UPDATE zone_groups SET zone_missing = true`, []string{"unknown_zone", "outside_hours"}},
	{"a draft", `UPDATE campaigns SET status = 'draft', import_finished_at = NULL`, []string{"draft"}},
	{"a campaign that has ended", `UPDATE campaigns SET ends_at = now() - interval '2 days'`, []string{"ended"}},
	{"a campaign that ends later", `UPDATE campaigns SET ends_at = now() + interval '2 days'`, nil},
	{"a campaign that starts later", `UPDATE campaigns SET starts_at = now() + interval '2 days'`, []string{"not_started"}},
	{"a suppressed number", `INSERT INTO suppressions (number, source) SELECT to_number, 'x' FROM contacts`, []string{"suppressed"}},
	{"a suppression for its purpose", `UPDATE campaigns SET document = coalesce(document, '{}') || '{"purpose": "marketing"}'; INSERT INTO suppressions (number, source, purpose) SELECT to_number, 'x', 'marketing' FROM contacts`, []string{"suppressed"}},
	{"a suppression for another purpose", `UPDATE campaigns SET document = coalesce(document, '{}') || '{"purpose": "health"}'; INSERT INTO suppressions (number, source, purpose) SELECT to_number, 'x', 'marketing' FROM contacts`, nil},
	{"a suppression for a purpose where the campaign has none", `INSERT INTO suppressions (number, source, purpose) SELECT to_number, 'x', 'marketing' FROM contacts`, nil},
	{"an invalid number", `INSERT INTO suppressions (number, source, expires_at, invalid) SELECT to_number, 'vonage', now() + interval '2 days', true FROM contacts`, []string{"number_invalid"}},
	{"a number that was invalid", `INSERT INTO suppressions (number, source, expires_at, invalid) SELECT to_number, 'vonage', now() - interval '2 days', true FROM contacts`, nil},
	{"a suppression that ends later", `INSERT INTO suppressions (number, source, expires_at) SELECT to_number, 'x', now() + interval '2 days' FROM contacts`, []string{"suppressed"}},
	{"a suppression that has ended", `INSERT INTO suppressions (number, source, expires_at) SELECT to_number, 'x', now() - interval '3 days' FROM contacts`, nil},
	{"a call under way", `
		INSERT INTO attempts (id, kind, requested_by, attempt_no, to_number, state, changed_by)
		SELECT gen_random_uuid(), 'manual', 'x', 1, to_number, 'reserved', 'operator' FROM contacts;
		UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = now(), token_expires_at = now() WHERE state = 'reserved'`,
		[]string{"number_busy"}},
	{"a number that was called often enough", `UPDATE campaigns SET cap_calls = '{1}', cap_spans = '{3 days}'`, []string{"number_capped"}},
	{"a country that the campaign does not call", `UPDATE campaigns SET countries = '{FR}'; UPDATE contacts SET country = 'GB'`, []string{"country"}},
	{"a country that it does", `UPDATE campaigns SET countries = '{FR,GB}'; UPDATE contacts SET country = 'GB'`, nil},
	{"as many calls up as may be", limited("at_once = 1"), []string{"at_once"}},
	{"as many calls up as can be connected", limited("connected = 1, at_once = 5"), []string{"connected"}},
	{"as many calls in a second as may be", limited("window_calls = 1, window_span = '3 days'"), []string{"per_second"}},
	{"a budget that is held", limited("budget = 0.30"), []string{"budget"}},
	{"a budget with room", limited("budget = 0.50"), nil},
	{"limits with room", limited("at_once = 2, connected = 2, window_calls = 2, window_span = '3 days'"), nil},
	{"a day's budget that is held", limited("at_once = 9") + `; UPDATE account_limits SET daily_budget = 0.30`, []string{"day_budget"}},
	{"closed hours", `UPDATE zone_groups SET zones = '{UTC}'; ` + testkit.HoursSQL(campaign.Daily(0, 1)), []string{"outside_hours"}},
	{"closed in one of two zones", `UPDATE zone_groups SET zones = '{UTC,Asia/Tokyo}'; ` + testkit.HoursSQL(campaign.Daily(700, 740)), []string{"outside_hours"}},
	{"a date that is left out", `UPDATE campaigns SET closed_dates = ARRAY(SELECT (now() AT TIME ZONE 'UTC')::date + n FROM generate_series(-1, 1) AS n)`, []string{"date_left_out"}},
	{"two things at once", `UPDATE campaigns SET status = 'stopped'; INSERT INTO suppressions (number, source) SELECT to_number, 'x' FROM contacts`,
		[]string{"stopped", "suppressed"}},
}

// calledBefore is a call to the contact's number that rang: it counts in a cap.
const calledBefore = `
	INSERT INTO attempts (id, kind, requested_by, attempt_no, to_number, state, changed_by)
	SELECT gen_random_uuid(), 'manual', 'x', 1, to_number, 'reserved', 'operator' FROM contacts;
	UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = now(), token_expires_at = now();
	UPDATE attempts SET state = 'ended', changed_by = 'provider', call_uuid = 'U', ended_at = now(), disposition = 'busy', statuses = '{started,ringing,busy}'`

// limited gives the campaign limits, a rate, and a call to another person that is up
// and may cost 0.25.
func limited(limits string) string {
	return `
		UPDATE contacts SET country = 'GB';
		UPDATE campaigns SET settings = settings || '{"length_timer": 60}';
		INSERT INTO call_rates (country, known) VALUES ('GB', 0.25);
		INSERT INTO campaign_limits (campaign_id) SELECT id FROM campaigns;
		UPDATE campaign_limits SET ` + limits + `;
		INSERT INTO contacts (campaign_id, zone_group_id, source, line_no, key, to_number, vars, due_at, state)
		SELECT campaign_id, zone_group_id, 'other', 99, 'other', '447700900999', '{}', now(), 'active' FROM contacts;
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, from_number, state, changed_by)
		SELECT gen_random_uuid(), id, campaign_id, 1, to_number, '442079460000', 'reserved', 'feeder' FROM contacts WHERE key = 'other';
		UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = now(), token_expires_at = now(), held = 0.25
		WHERE to_number = '447700900999'`
}

// Each line of the rule has a name for people: while the contact waits, and while its
// call is in the queue.
func TestCallObstacles(t *testing.T) {
	t.Parallel()
	for _, test := range obstacleCases {
		t.Run(test.name, func(t *testing.T) { obstaclesAreNamed(t, test, false) })
		if !slices.Contains(test.want, "number_busy") { // a number has one open attempt
			t.Run(test.name+", in the queue", func(t *testing.T) { obstaclesAreNamed(t, test, true) })
		}
	}
}

func obstaclesAreNamed(t *testing.T, test obstacleCase, queued bool) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	db.Exec(t, calledBefore)
	if queued {
		claimOne(t, db)
	}
	db.Exec(t, test.sql)
	got := testkit.Rows[string](t, db, `
		SELECT o.reason FROM contacts k, call_obstacles(k.to_number, k.campaign_id, k.id,
			date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '12 hours') AS o WHERE k.key <> 'other'`)
	if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// People are told the same.
	number := testkit.Value[string](t, db, `SELECT to_number FROM contacts WHERE key <> 'other'`)
	history, err := db.NumberHistory(t.Context(), number)
	require.NoError(t, err)
	told := make([]string, len(history.Contacts[0].Obstacles))
	for i, why := range history.Contacts[0].Obstacles {
		told[i] = string(why)
	}
	if diff := cmp.Diff(test.want, told, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("dialer why (-want +got):\n%s", diff)
	}
	for _, name := range got {
		if campaign.Withdrawal(name).Meaning() == name {
			t.Errorf("people are told %q and not what it means", name)
		}
	}
}

// Every name in the rule has a case above, and words for people.
func TestEachObstacleHasACase(t *testing.T) {
	t.Parallel()
	rule, err := os.ReadFile("rules.sql")
	require.NoError(t, err)
	var cased []string
	for _, c := range obstacleCases {
		cased = append(cased, c.want...)
	}
	_, body, _ := strings.Cut(string(rule), "FUNCTION contact_obstacles")
	body, _, _ = strings.Cut(body, "FUNCTION call_obstacles")
	var names []string
	for _, m := range regexp.MustCompile(`(?m)(?:SELECT |THEN |ELSE |^\s+\()'([a-z_]{4,})'`).FindAllStringSubmatch(body, -1) {
		names = append(names, m[1])
	}
	if len(names) < 15 {
		t.Fatalf("the rule names %q: it was not read", names)
	}
	names = append(names, "draft", "importing", "paused", "finished") // a campaign's status is its own name
	for _, name := range names {
		if !slices.Contains(cased, name) && name != "running" {
			t.Errorf("no case has %s", name)
		}
		if campaign.Withdrawal(name).Meaning() == name && name != "running" {
			t.Errorf("people are told %q and not what it means", name)
		}
	}
}

// The hours must include the time from the gate until the token has expired.
func TestCallObstaclesNearTheEndOfTheHours(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	db.Exec(t, `UPDATE zone_groups SET zones = '{UTC}'`)
	db.Exec(t, testkit.HoursSQL(campaign.Daily(540, 1200)))
	for at, open := range map[string]bool{
		"08:59:29": false, "08:59:59": false, "09:00:00": true, "19:59:29": true, "19:59:30": false, "20:00:00": false,
	} {
		n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts k, call_obstacles(k.to_number, k.campaign_id, k.id, $1::timestamptz)`,
			"2026-06-01T"+at+"Z")
		if (n == 0) != open {
			t.Errorf("at %s: %d obstacles, want open: %t", at, n, open)
		}
	}
}

// The gate sees commits during its wait for the attempt's lock or for the dial lock,
// also if the writer withdrew nothing.
func TestGateSeesWhatCommitted(t *testing.T) {
	t.Parallel()
	lockRow := `SELECT FROM attempts FOR UPDATE`
	for _, test := range []struct {
		name, lock, sql string
		want            error
	}{
		{"a suppression", lockRow, `INSERT INTO suppressions (number, source) SELECT to_number, 'x' FROM contacts`, campaign.ErrWithdrawn},
		{"a pause", lockRow, `UPDATE campaigns SET status = 'paused', pause_reason = 'x'`, campaign.ErrWithdrawn},
		{"a stop", lockRow, `UPDATE campaigns SET status = 'stopped'`, campaign.ErrWithdrawn},
		{"an edit of the hours", lockRow, testkit.HoursSQL(campaign.Daily(0, 1)), campaign.ErrWithdrawn},
		{"a later start", lockRow, `UPDATE campaigns SET starts_at = now() + interval '2 days'`, campaign.ErrWithdrawn},
		{"a dial lock", `SELECT pg_advisory_xact_lock(7305142005)`,
			`UPDATE database_identity SET locked_for = 'copy', locked_at = now(), known_until = now()`, campaign.ErrDialLocked},
		{"nothing", lockRow, `SELECT 1`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			s := settings()
			running(t, db, "c", s, rows(0, 1))
			id := claimOne(t, db)
			commit := db.Begin(t, test.lock, test.sql)
			passed := make(chan error, 1)
			go func() {
				_, err := db.Gate(t.Context(), id, tokenLife)
				passed <- err
			}()
			db.AwaitLockWaits(t, 1)
			select {
			case err := <-passed:
				t.Fatalf("the gate did not wait: %v", err)
			default:
			}
			commit()
			if err := <-passed; !errors.Is(err, test.want) {
				t.Errorf("Gate = %v, want %v", err, test.want)
			}
		})
	}
}

// Attempts that pass together share a token with one expiry; others have their
// own.
func TestGateSharesTokens(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	ids := claim(t, db, 3)
	for _, result := range db.GateBatch(tokenLife, ids[0], ids[1]) {
		check(t, <-result)
	}
	pass(t, db, ids[2])
	got := testkit.Rows[int](t, db, `SELECT count(*)::int FROM attempts GROUP BY token_id, token_expires_at, dialed_at ORDER BY 1`)
	if !slices.Equal(got, []int{1, 2}) {
		t.Errorf("tokens of %v attempts, want one of one and one of two", got)
	}
	if life := testkit.Value[time.Duration](t, db, `SELECT max(token_expires_at - dialed_at) FROM attempts`); life != tokenLife {
		t.Errorf("a token lives %v, want %v", life, tokenLife)
	}
}

// The rule and the claim contain two times of Go as literals, so that they can be read
// and pasted.
func TestTimesInSQL(t *testing.T) {
	t.Parallel()
	known := []time.Duration{campaign.CallMargin, campaign.DefaultTokenLife}
	seen := map[time.Duration]bool{}
	for _, file := range []string{"rules.sql", "claim.go"} {
		text, err := os.ReadFile(file)
		check(t, err)
		for _, m := range regexp.MustCompile(`interval '(\d+) seconds'`).FindAllSubmatch(text, -1) {
			n, err := strconv.Atoi(string(m[1]))
			check(t, err)
			d := time.Duration(n) * time.Second
			if seen[d] = true; !slices.Contains(known, d) {
				t.Errorf("%s: %s is neither campaign.CallMargin nor campaign.DefaultTokenLife", file, m[0])
			}
		}
	}
	if len(seen) != len(known) {
		t.Errorf("only %v are in the rule and the claim", seen)
	}
}
