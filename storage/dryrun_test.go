package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// A dry run uses the gate's rule with the given purpose and caps, for a campaign that
// is not stored, and for one that will have other values than the stored ones.
func TestCountObstacles(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Limits.PerNumber = []campaign.NumberCap{{Calls: 1, Within: 72 * time.Hour}}
	running(t, db, "stored", s, rows(0, 1))
	db.Exec(t, calledBefore)
	db.Exec(t, `
		UPDATE campaigns SET document = '{"purpose": "health"}';
		INSERT INTO suppressions (number, source, purpose) VALUES ('`+number(1)+`', 'x', 'marketing'), ('`+number(2)+`', 'x', 'health');
		INSERT INTO suppressions (number, source, campaign_id) SELECT '`+number(3)+`', 'x', id FROM campaigns;
		INSERT INTO suppressions (number, source) VALUES ('`+number(4)+`', 'x');
		INSERT INTO suppressions (number, source, purpose, expires_at) VALUES ('`+number(5)+`', 'x', 'marketing', now() - interval '1 hour');
		INSERT INTO suppressions (number, source, expires_at, invalid) VALUES ('`+number(6)+`', 'vonage', now() + interval '1 hour', true)`)
	for _, test := range []struct {
		campaign, purpose string
		capped            bool
		want              map[campaign.Withdrawal]int
	}{
		{"new", "", false, map[campaign.Withdrawal]int{"suppressed": 1, "number_invalid": 1}},
		{"new", "marketing", true, map[campaign.Withdrawal]int{"suppressed": 2, "number_invalid": 1, "number_capped": 1}},
		{"stored", "health", true, map[campaign.Withdrawal]int{"suppressed": 3, "number_invalid": 1, "number_capped": 1}},
		{"stored", "", false, map[campaign.Withdrawal]int{"suppressed": 2, "number_invalid": 1}},
	} {
		given := settings()
		if test.capped {
			given = s
		}
		numbers := make([]string, 7)
		for i := range numbers {
			numbers[i] = number(i)
		}
		got, err := db.CountObstacles(t.Context(), test.campaign, given, test.purpose, numbers)
		require.NoError(t, err)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("the campaign %s for %q, with a cap %t (-want +got):\n%s", test.campaign, test.purpose, test.capped, diff)
		}
	}
}
