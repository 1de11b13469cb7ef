package storage_test

import (
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
)

// Each statement breaks one promise. Postgres itself must refuse it from any client.
func TestPostgresRefuses(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	ids := claim(t, db, 3)
	a, b := pass(t, db, ids[0]), pass(t, db, ids[1])
	record(t, db, a.ID, created("U1"))
	receive(t, db, event(a, "U1", "ringing"))
	record(t, db, b.ID, unknown)
	for _, test := range []struct{ name, sql, want string }{
		{"a second POST", `UPDATE attempts SET posts = 2, dialed_at = NULL, token_id = NULL, token_expires_at = NULL WHERE state = 'accepted'`, "attempts_one_post"},
		{"posts that become fewer", `UPDATE attempts SET posts = 0, dialed_at = NULL, token_id = NULL, token_expires_at = NULL WHERE state = 'accepted'`, "posts never become fewer"},
		{"dialing without a post", `UPDATE attempts SET state = 'dialing', changed_by = 'caller' WHERE state = 'reserved'`, "attempts_posted_after_the_gate"},
		{"a gate without its times", `UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1 WHERE state = 'reserved'`, "attempts_dialed_at_the_gate"},
		{"another call", `UPDATE attempts SET call_uuid = 'U2' WHERE state = 'accepted'`, "written once"},
		{"a call of two attempts", `UPDATE attempts SET state = 'accepted', changed_by = 'provider', call_uuid = 'U1' WHERE state = 'reserved'`, "attempts_call_uuid_once"},
		{"accepted without a call", `UPDATE attempts SET state = 'accepted', changed_by = 'provider' WHERE state = 'reserved'`, "attempts_uuid_when_vonage_has_it"},
		{"a status forgotten", `UPDATE attempts SET statuses = '{}' WHERE state = 'accepted'`, "a status that was seen stays"},
		{"another number", `UPDATE attempts SET to_number = '447700900998' WHERE state = 'reserved'`, "never changes"},
		{"back to the queue", `UPDATE attempts SET state = 'reserved', changed_by = 'caller' WHERE state = 'accepted'`, "attempts_no_post_before_the_gate"},
		{"a call let go", `UPDATE attempts SET state = 'unknown', changed_by = 'reconciler', call_uuid = NULL WHERE state = 'accepted'`, "may not move it from accepted to unknown"},
		{"another id", `UPDATE attempts SET id = gen_random_uuid() WHERE state = 'reserved'`, "id never changes"},
		{"a move by the wrong writer", `UPDATE attempts SET state = 'void', changed_by = 'reconciler' WHERE state = 'reserved'`, "reconciler may not move it"},
		{"an end that is open", `UPDATE attempts SET state = 'ended', changed_by = 'provider' WHERE state = 'accepted'`, "attempts_ended_when_over"},
		{"an attempt that begins dialed", `INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, from_number, state, changed_by, posts, dialed_at, token_id, token_expires_at)
			SELECT gen_random_uuid(), contact_id, campaign_id, 9, to_number, from_number, 'refused', 'provider', 1, now(), gen_random_uuid(), now() FROM attempts LIMIT 1`, "begins as reserved"},
		{"two open attempts of a number", `INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, from_number, state, changed_by)
			SELECT gen_random_uuid(), contact_id, campaign_id, 9, to_number, from_number, 'reserved', 'feeder' FROM attempts WHERE state = 'reserved'`, "one_open_attempt_per_number"},
		{"a negative price", `UPDATE attempts SET price = -1 WHERE state = 'accepted'`, "attempts_price_money"},
		{"a price that is no number", `UPDATE attempts SET price = 'NaN' WHERE state = 'accepted'`, "attempts_price_money"},
		{"an end without a reason", `UPDATE contacts SET state = 'done'`, "contacts_ended_for_a_reason"},
		{"a reason without an end", `UPDATE contacts SET reason = 'busy'`, "contacts_ended_for_a_reason"},
		{"a number that is none", `UPDATE contacts SET to_number = '0123'`, "contacts_number_e164"},
		{"a pause without a reason", `UPDATE campaigns SET status = 'paused'`, "campaigns_paused_for_a_reason"},
		{"an event that changes", `UPDATE events SET kind = 'x'`, "kept as received"},
		{"an event that goes", `DELETE FROM events`, "kept as received"},
		{"events that go at once", `TRUNCATE events`, "kept as received"},
		{"a change of the audit", `UPDATE audit SET actor = 'x'`, "never changed"},
		{"a part of the audit that goes", `DELETE FROM audit`, "never changed"},
		{"the audit that goes", `TRUNCATE audit`, "never changed"},
		{"absence that was not proved", `UPDATE attempts SET state = 'absent', changed_by = 'reconciler' WHERE state = 'unknown'`, "attempts_absence_proved"},
	} {
		err := db.TryExec(t, test.sql)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error about %s", test.name, err, test.want)
		}
	}
}

func TestEveryReasonAndStateIsStorable(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	for _, r := range campaign.Reasons {
		db.Exec(t, `UPDATE contacts SET state = 'done', reason = $1`, r)
	}
	columns := testkit.Rows[string](t, db, `
		SELECT substr(column_name, 6)::text FROM information_schema.columns
		WHERE table_schema = 'reporting' AND table_name = 'campaigns' AND column_name LIKE 'done\_%' ORDER BY ordinal_position`)
	if len(columns) != len(campaign.Reasons) {
		t.Errorf("reporting.campaigns has columns for %v, want one for each of %v", columns, campaign.Reasons)
	}
	for i := range min(len(columns), len(campaign.Reasons)) {
		if columns[i] != string(campaign.Reasons[i]) {
			t.Errorf("column %d is for %s, want %s", i, columns[i], campaign.Reasons[i])
		}
	}
}

func TestWithinHoursEqualsTheDomains(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	type row struct {
		Moment string
		SQL    bool
	}
	zones := []string{"Europe/London", "America/New_York", "Australia/Lord_Howe"}
	breaks, err := campaign.ParseWeek(map[string]string{"mon-thu": "09:00-12:30,14:00-20:00", "sun": "00:00-24:00"})
	check(t, err)
	breaks.Except = []string{"2026-03-31", "2026-04-05"}
	for _, z := range [][]string{zones[:1], zones[1:2], zones[2:], zones[:2], nil} {
		for _, h := range []campaign.Hours{campaign.Daily(540, 1200), campaign.Daily(0, 1440), campaign.Daily(90, 150), breaks} {
			got := testkit.Rows[row](t, db, `
				SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), within_hours(at, $1, $2::text::int4multirange, $3::text[]::date[])
				FROM generate_series('2026-03-28T00:00Z'::timestamptz, '2026-04-06T00:00Z', '17 minutes') AS at`,
				append([]string{}, z...), testkit.OpenMinutes(h), append([]string{}, h.Except...))
			for _, r := range got {
				want, err := h.Open(moment(t, r.Moment), z)
				if err != nil {
					t.Fatal(err)
				}
				if r.SQL != want {
					t.Errorf("%s in %v, %v: SQL says %v, the domain %v", r.Moment, z, h, r.SQL, want)
				}
			}
		}
	}
}

// They agree at each change of the clocks from 2020 to 2030: every 17 minutes of the
// day before it and of the day after it.
func TestWithinHoursAtEachChangeOfTheClocks(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	h, err := campaign.ParseWeek(map[string]string{"mon-fri": "01:30-02:30,09:00-20:00", "sat-sun": "00:00-03:00"})
	check(t, err)
	for _, zone := range []string{"Europe/London", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "Asia/Tehran"} {
		loc, err := campaign.LoadZone(zone)
		check(t, err)
		var changes []time.Time
		offset := func(at time.Time) int { _, s := at.In(loc).Zone(); return s }
		for at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2031; at = at.Add(time.Hour) {
			if offset(at) != offset(at.Add(time.Hour)) {
				changes = append(changes, at.Add(time.Hour))
			}
		}
		if len(changes) < 4 {
			t.Fatalf("%d changes of the clocks in %s", len(changes), zone)
		}
		type row struct {
			At  time.Time
			SQL bool
		}
		for _, r := range testkit.Rows[row](t, db, `
			SELECT at, within_hours(at, ARRAY[$1], $2::text::int4multirange, '{}')
			FROM unnest($3::timestamptz[]) AS change, generate_series(change - interval '1 day', change + interval '1 day', interval '17 minutes') AS at`,
			zone, testkit.OpenMinutes(h), changes) {
			want, err := h.Open(r.At, []string{zone})
			check(t, err)
			if r.SQL != want {
				t.Errorf("%s in %s: SQL says %v, the domain %v", r.At.UTC().Format(time.RFC3339), zone, r.SQL, want)
			}
		}
	}
}
