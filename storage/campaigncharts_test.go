package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// The cost of a campaign's calls by country, and their outcomes over time.
func TestCostByCountry(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "costs", settings(), rows(0, 5))
	db.Exec(t, `UPDATE contacts SET country = CASE WHEN id % 2 = 0 THEN 'GB' ELSE 'IE' END; INSERT INTO call_rates VALUES ('GB', 0.06, NULL)`)
	claim(t, db, 5)
	db.Exec(t, `
		UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = now(), token_expires_at = now();
		UPDATE attempts SET state = 'accepted', changed_by = 'provider', call_uuid = id::text;
		UPDATE attempts SET state = 'ended', changed_by = 'provider', ended_at = now(), disposition = 'human', duration_s = 30 WHERE contact_id > 1;
		UPDATE attempts SET price = 0.01 WHERE contact_id = 2`)
	counted := func() {
		t.Helper()
		if n := testkit.Value[int](t, db, `SELECT count(*) FROM counted_countries c FULL JOIN country_totals t USING (campaign_id, country, billing)
			WHERE (c.n, c.seconds, c.price) IS DISTINCT FROM (t.n, t.seconds, t.price)`); n != 0 {
			t.Errorf("%d counters are not what a full count says", n)
		}
	}
	for range 2 {
		list, err := db.CostByCountry(t.Context(), c.ID)
		require.NoError(t, err)
		if len(list) != 2 {
			t.Fatalf("%+v", list)
		}
		gb, ie := list[0], list[1]
		if gb.Country != "GB" || gb.Calls != 2 || gb.Confirmed.String() != "0.01" || gb.ConfirmedCalls != 1 || gb.Estimated.StringFixed(2) != "0.03" || gb.EstimatedCalls != 1 || gb.Missing != 0 {
			t.Errorf("GB: %+v", gb)
		}
		if ie.Country != "IE" || ie.Calls != 3 || !ie.Confirmed.IsZero() || ie.EstimatedCalls != 0 || ie.Missing != 2 || ie.Open != 1 {
			t.Errorf("IE, of which no rate is known: %+v", ie)
		}
		counted()
		_, err = db.FoldCounters(t.Context())
		require.NoError(t, err)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM country_deltas`); n != 0 {
		t.Errorf("%d deltas are left", n)
	}
	counted()
	o, err := db.Outcomes(t.Context(), c.ID)
	require.NoError(t, err)
	if len(o.Points) != 1 || o.Every != time.Minute || o.Points[0].Ended[campaign.Human] != 4 || o.Points[0].Underway != 1 {
		t.Errorf("%+v", o)
	}
	db.Exec(t, `UPDATE hourly_counters SET hour = hour - interval '5 hours' WHERE state = 'ended'`)
	if o, err = db.Outcomes(t.Context(), c.ID); err != nil || len(o.Points) != 2 || o.Every != time.Hour {
		t.Errorf("%+v, %v", o, err)
	}
}
