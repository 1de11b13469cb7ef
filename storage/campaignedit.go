package storage

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// EditCampaign gives a campaign other settings, as its next version. From the commit on
// every call uses them: the campaign's row blocks claims, the attempts in the queue are
// withdrawn in the same transaction, and after that the gate checks the rule.
//
// If the edit changes which people are called again, or when, waiting contacts are then
// rescheduled, a batch at a time. If that is interrupted, the same edit again completes
// it, and so does the sweeper. In the meantime nobody is called more often than the new
// settings allow: the gate checks that.
func (db *DB) EditCampaign(ctx context.Context, by app.Actor, campaignID int64, version int, s campaign.Settings) (changes []campaign.Difference, err error) {
	var again bool
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		changes, again, err = editCampaign(ctx, tx, by, campaignID, version, s)
		return err
	})
	if err == nil && again {
		err = db.decideWaiting(ctx, campaignID)
	}
	if err != nil {
		return nil, fmt.Errorf("edit campaign %d: %w", campaignID, err)
	}
	return changes, nil
}

// edit holds the old and the new settings.
type edit struct {
	id         int64
	version    int // the version that the edit is based on
	name       string
	was, given campaign.Settings
	changes    []campaign.Difference
}

// editCampaign reports whether waiting contacts must be decided again.
func editCampaign(ctx context.Context, tx pgx.Tx, by app.Actor, id int64, version int, s campaign.Settings) (changes []campaign.Difference, again bool, err error) {
	e, err := lockForEdit(ctx, tx, id, version, s)
	if err != nil {
		return nil, false, err
	}
	if len(e.changes) == 0 {
		err = tx.QueryRow(ctx, `SELECT decide_waiting FROM campaign_versions WHERE campaign_id = $1 AND version = $2`, id, version).Scan(&again)
		return nil, again, err
	}
	if err := checkColumns(ctx, tx, id, s.Message); err != nil {
		return nil, false, err
	}
	if err := storeVersion(ctx, tx, by, id, version+1, s); err != nil {
		return nil, false, err
	}
	if err := e.carryOut(ctx, tx, s.Limits); err != nil {
		return nil, false, err
	}
	if again = e.decidesWaiting(); again {
		if _, err := tx.Exec(ctx, `UPDATE campaign_versions SET decide_waiting = true WHERE campaign_id = $1 AND version = $2`, id, version+1); err != nil {
			return nil, false, err
		}
	}
	before, after := fields{"version": version}, fields{"version": version + 1}
	for _, d := range e.changes {
		before[d.Setting], after[d.Setting] = plain(d.Stored), plain(d.Given)
	}
	return e.changes, again, audit(ctx, tx, by, auditEntry{action: "campaign.edit", object: campaignObject(id), before: before, after: after})
}

// lockForEdit reads the campaign for the edit, if it is allowed: the campaign is not
// over, and nobody has edited it since.
func lockForEdit(ctx context.Context, tx pgx.Tx, id int64, version int, s campaign.Settings) (edit, error) {
	c, err := lockCampaign(ctx, tx, id)
	if err != nil {
		return edit{}, translate(err)
	}
	if c.status.Rule().Over {
		return edit{}, c.wrongStatus()
	}
	e := edit{id: id, version: version}
	var has int
	err = tx.QueryRow(ctx, `SELECT name, version, settings, document, $2::jsonb FROM campaigns WHERE id = $1`, id, s).
		Scan(&e.name, &has, &e.was, &e.was.Document, &e.given)
	if err != nil {
		return edit{}, err
	}
	//guard:false storage.TestEditOfAnOlderVersion: an edit that was made of an older version changes nothing
	if has != version {
		return edit{}, campaign.ErrEdited
	}
	e.given.Document = s.Document // the document is not among the settings
	e.changes = e.was.Changes(e.given)
	return e, nil
}

// carryOut applies the new settings to everybody who was not called yet.
func (e edit) carryOut(ctx context.Context, tx pgx.Tx, limits campaign.Limits) error {
	if !slices.Equal(e.was.Countries, e.given.Countries) {
		//guard:drop storage.TestEditOfCountriesAfterAnUpgrade: whose country was not kept is judged by it all the same
		if err := nameCountries(ctx, tx, e.id); err != nil {
			return err
		}
	}
	spent, err := replanReminders(ctx, tx, e.id, e.was, e.given)
	if err != nil {
		return err
	}
	err = withReserved(ctx, tx, e.id, func(contact *contactTx) error {
		//guard:drop storage.TestEditWhileQueued: what waits in the queue is called by the new settings, or not at all
		contact.voidReserved(campaign.WithdrawnChanged, campaign.Operator)
		return nil
	})
	if err != nil {
		return err
	}
	//guard:false storage.TestBudgetThatComesLater: calls that are up when a budget comes hold back what they may cost
	if limits.Budget.Valid {
		if _, err := tx.Exec(ctx, holdUnpricedOfCampaign, pgx.StrictNamedArgs{"campaign": e.id, "budget": asWritten(limits.Budget)}); err != nil {
			return err
		}
	}
	if err := withContacts(ctx, tx, spent, unchanged); err != nil {
		return err
	}
	//guard:value(nil) chaos.AtOnce: an edit of the limits holds
	return storeLimits(ctx, tx, e.name, limits) // after the attempts, in the order of all locks
}

// decidesWaiting reports whether the edit changes which people are called again, or
// when.
func (e edit) decidesWaiting() bool {
	switch {
	//guard:false storage.TestEditOfThePurpose: who may not be called for the new purpose ends
	case e.was.Purpose() != e.given.Purpose():
		return true
	case e.was.Retry.String() != e.given.Retry.String(), fmt.Sprint(e.was.Limits.PerNumber) != fmt.Sprint(e.given.Limits.PerNumber):
		return true
	}
	//guard:value(false) storage.TestEditOfHoursAndAnotherTimeOfTheDay: who is called at another time of the day is put down by the new hours
	return e.given.Retry.OtherTime > 0 && !reflect.DeepEqual(e.was.Hours, e.given.Hours)
}

// replanReminders computes the reminder times of waiting people again, after an edit of
// the hours, the start or the end. People whose current reminder is removed must be
// decided again: they are in spent.
func replanReminders(ctx context.Context, tx pgx.Tx, id int64, was, given campaign.Settings) (spent []int64, err error) {
	//guard:value(true) storage.TestEditOfHoursMovesReminders: reminders to come are moved by an edit of the hours
	if given.Remind == nil || reflect.DeepEqual(was.Hours, given.Hours) && was.Start.Equal(given.Start) && was.End.Equal(given.End) {
		return nil, nil
	}
	waiting, err := collect(ctx, tx, pgx.RowTo[int64], `
		SELECT k.id FROM zone_groups g JOIN contacts k ON k.zone_group_id = g.id
		WHERE g.campaign_id = $1 AND k.state <> 'done' AND k.remind_at <> '{}' AND k.own_time IS NOT NULL ORDER BY k.id`, id)
	type reminded struct {
		ID             int64
		Number         string
		Own, Last, Due time.Time
		RemindAt       []time.Time
		Zones          []string // of the first number, with which the row was read
		Now            time.Time
	}
	for batch := range slices.Chunk(waiting, sweepBatch) {
		list, err := collect(ctx, tx, pgx.RowToStructByPos[reminded], `
			SELECT k.id, coalesce(k.numbers[1], k.to_number), k.own_time, k.not_later_than, k.due_at, k.remind_at, g.zones, now()
			FROM contacts k JOIN zone_groups g ON g.id = coalesce(k.number_groups[1], k.zone_group_id)
			WHERE k.id = ANY ($1) AND k.state <> 'done' AND k.remind_at <> '{}' AND k.own_time IS NOT NULL AND k.not_later_than IS NOT NULL
			ORDER BY k.id FOR UPDATE OF k`, batch)
		if err != nil {
			return nil, err
		}
		var b pgx.Batch
		for _, k := range list {
			toCome := was.RemindersToCome(given, k.RemindAt, k.Own, k.Last, k.Now, k.Zones, k.Number)
			times, due := campaign.Replan(k.RemindAt, k.Due, toCome, k.Now)
			if slices.EqualFunc(times, k.RemindAt, time.Time.Equal) && due.Equal(k.Due) {
				continue
			}
			if len(toCome) == 0 && due.After(k.Now) {
				spent = append(spent, k.ID)
			}
			b.Queue(`UPDATE contacts SET remind_at = $2, call_at = ($2::timestamptz[])[1], due_at = $3 WHERE id = $1`, k.ID, times, due)
		}
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return nil, err
		}
	}
	return spent, err
}

// nameCountries stores the countries of people from an earlier version of the program.
// It checked the countries at the import and stored none. The rule needs them once the
// campaign may call in other countries.
func nameCountries(ctx context.Context, tx pgx.Tx, id int64) error {
	numbers, err := collect(ctx, tx, pgx.RowTo[string], `
		SELECT DISTINCT to_number FROM contacts WHERE campaign_id = $1 AND country IS NULL AND state <> 'done'`, id)
	if err != nil || len(numbers) == 0 {
		return err
	}
	countries := column(numbers, campaign.CountryOf)
	if err := noteCountries(ctx, tx, id, slices.Clone(countries)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		UPDATE contacts k SET country = of.country FROM unnest($2::text[], $3::text[]) AS of (number, country)
		WHERE k.campaign_id = $1 AND k.country IS NULL AND k.state <> 'done' AND k.to_number = of.number`,
		id, numbers, countries)
	return err
}

// checkColumns refuses a message with a column that the campaign's people do not have.
func checkColumns(ctx context.Context, tx pgx.Tx, id int64, m campaign.Message) error {
	template, err := m.Compile()
	if err != nil {
		return err
	}
	columns, err := fileColumns(ctx, tx, id)
	if err != nil || len(columns) == 0 {
		return err // the campaign has no contacts yet
	}
	if missing := template.MissingColumns(columns); len(missing) > 0 {
		return fmt.Errorf("the message needs columns that the campaign's people do not have: %q", missing)
	}
	return nil
}

// storeVersion stores the settings, also as a version.
func storeVersion(ctx context.Context, tx pgx.Tx, by app.Actor, id int64, version int, s campaign.Settings) error {
	args := settingsArgs(s)
	args["id"], args["version"], args["by"] = id, version, plain(by.Name)
	_, err := tx.Exec(ctx, `
		WITH edited AS (
			-- guard:value chaos.Text: an edit of the text holds
			UPDATE campaigns SET version = @version, settings = @settings, document = @document, from_numbers = @from,
			       starts_at = @start, ends_at = @end, max_attempts = @attempts,
			       -- guard:value chaos.Hours: an edit of the hours holds
			       open_minutes = @open::text::int4multirange, closed_dates = @except::text[]::date[], margin_minutes = @margin,
			       priority = @priority, cap_calls = @cap_calls, cap_spans = @cap_spans, countries = @countries, remind_merge = @merge
			WHERE id = @id RETURNING id)
		INSERT INTO campaign_versions (campaign_id, version, settings, document, made_by)
		SELECT id, @version, @settings, @document, @by FROM edited`, args)
	return err
}

// decideWaiting decides the campaign's waiting contacts again.
func (db *DB) decideWaiting(ctx context.Context, campaignID int64) error {
	waiting, err := collect(ctx, db.pool, pgx.RowTo[int64], `
		SELECT k.id FROM zone_groups g JOIN contacts k ON k.zone_group_id = g.id
		WHERE g.campaign_id = $1 AND k.state IN ('pending', 'waiting') ORDER BY k.id`, campaignID)
	for batch := range slices.Chunk(waiting, sweepBatch) {
		if err == nil {
			err = db.inTx(ctx, func(tx pgx.Tx) error { return withContacts(ctx, tx, batch, dueAnew) })
		}
	}
	if err == nil {
		_, err = db.pool.Exec(ctx, `UPDATE campaign_versions SET decide_waiting = false WHERE campaign_id = $1 AND decide_waiting`, campaignID)
	}
	return err
}

// finishEdits completes edits that were interrupted.
func (db *DB) finishEdits(ctx context.Context) error {
	list, err := collect(ctx, db.pool, pgx.RowTo[int64], `
		SELECT DISTINCT campaign_id FROM campaign_versions WHERE decide_waiting AND made_at < clock_timestamp() - interval '1 minute'`)
	//guard:value(list[:0]) storage.TestEditThatWasInterrupted: an edit that was interrupted is completed
	for _, id := range list {
		undone := db.decideWaiting(ctx, id)
		err = errors.Join(err, undone)
	}
	return err
}

// dueAnew makes a contact that was never called due at its row's time: a cap on calls
// to one number may have delayed it.
func dueAnew(c *contactTx) error {
	c.anew = c.contact.State == campaign.Pending
	return nil
}

// CampaignVersion is the campaign's current version.
func (db *DB) CampaignVersion(ctx context.Context, campaignID int64) (v app.CampaignVersion, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT version, made_at, made_by FROM campaign_versions WHERE campaign_id = $1 ORDER BY version DESC LIMIT 1`, campaignID).
		Scan(&v.Version, &v.MadeAt, &v.MadeBy)
	if err != nil {
		return v, fmt.Errorf("find the version of campaign %d: %w", campaignID, translate(err))
	}
	return v, nil
}

// RowsToCall are up to limit rows of people who must still be called.
func (db *DB) RowsToCall(ctx context.Context, campaignID int64, limit int) ([]map[string]string, error) {
	list, err := collect(ctx, db.pool, pgx.RowTo[map[string]string], `
		SELECT k.vars FROM zone_groups g CROSS JOIN LATERAL (
			SELECT vars FROM contacts WHERE zone_group_id = g.id AND state IN ('pending', 'waiting') LIMIT $2) AS k
		WHERE g.campaign_id = $1 LIMIT $2`, campaignID, limit)
	if err != nil {
		return nil, fmt.Errorf("read rows of campaign %d: %w", campaignID, err)
	}
	return list, nil
}
