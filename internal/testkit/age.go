package testkit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Rules that wait are tested by making rows older, not by faking the clock or
// by waiting.

// AgeAttempt moves every time of an attempt into the past.
func (d *DB) AgeAttempt(t testing.TB, id uuid.UUID, by time.Duration) {
	t.Helper()
	d.Exec(t, `
		UPDATE attempts SET created_at = created_at - $2::interval, enqueued_at = enqueued_at - $2::interval,
		       dialed_at = dialed_at - $2::interval,
		       token_expires_at = token_expires_at - $2::interval, answered_at = answered_at - $2::interval,
		       failed_at = failed_at - $2::interval, ended_at = ended_at - $2::interval, over_seen_at = over_seen_at - $2::interval, hung_up_at = hung_up_at - $2::interval,
		       start_time = start_time - $2::interval, end_time = end_time - $2::interval,
		       next_check_at = next_check_at - $2::interval
		WHERE id = $1`, id, by)
}

// AgeAttempts moves every time of all attempts into the past.
func (d *DB) AgeAttempts(t testing.TB, by time.Duration) {
	t.Helper()
	rows, err := d.pool.Query(t.Context(), `SELECT id FROM attempts`)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	for _, id := range ids {
		d.AgeAttempt(t, id, by)
	}
}

// HoursSQL gives every campaign these hours.
func HoursSQL(h campaign.Hours) string {
	return fmt.Sprintf(`UPDATE campaigns SET open_minutes = '%s', closed_dates = '{%s}', margin_minutes = %d`,
		OpenMinutes(h), strings.Join(h.Except, ","), h.Margin/time.Minute)
}

// OpenMinutes is the week of the hours as Postgres writes ranges.
func OpenMinutes(h campaign.Hours) string {
	spans := make([]string, len(h.Week))
	for i, s := range h.Week {
		spans[i] = fmt.Sprintf("[%d,%d)", s.From, s.To)
	}
	return "{" + strings.Join(spans, ",") + "}"
}

// MakeDue makes every contact that waits for its time due now.
func (d *DB) MakeDue(t testing.TB) {
	t.Helper()
	d.Exec(t, `UPDATE contacts SET due_at = now() - interval '1 second'
	           WHERE state IN ('pending', 'waiting') AND due_at > now()`)
}
