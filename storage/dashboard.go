package storage

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Snapshot reads the content of the first page.
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
		if s.Courses, err = courses(ctx, tx, ids); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			WITH open AS MATERIALIZED (
				SELECT id, state, answered_at FROM attempts WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted')
			)
			SELECT clock_timestamp(), (SELECT CASE WHEN locked THEN coalesce(locked_for, 'locked') ELSE '' END FROM database_identity),
			       (SELECT count(*) FROM open WHERE state <> 'reserved'), (SELECT count(*) FROM open WHERE state = 'reserved'),
			       (SELECT coalesce(sum(hashtextextended(concat_ws(' ', id, state, answered_at), 0)), 0)::text FROM open),
			       (SELECT count(*) FROM attempts WHERE dialed_at > now() - interval '1 minute'),
			       (SELECT max(dialed_at) FROM attempts),
			       (SELECT count(*) FROM alarms WHERE resolved_at IS NULL OR last_at > resolved_at),
			       (SELECT count(*) FROM open WHERE state IN ('dialing', 'unknown'))`).
			Scan(&s.At, &s.Locked, &s.Open, &s.Queued, &s.CallsVersion, &s.Dialed, (*zeronull.Timestamptz)(&s.LastCall), &s.Alarms, &s.Unsettled)
	})
	if err != nil {
		return app.Snapshot{}, fmt.Errorf("read a snapshot: %w", err)
	}
	return s, nil
}

// maxCounted is the most people of a campaign that are counted for its course: of those
// who are due the first, and of those who are not.
const maxCounted = 100

// courses describe the running ones of the campaigns: how many of their people may be
// called now, and how many are due later, or are outside their hours. For each the
// smaller number is counted, so that it takes as long for a million people as for a few
// thousand.
func courses(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]app.Course, error) {
	rows, err := tx.Query(ctx, `
		WITH running AS MATERIALIZED (
			SELECT id FROM campaigns WHERE id = ANY ($2) AND status = 'running' AND (starts_at IS NULL OR starts_at <= now())
		), recent AS MATERIALIZED (
			SELECT campaign_id, count(*) AS n FROM attempts WHERE dialed_at > now() - interval '1 minute' GROUP BY campaign_id
		), groups AS MATERIALIZED (
			SELECT g.id, g.campaign_id, next_opening(g.id, now()) AS opening FROM running r JOIN zone_groups g ON g.campaign_id = r.id
		), places AS MATERIALIZED (
			-- Until when what is due may be called: while it is closed nothing may.
			SELECT g.*, u.urgency, CASE WHEN g.opening <= now() THEN now() ELSE '-infinity' END AS until
			FROM groups g, (VALUES (0::smallint), (1), (2)) AS u (urgency)
		)
		SELECT r.id, coalesce((SELECT n FROM recent WHERE campaign_id = r.id), 0), due.n, later.n, (
			SELECT min(CASE WHEN f.due_at <= f.opening THEN f.opening ELSE next_opening(f.id, f.due_at) END) FROM (
				SELECT p.id, p.opening, first.due_at FROM places p CROSS JOIN LATERAL (
					SELECT due_at FROM contacts k WHERE k.zone_group_id = p.id AND k.urgency = p.urgency AND k.due_at > p.until AND k.state IN ('pending', 'waiting')
					ORDER BY k.due_at LIMIT 1) AS first
				WHERE p.campaign_id = r.id ORDER BY greatest(first.due_at, p.opening) LIMIT 8) AS f)
		FROM running r CROSS JOIN LATERAL (
			SELECT count(*) AS n FROM (SELECT FROM places p CROSS JOIN LATERAL (
				SELECT FROM contacts k WHERE k.zone_group_id = p.id AND k.urgency = p.urgency AND k.due_at <= p.until AND k.state IN ('pending', 'waiting') LIMIT $1) AS k
			WHERE p.campaign_id = r.id LIMIT $1) AS counted) AS due CROSS JOIN LATERAL (
			SELECT count(*) AS n FROM (SELECT FROM places p CROSS JOIN LATERAL (
				SELECT FROM contacts k WHERE k.zone_group_id = p.id AND k.urgency = p.urgency AND k.due_at > p.until AND k.state IN ('pending', 'waiting') LIMIT $1) AS k
			WHERE p.campaign_id = r.id LIMIT $1) AS counted) AS later`, maxCounted, ids)
	if err != nil {
		return nil, err
	}
	list := map[int64]app.Course{}
	var id int64
	var c app.Course
	_, err = pgx.ForEachRow(rows, []any{&id, &c.Dialed, &c.Due, &c.Later, (*zeronull.Timestamptz)(&c.Next)}, func() error {
		c.ManyDue, c.ManyLater = c.Due >= maxCounted, c.Later >= maxCounted
		list[id] = c
		return nil
	})
	return list, err
}

// KeyOf is the key of a campaign's contact. Pages name a contact by its id, so that no
// number is in an address.
func (db *DB) KeyOf(ctx context.Context, campaignID, contactID int64) (key string, err error) {
	err = db.pool.QueryRow(ctx, `SELECT key FROM contacts WHERE id = $1 AND campaign_id = $2`, contactID, campaignID).Scan(&key)
	if err != nil {
		return "", fmt.Errorf("find the contact: %w", translate(err))
	}
	return key, nil
}

// maxContactEvents is the most events of one contact on a page.
const maxContactEvents = 500

// ContactEvents are the webhooks about a contact's calls, oldest first. For each
// attempt it searches the days from its claim to a month after its end: Vonage keeps a
// call for a month, and stops sending a webhook long before.
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

// Differences are one page of: calls in Vonage's list that no attempt and no ring-back
// explains; attempts without a call, both the latest first; and messages that hooks did
// not get. after is Differences.Next of the page before.
func (db *DB) Differences(ctx context.Context, limit int, after string) (d app.Differences, err error) {
	seen, call, paged := strings.Cut(after, "~")
	micros, wrong := strconv.ParseInt(seen, 10, 64)
	behind := time.UnixMicro(micros)
	switch {
	case after == "":
		behind = time.Now().AddDate(100, 0, 0)
	case !paged || wrong != nil:
		return d, app.ErrCursor
	}
	type theirs struct {
		app.UnmatchedCall
		cursor string
	}
	var list []theirs
	err = db.lookup(ctx, func(tx pgx.Tx) error {
		list, err = collect(ctx, tx, func(row pgx.CollectableRow) (c theirs, err error) {
			err = row.Scan(&c.cursor, &c.CallUUID, &c.Status, &c.Direction, (*zeronull.Text)(&c.To), (*zeronull.Text)(&c.From), (*zeronull.Timestamptz)(&c.StartTime), &c.Price)
			return c, err
		}, `
		SELECT (extract(epoch FROM first_seen_at) * 1000000)::bigint || '~' || call_uuid,
		       call_uuid, status, direction, to_number, from_number, start_time, price
		FROM provider_calls c
		WHERE attempt_id IS NULL AND leg_of IS NULL
		  -- guard:drop storage.TestDifferences: who rang back is no difference
		  AND NOT EXISTS (SELECT FROM inbound_calls i WHERE i.call_uuid = ANY (call_spellings(c.call_uuid)))
		  AND (first_seen_at, call_uuid) < (@seen, @call)
		ORDER BY first_seen_at DESC, call_uuid DESC LIMIT @limit`,
			pgx.StrictNamedArgs{"seen": behind, "call": plain(call), "limit": limit + 1})
		return err
	})
	if err != nil {
		return d, fmt.Errorf("list calls without an attempt: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		d.Next = list[limit-1].cursor
	}
	d.Theirs = column(list, func(c theirs) app.UnmatchedCall { return c.UnmatchedCall })
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
