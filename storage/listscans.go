package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// BeginScan records when the reading of a window of Vonage's list begins, and which
// calls it must show: those whose uuid is known from an answer, an event or a person,
// and whose own window is within it. With seen, it includes those that the list showed
// before, and those known only from events: a restored database has nothing better.
func (db *DB) BeginScan(ctx context.Context, from, to time.Time, seen bool, t campaign.Times) (s campaign.Scan, err error) {
	s.From, s.To = from, to
	err = db.pool.QueryRow(ctx, `
		SELECT clock_timestamp(), (SELECT id FROM database_identity), ARRAY(
			SELECT a.call_uuid FROM attempts a
			WHERE a.dialed_at >= @from::timestamptz + @before::interval AND a.dialed_at <= @to::timestamptz - @after::interval
			  AND a.token_expires_at <= @to::timestamptz - @after::interval
			  AND a.call_uuid IS NOT NULL AND NOT EXISTS (
				SELECT FROM provider_calls c WHERE c.call_uuid = a.call_uuid AND c.matched_by = 'numbers')
			UNION
			-- guard:value internal/reconcile.TestSecondScanRepeatsTheFirst: the second scan of a locked database shows what the first saw
			SELECT c.call_uuid FROM provider_calls c WHERE @seen::boolean AND c.start_time BETWEEN @from AND @to
			UNION
			SELECT e.call_uuid FROM events e WHERE @seen AND e.received_at BETWEEN @from::timestamptz + @before::interval AND @to::timestamptz - @after::interval
			  AND e.attempt_id IS NULL AND e.status IN ('started', 'ringing') AND e.call_uuid <> ''),
			(SELECT count(*) FROM attempts a WHERE a.dialed_at BETWEEN @from AND @to AND a.must_exist AND a.call_uuid IS NULL)`,
		pgx.StrictNamedArgs{
			"from": from, "to": to, "before": t.WindowBefore(), "after": t.WindowAfter(), "seen": seen,
		}).Scan(&s.StartedAt, &s.Database, &s.Known, &s.Unnamed)
	if err != nil {
		return s, fmt.Errorf("begin a scan: %w", err)
	}
	return s, nil
}

// FinishScan stores a complete scan and returns its id. Every record that it read
// must be stored before.
func (db *DB) FinishScan(ctx context.Context, s campaign.Scan) (id int64, err error) {
	err = db.pool.QueryRow(ctx, `
		INSERT INTO list_scans (from_time, to_time, started_at, database_id, records, known_shown, known_missing, unreadable)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
		s.From, s.To, s.StartedAt, s.Database, s.Records, s.KnownShown, s.KnownMissing, s.Unreadable).Scan(&id)
	if err == nil && s.Unreadable > 0 {
		err = db.Raise(ctx, campaign.Alarm{Kind: campaign.AlarmUnreadableRecord, Detail: "a record of Vonage's list has no uuid that can be read"})
	}
	if err != nil {
		return 0, fmt.Errorf("finish a scan: %w", err)
	}
	return id, nil
}

// PruneScans drops the scans whose windows ended over a day before the oldest records
// that Vonage still has; it keeps them for kept. It returns how many. Scans that proved
// an attempt absent stay.
func (db *DB) PruneScans(ctx context.Context, kept time.Duration) (int, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM list_scans s
		WHERE s.to_time < clock_timestamp() - $1::interval - interval '1 day'
		  AND NOT EXISTS (SELECT FROM attempts a WHERE a.absent_scan_1 = s.id)
		  AND NOT EXISTS (SELECT FROM attempts a WHERE a.absent_scan_2 = s.id)`, kept)
	if err != nil {
		return 0, fmt.Errorf("prune scans: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// NearestKnown is the window of the call nearest to a moment, among the calls that
// Vonage is known to have, before or after it. A window without such a call is widened
// to it, within the time that Vonage keeps. campaign.ErrNotFound: the database knows
// none. A call that was matched only by numbers is not known for certain.
func (db *DB) NearestKnown(ctx context.Context, at time.Time, t campaign.Times) (a campaign.Attempt, err error) {
	list, err := collect(ctx, db.pool, scanAttempt, `
		WITH known AS NOT MATERIALIZED ( -- each of the two below is served by an index
			SELECT k.id, k.dialed_at FROM attempts k
			WHERE k.call_uuid IS NOT NULL
			  AND k.dialed_at - @before::interval > clock_timestamp() - @provable::interval
			  AND k.token_expires_at + @after::interval <= clock_timestamp()
			  AND NOT EXISTS (SELECT FROM provider_calls c WHERE c.call_uuid = k.call_uuid AND c.matched_by = 'numbers')
		)
		SELECT `+attemptColumns+` FROM attempts a WHERE a.id = (
			SELECT id FROM (
				(SELECT id, dialed_at FROM known WHERE dialed_at <= @at ORDER BY dialed_at DESC LIMIT 1)
				UNION ALL
				(SELECT id, dialed_at FROM known WHERE dialed_at > @at ORDER BY dialed_at LIMIT 1)) AS near
			ORDER BY abs(extract(epoch FROM dialed_at - @at::timestamptz)) LIMIT 1)`,
		pgx.StrictNamedArgs{"at": at, "after": t.WindowAfter(), "provable": t.Provable(), "before": t.WindowBefore()})
	if err == nil && len(list) == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return campaign.Attempt{}, fmt.Errorf("find a known call: %w", err)
	}
	return list[0], nil
}

// Watermark is how far the named pass has read; campaign.ErrNotFound before its
// first time.
func (db *DB) Watermark(ctx context.Context, pass string) (reached time.Time, err error) {
	err = db.pool.QueryRow(ctx, `SELECT reached FROM reconcile_watermarks WHERE pass = $1`, pass).Scan(&reached)
	if err != nil {
		return time.Time{}, fmt.Errorf("read watermark %q: %w", pass, translate(err))
	}
	return reached, nil
}

// SetWatermark stores how far the named pass has read.
func (db *DB) SetWatermark(ctx context.Context, pass string, reached time.Time) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO reconcile_watermarks (pass, reached) VALUES ($1, $2)
		ON CONFLICT (pass) DO UPDATE SET reached = excluded.reached`, pass, reached)
	if err != nil {
		return fmt.Errorf("set watermark %q: %w", pass, err)
	}
	return nil
}

// FirstDialed is when the first attempt ever was dialed; campaign.ErrNotFound: none
// was.
func (db *DB) FirstDialed(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := db.pool.QueryRow(ctx, `SELECT min(dialed_at) FROM attempts`).Scan((*zeronull.Timestamptz)(&at))
	if err == nil && at.IsZero() {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("find the first attempt dialed: %w", err)
	}
	return at, nil
}
