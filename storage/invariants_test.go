package storage_test

import (
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// Each corruption, inserted without the guards, is found.
func TestCheckInvariantsFindsCorruption(t *testing.T) {
	t.Parallel()
	const unguarded = `ALTER TABLE attempts DISABLE TRIGGER guard_changed_attempts;`
	for _, test := range []struct{ invariant, what, sql string }{
		{"I1", "named a second call", `INSERT INTO alarms (kind, attempt_id, detail) SELECT 'second_call_for_attempt', id, '' FROM attempts LIMIT 1`},
		{"I1", "past the gate", unguarded + `ALTER TABLE attempts DROP CONSTRAINT attempts_one_post, DROP CONSTRAINT attempts_dialed_at_the_gate;
			UPDATE attempts SET posts = 2 WHERE state = 'accepted'`},
		{"I2", "two open attempts", `DROP INDEX one_open_attempt_per_number;
			INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, from_number, state, changed_by)
			SELECT gen_random_uuid(), contact_id, campaign_id, 9, to_number, from_number, 'reserved', 'feeder' FROM attempts WHERE state = 'accepted'`},
		{"I3", "earlier one of the contact was not over", `
			UPDATE campaign_versions SET settings = settings #- '{retry,again,busy}'`},
		{"I3", "earlier one of the contact was not over", unguarded + `
			UPDATE attempts SET ended_at = now() + interval '1 hour' WHERE disposition = 'busy'`},
		{"I4", "active contacts without", unguarded + `UPDATE attempts SET state = 'refused' WHERE state = 'dialing'`},
		{"I4", "contacts that are not active", `UPDATE contacts SET state = 'pending' WHERE state = 'active'`},
		{"I4", "count of calls", `UPDATE contacts SET attempts = attempts + 1`},
		{"I4", "reason that none", `UPDATE contacts SET reason = 'unresolved' WHERE reason = 'human'`},
		{"I4", "nobody stopped", `UPDATE contacts SET reason = 'stopped' WHERE reason = 'human'`},
		{"I4", "says that they stay due", `
			INSERT INTO alarms (kind, attempt_id, detail) SELECT 'message_refused', id, '' FROM attempts WHERE disposition = 'human';
			UPDATE contacts SET reason = 'message' WHERE reason = 'human'`},
		{"I4", "not their contact's", `UPDATE contacts SET to_number = '4477999' || lpad(id::text, 5, '0') WHERE state = 'active'`},
		{"I5", "matched to another attempt", `INSERT INTO provider_calls (call_uuid, to_kind, from_kind, status, observed_at, first_seen_at)
			SELECT call_uuid, 'unknown', 'unknown', '', now(), now() - interval '1 hour' FROM attempts WHERE call_uuid IS NOT NULL LIMIT 1`},
		{"I3", "no two complete scans", unguarded + `
			INSERT INTO list_scans (from_time, to_time, started_at, database_id, records, known_shown, known_missing)
			SELECT now() - interval '1 hour', now(), now(), id, 0, n, 1 FROM database_identity, generate_series(1, 2) AS n;
			UPDATE attempts SET state = 'absent', absent_scan_1 = 1, absent_scan_2 = 2 WHERE state = 'dialing'`},
		{"I6", "price", `UPDATE attempts SET price = price + 0.00000001 WHERE price IS NOT NULL`},
		{"I6", "price", `DELETE FROM price_history`},
		{"I8", "hours", testkit.HoursSQL(campaign.Daily(0, 1)) + `; UPDATE zone_groups SET zones = ARRAY[CASE
			WHEN extract(hour FROM now() AT TIME ZONE 'UTC') < 12 THEN 'Etc/GMT-6' ELSE 'Etc/UTC' END]`},
		{"I8", "suppressed", `INSERT INTO suppressions (number, source, created_at) SELECT to_number, 'x', dialed_at - interval '1 minute' FROM attempts WHERE dialed_at IS NOT NULL ON CONFLICT DO NOTHING`},
		{"I9", "events", unguarded + `UPDATE attempts SET statuses = '{started}' WHERE disposition = 'human'`},
		{"I10", "refused", `INSERT INTO rejected_rows SELECT campaign_id, source, line_no, '', '', '' FROM contacts LIMIT 1`},
		{"I10", "full count", `INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n) SELECT id, 'contacts', 'pending', '', 1 FROM campaigns`},
		{"I10", "full count", `ALTER TABLE contacts DISABLE TRIGGER count_changed; UPDATE contacts SET state = 'pending' WHERE state = 'active'`},
		{"I10", "full count", `ALTER TABLE attempts DISABLE TRIGGER count_changed; UPDATE attempts SET price = price + 1 WHERE price IS NOT NULL`},
		{"I10", "counters by country", `UPDATE country_deltas SET country = 'XX'`},
		{"I10", "counters of an hour", `UPDATE counter_deltas SET hour = hour - interval '1 hour' WHERE outcome = 'human'`},
	} {
		t.Run(test.invariant+" "+test.what, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			history(t, db)
			sound(t, db)
			db.Exec(t, test.sql)
			broken, err := db.CheckInvariants(t.Context())
			require.NoError(t, err)
			for _, v := range broken {
				if v.Invariant == test.invariant && strings.Contains(v.What, test.what) && v.Count > 0 && len(v.Examples) > 0 {
					return
				}
			}
			t.Errorf("not found among %+v", broken)
		})
	}
}

// history is a campaign with a contact that was busy and is called again, one that a
// human answered, one whose call is up, and one that is dialing.
func history(t *testing.T, db *testkit.DB) {
	t.Helper()
	running(t, db, "c", settings(), rows(0, 1))
	endedBusy(t, db, "U1")
	db.Exec(t, `UPDATE attempts SET ended_at = ended_at - interval '1 hour', failed_at = failed_at - interval '1 hour'`)
	db.MakeDue(t)
	running(t, db, "d", settings(), rows(1, 3))
	ids := claim(t, db, 4)
	var attempts []campaign.Attempt
	for _, id := range ids {
		attempts = append(attempts, pass(t, db, id))
	}
	receive(t, db, event(attempts[1], "U2", "human"))
	receive(t, db, completed(attempts[1], "U2", "0.5"))
	record(t, db, attempts[2].ID, created("U3"))
}

func TestCheckInvariantsExamplesAreBounded(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 50))
	db.Exec(t, `UPDATE contacts SET attempts = 1`)
	broken, err := db.CheckInvariants(t.Context())
	if err != nil || len(broken) != 1 || broken[0].Count != 50 || len(broken[0].Examples) != 20 {
		t.Errorf("got %+v, %v; want 50 with 20 examples", broken, err)
	}
}
