package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// OpenCampaign creates the campaign in state importing, or finds the one with that
// name. A *campaign.OtherSettingsError lists the differences between the settings. If
// the first import of a campaign broke off before it added anybody, the campaign takes
// the given settings.
func (db *DB) OpenCampaign(ctx context.Context, by app.Actor, name string, s campaign.Settings) (campaign.Campaign, error) {
	c, given, err := db.createOrFind(ctx, by, name, s)
	switch {
	case err != nil:
	case c.Status == campaign.Stopped:
		err = errStopped
	default:
		if differences := c.Settings.Differences(given); len(differences) > 0 {
			err = &campaign.OtherSettingsError{Differences: differences}
		}
	}
	if err != nil {
		return campaign.Campaign{}, fmt.Errorf("open campaign %q: %w", name, err)
	}
	return c, nil
}

// openMinutes writes the open parts of a week in Postgres's form of ranges.
func openMinutes(week []campaign.Span) string {
	var text strings.Builder
	for i, s := range week {
		fmt.Fprintf(&text, "%s[%d,%d)", strings.Repeat(",", min(i, 1)), s.From, s.To)
	}
	return "{" + text.String() + "}"
}

var (
	errStopped = errors.New("it was stopped, and takes no more rows")
	errEnded   = errors.New("its end has passed, and it takes no more rows")
)

// createOrFind also returns the given settings in the form that Postgres returns, so
// that they can be compared with stored ones.
func (db *DB) createOrFind(ctx context.Context, by app.Actor, name string, s campaign.Settings) (c campaign.Campaign, given campaign.Settings, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		created := false
		open := func() (err error) {
			created, err = insertCampaign(ctx, tx, by, name, campaign.Importing, s)
			if err != nil {
				return err
			}
			err = tx.QueryRow(ctx, `SELECT `+campaignColumns+`, c.document, $2::jsonb FROM campaigns c WHERE name = $1`, name, s).
				Scan(append(campaignFields(&c), &c.Settings.Document, &given)...)
			given.Document = s.Document // the document is not among the settings
			return err
		}
		if err := open(); err != nil {
			return err
		}
		if !created && c.Status == campaign.Importing && len(c.Settings.Differences(given)) > 0 {
			if kept, err := hasContactsOrRan(ctx, tx, c.ID); err != nil || kept {
				return err
			}
			if err := dropCampaign(ctx, tx, by, c.ID); err != nil {
				return err
			}
			if err := open(); err != nil {
				return err
			}
		}
		if !created {
			return nil
		}
		return audit(ctx, tx, by, auditEntry{
			action: "campaign.create", object: campaignObject(c.ID),
			after: fields{"name": name, "status": c.Status, "settings": given},
		})
	})
	return c, given, err
}

// insertCampaign creates a campaign with its first version, unless the name is taken.
func insertCampaign(ctx context.Context, tx pgx.Tx, by app.Actor, name string, status campaign.Status, s campaign.Settings) (created bool, err error) {
	args := settingsArgs(s)
	args["name"], args["status"], args["by"] = name, status, plain(by.Name)
	tag, err := tx.Exec(ctx, `
		WITH made AS (
			INSERT INTO campaigns (name, status, import_finished_at, settings, document, from_numbers,
			                       starts_at, ends_at, max_attempts, open_minutes, closed_dates, margin_minutes,
			                       priority, cap_calls, cap_spans, countries, remind_merge)
			VALUES (@name, @status, CASE WHEN @status = 'running' THEN clock_timestamp() END, @settings, @document, @from,
			        @start, @end, @attempts, @open::text::int4multirange, @except::text[]::date[], @margin,
			        @priority, @cap_calls, @cap_spans, @countries, @merge)
			ON CONFLICT (name) DO NOTHING RETURNING id)
		INSERT INTO campaign_versions (campaign_id, version, settings, document, made_by)
		SELECT id, 1, @settings, @document, @by FROM made`, args)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	return true, storeLimits(ctx, tx, name, s.Limits)
}

// storeLimits stores the limits that calls share, if there are any.
func storeLimits(ctx context.Context, tx pgx.Tx, name string, l campaign.Limits) error {
	calls, span := l.PerSecond.Window()
	_, err := tx.Exec(ctx, `
		MERGE INTO campaign_limits l USING (SELECT id FROM campaigns WHERE name = @name) AS c ON l.campaign_id = c.id
		WHEN MATCHED AND NOT @any THEN DELETE
		WHEN MATCHED THEN UPDATE SET at_once = @at_once, connected = @connected, budget = @budget::text::numeric,
			window_calls = @calls, window_span = CASE WHEN @calls::int > 0 THEN @span::interval END
		WHEN NOT MATCHED AND @any THEN INSERT (campaign_id, at_once, connected, budget, window_calls, window_span)
			VALUES (c.id, @at_once, @connected, @budget::text::numeric, @calls, CASE WHEN @calls::int > 0 THEN @span::interval END)`,
		pgx.StrictNamedArgs{
			"name": name, "any": l.Shared(), "at_once": zeronull.Int4(l.AtOnce), "connected": zeronull.Int4(l.Connected),
			"budget": asWritten(l.Budget), "calls": zeronull.Int4(calls), "span": span,
		})
	return err
}

// settingsArgs are the settings in the stored form: as a whole, and again as columns
// for the claim and the rules.
func settingsArgs(s campaign.Settings) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"settings": s, "document": s.Document, "from": s.From, "attempts": mostAttempts(s), "start": zeronull.Timestamptz(s.Start), "end": zeronull.Timestamptz(s.End),
		"open": openMinutes(s.Hours.Week), "except": append([]string{}, s.Hours.Except...), "margin": int(s.Hours.Margin / time.Minute),
		"priority":  s.Limits.PriorityOrDefault(),
		"cap_calls": column(s.Limits.PerNumber, func(c campaign.NumberCap) int { return c.Calls }),
		"cap_spans": column(s.Limits.PerNumber, func(c campaign.NumberCap) time.Duration { return c.Within }),
		"countries": append([]string{}, s.Countries...), "merge": mergeOf(s),
	}
}

// mergeOf is how near two reminders of one person must be to become one; nil: the
// campaign merges none.
func mergeOf(s campaign.Settings) *time.Duration {
	if s.Remind == nil || s.Remind.Merge == 0 {
		return nil
	}
	return &s.Remind.Merge
}

// mostAttempts is the most calls to one person; null if each reminder has its own
// calls.
func mostAttempts(s campaign.Settings) zeronull.Int4 {
	if s.Remind != nil {
		return 0
	}
	return zeronull.Int4(s.Retry.Attempts)
}

// CreateCampaign creates a campaign without contacts. It runs at once, or from its
// start on, and takes contacts until its end or a stop; a draft waits for a resume.
// campaign.ErrExists: the name is taken.
func (db *DB) CreateCampaign(ctx context.Context, by app.Actor, name string, draft bool, s campaign.Settings) (c campaign.Campaign, err error) {
	status := campaign.Running
	if draft {
		status = campaign.Draft
	}
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		created, err := insertCampaign(ctx, tx, by, name, status, s)
		if err == nil && !created {
			err = campaign.ErrExists
		}
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT `+campaignColumns+` FROM campaigns c WHERE name = $1`, name).Scan(campaignFields(&c)...); err != nil {
			return err
		}
		return audit(ctx, tx, by, auditEntry{
			action: "campaign.create", object: campaignObject(c.ID),
			after: fields{"name": name, "status": c.Status, "settings": c.Settings},
		})
	})
	if err != nil {
		return campaign.Campaign{}, fmt.Errorf("create campaign %q: %w", name, err)
	}
	return c, nil
}

// CampaignByName finds a campaign by its name, or else by its id.
func (db *DB) CampaignByName(ctx context.Context, nameOrID string) (campaign.Campaign, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+campaignColumns+` FROM campaigns c
		WHERE name = $1 OR id::text = $1 ORDER BY name = $1 DESC LIMIT 1`, nameOrID)
	if err != nil {
		return campaign.Campaign{}, fmt.Errorf("find campaign %q: %w", nameOrID, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCampaign)
	if err != nil {
		return campaign.Campaign{}, fmt.Errorf("find campaign %q: %w", nameOrID, translate(err))
	}
	return c, nil
}

// CampaignDocument reads a campaign's document; nil if the campaign was created without
// one.
func (db *DB) CampaignDocument(ctx context.Context, id int64) (document json.RawMessage, err error) {
	if err := db.pool.QueryRow(ctx, `SELECT document FROM campaigns WHERE id = $1`, id).Scan(&document); err != nil {
		return nil, fmt.Errorf("read the document of campaign %d: %w", id, translate(err))
	}
	return document, nil
}
