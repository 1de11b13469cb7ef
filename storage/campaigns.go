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

// OpenCampaign creates the campaign in state importing, or finds the one of
// that name. A *campaign.OtherSettingsError says in what its settings differ. One
// whose first import broke off before anybody was in it takes the settings given.
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

// openMinutes writes the open parts of a week as Postgres writes ranges.
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

// createOrFind also returns the given settings as Postgres gives them back, so
// that they are compared with stored ones in the same form.
func (db *DB) createOrFind(ctx context.Context, by app.Actor, name string, s campaign.Settings) (c campaign.Campaign, given campaign.Settings, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		created := false
		open := func() (err error) {
			created, err = insertCampaign(ctx, tx, by, name, campaign.Importing, s)
			if err != nil {
				return err
			}
			err = tx.QueryRow(ctx, `SELECT `+campaignColumns+`, $2::jsonb FROM campaigns c WHERE name = $1`, name, s).
				Scan(append(campaignFields(&c), &given)...)
			given.Document = s.Document // it is not among the settings
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

// insertCampaign makes a campaign with its first version, unless the name is taken.
func insertCampaign(ctx context.Context, tx pgx.Tx, by app.Actor, name string, status campaign.Status, s campaign.Settings) (created bool, err error) {
	args := settingsArgs(s)
	args["name"], args["status"], args["by"] = name, status, plain(by.Name)
	tag, err := tx.Exec(ctx, `
		WITH made AS (
			INSERT INTO campaigns (name, status, import_finished_at, settings, document, from_numbers,
			                       starts_at, ends_at, max_attempts, open_minutes, closed_dates, margin_minutes,
			                       priority, cap_calls, cap_spans, countries)
			VALUES (@name, @status, CASE WHEN @status = 'running' THEN clock_timestamp() END, @settings, @document, @from,
			        @start, @end, @attempts, @open::text::int4multirange, @except::text[]::date[], @margin,
			        @priority, @cap_calls, @cap_spans, @countries)
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

// settingsArgs are the settings as they are stored: whole, and again by column what
// the claim and the rules ask for.
func settingsArgs(s campaign.Settings) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"settings": s, "document": s.Document, "from": s.From, "attempts": mostAttempts(s), "start": zeronull.Timestamptz(s.Start), "end": zeronull.Timestamptz(s.End),
		"open": openMinutes(s.Hours.Week), "except": append([]string{}, s.Hours.Except...), "margin": int(s.Hours.Margin / time.Minute),
		"priority":  s.Limits.PriorityOrDefault(),
		"cap_calls": column(s.Limits.PerNumber, func(c campaign.NumberCap) int { return c.Calls }),
		"cap_spans": column(s.Limits.PerNumber, func(c campaign.NumberCap) time.Duration { return c.Within }),
		"countries": append([]string{}, s.Countries...),
	}
}

// mostAttempts is how often the campaign calls one person; null where each reminder
// has its own calls.
func mostAttempts(s campaign.Settings) zeronull.Int4 {
	if s.Remind != nil {
		return 0
	}
	return zeronull.Int4(s.Retry.Attempts)
}

// CreateCampaign makes a campaign that nobody is in yet. It runs at once, or from
// its start on, and takes contacts until its end or a stop; a draft waits for a
// resume. campaign.ErrExists: the name is taken.
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

// CampaignDocument reads a campaign's document; nil if it was made without one.
func (db *DB) CampaignDocument(ctx context.Context, id int64) (document json.RawMessage, err error) {
	if err := db.pool.QueryRow(ctx, `SELECT document FROM campaigns WHERE id = $1`, id).Scan(&document); err != nil {
		return nil, fmt.Errorf("read the document of campaign %d: %w", id, translate(err))
	}
	return document, nil
}

// lockedCampaign is a campaign's row, locked against claims and other changes of
// its status. A claim that holds the row is waited for, so what it reserved is
// seen by the statements that follow.
type lockedCampaign struct {
	id       int64
	status   campaign.Status
	reason   string // why it is paused
	imported bool
}

func lockCampaign(ctx context.Context, tx pgx.Tx, id int64) (lockedCampaign, error) {
	c := lockedCampaign{id: id}
	err := tx.QueryRow(ctx, `
		SELECT status, coalesce(pause_reason, ''), import_finished_at IS NOT NULL
		FROM campaigns WHERE id = $1 FOR NO KEY UPDATE`, id).Scan(&c.status, &c.reason, &c.imported)
	return c, err
}

// fields are what the audit says of it.
func (c lockedCampaign) fields() fields {
	f := fields{"status": c.status}
	if c.status == campaign.Paused {
		f["reason"] = plain(c.reason)
	}
	return f
}

// move stores another status, and writes the change to the audit.
func (c lockedCampaign) move(ctx context.Context, tx pgx.Tx, by app.Actor, action string, to campaign.Status, reason string) error {
	_, err := tx.Exec(ctx, `
		UPDATE campaigns SET status = @status, pause_reason = @reason,
		       stopped_at = CASE WHEN @status = 'stopped' THEN coalesce(stopped_at, clock_timestamp()) END,
		       import_finished_at = CASE WHEN @status = 'running' THEN coalesce(import_finished_at, clock_timestamp()) ELSE import_finished_at END
		WHERE id = @id`,
		pgx.StrictNamedArgs{"id": c.id, "status": to, "reason": zeronull.Text(plain(reason))})
	if err == nil && to != campaign.Paused {
		err = closePauseAlarms(ctx, tx, by, c.id)
	}
	if err != nil {
		return err
	}
	//guard:value(err) internal/app.TestCampaignChangesAreAudited: who changed a campaign is kept
	return audit(ctx, tx, by, auditEntry{
		action: action, object: campaignObject(c.id),
		before: c.fields(), after: lockedCampaign{status: to, reason: reason}.fields(),
	})
}

// FinishImport lets an importing campaign run. A paused one stays paused, and
// runs once it is resumed.
func (db *DB) FinishImport(ctx context.Context, by app.Actor, campaignID int64) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		c, err := lockCampaign(ctx, tx, campaignID)
		if err != nil || c.imported {
			return err
		}
		if c.status == campaign.Importing {
			return c.move(ctx, tx, by, "import.finish", campaign.Running, "")
		} // a draft stays one, and what is paused stays so
		if _, err := tx.Exec(ctx, `UPDATE campaigns SET import_finished_at = clock_timestamp() WHERE id = $1`, c.id); err != nil {
			return err
		}
		return audit(ctx, tx, by, auditEntry{action: "import.finish", object: campaignObject(c.id), before: c.fields(), after: c.fields()})
	})
	if err != nil {
		return fmt.Errorf("finish import of campaign %d: %w", campaignID, err)
	}
	return nil
}

// Pause takes effect at its commit: after it no gate lets a call of the campaign
// through. Attempts that wait in the queue are withdrawn and their contacts stay
// due. Pausing a paused campaign changes nothing.
func (db *DB) Pause(ctx context.Context, by app.Actor, campaignID int64, reason string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		c, err := lockCampaign(ctx, tx, campaignID)
		switch {
		case err != nil || c.status == campaign.Paused:
			return err
		case !c.status.Rule().MayPause:
			return c.wrongStatus()
		}
		return c.pause(ctx, tx, by, reason, campaign.Operator)
	})
	if err != nil {
		return fmt.Errorf("pause campaign %d: %w", campaignID, err)
	}
	return nil
}

func (c lockedCampaign) wrongStatus() error { return fmt.Errorf("it is %s", c.status) }

func (c lockedCampaign) pause(ctx context.Context, tx pgx.Tx, by app.Actor, reason string, writer campaign.Writer) error {
	if err := c.move(ctx, tx, by, "campaign.pause", campaign.Paused, reason); err != nil {
		return err
	}
	return withReserved(ctx, tx, c.id, func(contact *contactTx) error {
		//guard:drop chaos.Operated: a paused campaign calls nobody
		contact.voidReserved(campaign.WithdrawnPaused, writer)
		return nil
	})
}

// withReserved changes the campaign's contacts that have an attempt in the queue.
func withReserved(ctx context.Context, tx pgx.Tx, campaignID int64, change func(*contactTx) error) error {
	contacts, err := collect(ctx, tx, pgx.RowTo[int64],
		`SELECT contact_id FROM attempts WHERE campaign_id = $1 AND state = 'reserved'`, campaignID)
	if err != nil {
		return err
	}
	return withContacts(ctx, tx, contacts, change)
}

// Resume lets a paused campaign call again, and starts a draft. A stopped one stays
// stopped.
func (db *DB) Resume(ctx context.Context, by app.Actor, campaignID int64) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		c, err := lockCampaign(ctx, tx, campaignID)
		switch {
		case err != nil || c.status.Rule().MayPause:
			return err
		case !c.status.Rule().MayResume:
			return c.wrongStatus()
		case c.imported || c.status == campaign.Draft:
			return c.move(ctx, tx, by, "campaign.resume", campaign.Running, "")
		}
		return c.move(ctx, tx, by, "campaign.resume", campaign.Importing, "")
	})
	if err != nil {
		return fmt.Errorf("resume campaign %d: %w", campaignID, err)
	}
	return nil
}

// stopBatch is how many contacts are ended in one transaction.
const stopBatch = 500

// Stop ends a campaign for good. It takes effect at its first commit. The
// contacts that were not reached then end as stopped, a batch at a time. If it
// is interrupted, the sweeper ends the rest of them.
func (db *DB) Stop(ctx context.Context, by app.Actor, campaignID int64) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		c, err := lockCampaign(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if c.status != campaign.Stopped {
			if err := c.move(ctx, tx, by, "campaign.stop", campaign.Stopped, ""); err != nil {
				return err
			}
		}
		//guard:value(error(nil)) chaos.Operated: a stopped campaign calls nobody
		return withReserved(ctx, tx, c.id, unchanged)
	})
	for ended := 1; err == nil && ended > 0; {
		ended, err = db.endStopped(ctx, campaignID)
	}
	if err != nil {
		return fmt.Errorf("stop campaign %d: %w", campaignID, err)
	}
	return nil
}

// endStopped ends one batch of a stopped campaign's contacts that wait for a
// call, and returns how many.
func (db *DB) endStopped(ctx context.Context, campaignID int64) (ended int, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		contacts, err := collect(ctx, tx, pgx.RowTo[int64], `
			SELECT k.id FROM zone_groups g CROSS JOIN LATERAL (
				SELECT id FROM contacts WHERE zone_group_id = g.id AND state IN ('pending', 'waiting') LIMIT $2) AS k
			WHERE g.campaign_id = $1 LIMIT $2`, campaignID, stopBatch)
		if err != nil {
			return err
		}
		ended = len(contacts)
		return withContacts(ctx, tx, contacts, unchanged)
	})
	return ended, err
}

// closePauseAlarms resolves what told why the campaign was paused: a resume or a
// stop has settled it. If the cause is still there, the alarm comes back.
func closePauseAlarms(ctx context.Context, tx pgx.Tx, by app.Actor, campaignID int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE alarms m SET resolved_at = clock_timestamp(), resolved_by = @by
		WHERE (m.resolved_at IS NULL OR m.last_at > m.resolved_at)
		  AND (m.kind IN (@paused, @budget) AND m.detail LIKE 'campaign ' || @campaign::bigint || ' was paused%'
		       OR m.kind = @message AND EXISTS (SELECT FROM attempts a WHERE a.id = m.attempt_id AND a.campaign_id = @campaign))`,
		pgx.StrictNamedArgs{"by": plain(by.Name), "paused": campaign.AlarmPaused, "budget": campaign.AlarmBudget, "message": campaign.AlarmMessage, "campaign": campaignID})
	if err != nil {
		return fmt.Errorf("close the alarms of a pause: %w", err)
	}
	return nil
}
