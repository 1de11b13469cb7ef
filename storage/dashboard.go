package storage

import (
	"context"
	"fmt"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Snapshot reads what the first page shows.
func (db *DB) Snapshot(ctx context.Context) (s app.Snapshot, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		ids, err := collect(ctx, tx, pgx.RowTo[int64], `
			SELECT id FROM (
				(SELECT id, 0 AS place FROM campaigns WHERE status NOT IN ('stopped', 'finished') ORDER BY id DESC LIMIT $1)
				UNION ALL
				(SELECT id, 1 FROM campaigns WHERE status IN ('stopped', 'finished') ORDER BY id DESC LIMIT $1)) AS found
			ORDER BY place, id DESC LIMIT $1`, app.SnapshotCampaigns)
		if err != nil {
			return err
		}
		if s.Campaigns, err = reportsOf(ctx, tx, ids); err != nil {
			return err
		}
		if s.Totals, err = readTotals(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			SELECT clock_timestamp(), (SELECT CASE WHEN locked THEN coalesce(locked_for, 'locked') ELSE '' END FROM database_identity),
			       (SELECT count(*) FROM attempts WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT superseded),
			       (SELECT count(*) FROM attempts WHERE dialed_at > now() - interval '1 minute'),
			       (SELECT max(dialed_at) FROM attempts),
			       (SELECT count(*) FROM alarms WHERE resolved_at IS NULL OR last_at > resolved_at),
			       (SELECT count(*) FROM attempts WHERE state IN ('dialing', 'unknown'))`).
			Scan(&s.At, &s.Locked, &s.Open, &s.Dialed, (*zeronull.Timestamptz)(&s.LastCall), &s.Alarms, &s.Unsettled)
	})
	if err != nil {
		return app.Snapshot{}, fmt.Errorf("read a snapshot: %w", err)
	}
	return s, nil
}

// KeyOf is the key of a campaign's contact: pages name it by its id, so that no
// number stands in an address.
func (db *DB) KeyOf(ctx context.Context, campaignID, contactID int64) (key string, err error) {
	err = db.pool.QueryRow(ctx, `SELECT key FROM contacts WHERE id = $1 AND campaign_id = $2`, contactID, campaignID).Scan(&key)
	if err != nil {
		return "", fmt.Errorf("find the contact: %w", translate(err))
	}
	return key, nil
}

// maxContactEvents bounds what a page shows of one contact.
const maxContactEvents = 500

// ContactEvents are the webhooks about a contact's calls, oldest first. Each attempt's
// are looked for in the days from its claim to a month after its end: Vonage keeps a
// call for a month, and gives up on a webhook long before.
func (db *DB) ContactEvents(ctx context.Context, contactID int64) ([]app.ContactEvent, error) {
	list, err := collect(ctx, db.pool, func(row pgx.CollectableRow) (e app.ContactEvent, err error) {
		err = row.Scan(&e.At, &e.AttemptID, &e.Kind, (*zeronull.Text)(&e.Status))
		return e, err
	}, `
		SELECT e.received_at, e.attempt_id, e.kind, e.status FROM attempts a
		JOIN events e ON e.attempt_id = a.id AND e.received_at >= a.created_at AND e.received_at < coalesce(a.ended_at, now()) + interval '32 days'
		WHERE a.contact_id = $1 ORDER BY e.received_at, e.id LIMIT $2`, contactID, maxContactEvents)
	if err != nil {
		return nil, fmt.Errorf("read the events of contact %d: %w", contactID, err)
	}
	return list, nil
}

// Differences are calls that only one side knows, the latest first, and what hooks were
// not told.
func (db *DB) Differences(ctx context.Context, limit int) (d app.Differences, err error) {
	d.Theirs, err = collect(ctx, db.pool, func(row pgx.CollectableRow) (c app.UnmatchedCall, err error) {
		err = row.Scan(&c.CallUUID, &c.Status, &c.Direction, (*zeronull.Text)(&c.To), (*zeronull.Text)(&c.From), (*zeronull.Timestamptz)(&c.StartTime), &c.Price)
		return c, err
	}, `
		SELECT call_uuid, status, direction, to_number, from_number, start_time, price FROM provider_calls
		WHERE attempt_id IS NULL AND leg_of IS NULL ORDER BY first_seen_at DESC LIMIT $1`, limit)
	if err != nil {
		return d, fmt.Errorf("list calls without an attempt: %w", err)
	}
	d.Ours, err = collect(ctx, db.pool, func(row pgx.CollectableRow) (a app.UnsettledAttempt, err error) {
		err = row.Scan(&a.ID, (*zeronull.Text)(&a.Campaign), &a.State, &a.DialedAt)
		return a, err
	}, `
		WITH unproved AS MATERIALIZED ( -- by two small indexes, and not by the ids of all attempts
			SELECT id, campaign_id, state, dialed_at FROM attempts WHERE state IN ('dialing', 'unknown')
			UNION ALL
			SELECT id, campaign_id, state, dialed_at FROM attempts WHERE state = 'lost'
		)
		SELECT a.id, c.name, a.state, a.dialed_at FROM unproved a LEFT JOIN campaigns c ON c.id = a.campaign_id
		WHERE a.dialed_at IS NOT NULL ORDER BY a.id DESC LIMIT $1`, limit)
	if err != nil {
		return d, fmt.Errorf("list attempts without a call: %w", err)
	}
	if err = db.pool.QueryRow(ctx, `SELECT count(*) FROM hook_messages WHERE dead_at IS NOT NULL`).Scan(&d.Untold); err != nil {
		return d, fmt.Errorf("count messages to hooks that are given up: %w", err)
	}
	return d, nil
}
