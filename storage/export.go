package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// exported is one line for each person, in the order of their files. It is read row by
// row, so an export of any size takes no memory.
const exported = `
	SELECT k.key, k.line, k.to_number, k.row, k.state, k.reason, k.result, k.heard_at, k.attempts,
	       c.first_at, c.last_at, k.next_attempt_at, coalesce(c.duration_s, 0), c.price,
	       k.answered, coalesce(c.answered, 0)
	FROM reporting.contacts k JOIN campaigns g ON g.id = k.campaign_id,
	LATERAL (SELECT g.settings->'retry'->>'until' AS until, listed_as(k.state, k.reason, k.heard_at, k.result, false) AS listed) AS asked
	LEFT JOIN LATERAL (
		SELECT min(coalesce(a.start_time, a.dialed_at)) AS first_at, max(coalesce(a.start_time, a.dialed_at)) AS last_at,
		       sum(a.duration_s) AS duration_s, sum(a.price) AS price,
		       count(*) FILTER (WHERE was_answered(a.disposition)) AS answered
		FROM attempts a WHERE a.contact_id = coalesce(k.called_with, k.contact_id) AND a.state IN ('accepted', 'ended')) AS c ON true
	WHERE k.campaign_id = @campaign
	  AND (NOT @reached OR reached_as(until, listed))
	  AND (NOT @not_reached OR not_reached_as(until, listed))
	  AND (@result = '' OR k.result = @result)
	ORDER BY k.contact_id`

// ExportContacts reads a campaign's people at one moment.
func (db *DB) ExportContacts(ctx context.Context, campaignID int64, q app.ExportQuery, begin func([]string) error, each func(app.ExportedContact) error) error {
	err := db.read(ctx, func(tx pgx.Tx) error {
		columns, err := fileColumns(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if err := begin(columns); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, exported, pgx.StrictNamedArgs{"campaign": campaignID, "reached": q.Reached, "not_reached": q.NotReached, "result": q.Result})
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			k, err := scanExported(rows)
			if err == nil {
				err = each(k)
			}
			if err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("export campaign %d: %w", campaignID, err)
	}
	return nil
}

func scanExported(rows pgx.Rows) (k app.ExportedContact, err error) {
	moment := func(t *time.Time) *zeronull.Timestamptz { return (*zeronull.Timestamptz)(t) }
	err = rows.Scan(&k.Key, &k.Line, &k.To, &k.Row, &k.State, (*zeronull.Text)(&k.Reason), (*zeronull.Text)(&k.Result), moment(&k.HeardAt), &k.Calls,
		moment(&k.FirstCallAt), moment(&k.LastCallAt), moment(&k.NextAttemptAt), &k.DurationS, &k.Price, &k.Answered, &k.CallsAnswered)
	return k, err
}

// fileColumns are the columns of the campaign's files, in their order: those of the
// first file, then the additional ones of later files. Further columns of contacts,
// from before imports were stored, come last.
func fileColumns(ctx context.Context, tx pgx.Tx, campaignID int64) (columns []string, err error) {
	lists, err := collect(ctx, tx, pgx.RowTo[[]string], `
		SELECT columns FROM (SELECT columns, 1 AS part, id FROM imports WHERE campaign_id = $1
		UNION ALL SELECT ARRAY(SELECT DISTINCT jsonb_object_keys(k.vars) AS name FROM contacts k
		    WHERE k.campaign_id = $1 AND NOT EXISTS (SELECT FROM imports i WHERE i.id = k.import_id AND i.columns <> '{}') ORDER BY name), 2, 0) AS lists
		ORDER BY part, id`, campaignID)
	for _, list := range lists {
		for _, name := range list {
			if !slices.Contains(columns, name) {
				columns = append(columns, name)
			}
		}
	}
	return columns, err
}
