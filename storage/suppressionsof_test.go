package storage_test

import (
	"strings"
	"testing"

	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The only definition of suppressed numbers, by campaign and by time.
func TestSuppressionsOf(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "sale", settings(), rows(0, 1))
	running(t, db, "visit", settings(), rows(0, 1))
	db.Exec(t, `
		UPDATE campaigns SET document = '{"purpose": "marketing"}' WHERE name = 'sale';
		INSERT INTO suppressions (number, note, source, ended_at) VALUES ('`+number(0)+`', 'lifted', 'x', now());
		INSERT INTO suppressions (number, note, source, expires_at) VALUES ('`+number(0)+`', 'for an hour', 'x', now() + interval '1 hour');
		INSERT INTO suppressions (number, note, source, purpose) VALUES ('`+number(0)+`', 'of marketing', 'x', 'marketing'), ('`+number(0)+`', 'of health', 'x', 'health');
		INSERT INTO suppressions (number, note, source, campaign_id) SELECT '`+number(0)+`', 'of ' || name, 'x', id FROM campaigns;
		INSERT INTO suppressions (number, note, source) VALUES ('`+number(1)+`', 'another number', 'x')`)
	for _, test := range []struct {
		name, campaign, at, purpose string
		want                        []string
	}{
		{"now", "sale", "now()", "NULL", []string{"for an hour", "of marketing", "of sale"}},
		{"a campaign without a purpose", "visit", "now()", "NULL", []string{"for an hour", "of visit"}},
		{"when one has expired", "sale", "now() + interval '2 hours'", "NULL", []string{"of marketing", "of sale"}},
		{"those that never expire", "sale", "'infinity'", "NULL", []string{"of marketing", "of sale"}},
		{"another purpose", "sale", "now()", "'health'", []string{"for an hour", "of health", "of sale"}},
		{"no purpose", "sale", "now()", "''", []string{"for an hour", "of sale"}},
		{"a campaign that is not stored", "none", "now()", "'health'", []string{"for an hour", "of health"}},
		{"a manual call", "none", "now()", "NULL", []string{"for an hour"}},
	} {
		got := testkit.Rows[string](t, db, `
			SELECT s.note FROM (VALUES (1)) AS one LEFT JOIN campaigns c ON c.name = $2
			CROSS JOIN LATERAL suppressions_of($1, c.id, `+test.at+`, `+test.purpose+`) AS s ORDER BY 1`, number(0), test.campaign)
		if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// suppressionsAreFoundByNumber checks that a plan has the definition inlined.
func suppressionsAreFoundByNumber(t *testing.T, plan string) {
	t.Helper()
	if strings.Contains(plan, "Function Scan on suppressions_of") || !strings.Contains(plan, "Index Scan using suppressions_") {
		t.Errorf("suppressions are not found by an index on their numbers:\n%s", plan)
	}
}
