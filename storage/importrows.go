package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/failpoint"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// AddContacts loads a batch of rows, in one transaction. Rows of new people are added
// by COPY. Rows of people who are in the campaign are compared. Differences are
// reported, and with Import.Update the contact is changed if it must still be called. A
// key that occurs twice in the file is reported and counts once. Refused rows and
// repeated keys are stored with their reasons, so that every row is accounted for.
func (db *DB) AddContacts(ctx context.Context, by app.Actor, campaignID int64, source string, batch campaign.RowBatch) (added campaign.BatchResult, err error) {
	err = db.inTx(ctx, failpoint.AtEnd("import.commit", func(tx pgx.Tx) error {
		im := contactImport{tx: tx, campaignID: campaignID, source: source, run: batch.Import}
		if im.run.ID == 0 {
			im.run = campaign.Import{CampaignID: campaignID, Source: source, Update: batch.Import.Update}
			if err := beginImport(ctx, tx, by, &im.run); err != nil {
				return err
			}
		}
		added, err = im.add(ctx, batch)
		updated := countUpdated(added.Changed)
		if err != nil || added.Added+updated == 0 {
			return err
		}
		return audit(ctx, tx, by, auditEntry{
			action: "contacts.add", object: campaignObject(campaignID),
			after: fields{
				"source": source, "added": added.Added, "updated": updated,
				"duplicates": len(added.Duplicates), "refused": len(batch.Rejected) + len(added.Rejected),
			},
		})
	}))
	if err != nil {
		return campaign.BatchResult{}, fmt.Errorf("add contacts to campaign %d: %w", campaignID, err)
	}
	return added, nil
}

func countUpdated(list []campaign.ChangedRow) (n int) {
	for _, c := range list {
		if c.Updated {
			n++
		}
	}
	return n
}

// contactImport is the transaction that adds one batch.
type contactImport struct {
	tx         pgx.Tx
	campaignID int64
	source     string
	run        campaign.Import
	due        time.Time // the due time of rows without their own time
	together   bool      // people who share a number share a call
	finished   bool      // the campaign shows finished, and runs again with the first added row
}

func (im *contactImport) add(ctx context.Context, batch campaign.RowBatch) (campaign.BatchResult, error) {
	if err := im.lockCampaign(ctx); err != nil {
		return campaign.BatchResult{}, err
	}
	groups, err := im.zoneGroups(ctx, batch.Rows)
	if err != nil {
		return campaign.BatchResult{}, err
	}
	known, err := im.known(ctx, batch)
	if err != nil {
		return campaign.BatchResult{}, err
	}
	c := classify(batch.Rows, groups, known)
	if err := im.copy(ctx, c.added, groups); err != nil {
		return campaign.BatchResult{}, err
	}
	if err := noteCountries(ctx, im.tx, im.campaignID, slices.Concat(column(batch.Rows, countriesOf)...)); err != nil {
		return campaign.BatchResult{}, err
	}
	if err := im.joinTogether(ctx, c.added); err != nil {
		return campaign.BatchResult{}, err
	}
	if err := im.noteSeen(ctx, batch, known); err != nil {
		return campaign.BatchResult{}, err
	}
	if im.run.Update {
		err = im.update(ctx, c.changed, groups)
	}
	c.result.Changed = column(c.changed, func(ch change) campaign.ChangedRow { return ch.ChangedRow })
	if len(c.changed) == 0 {
		c.result.Changed = nil
	}
	if err != nil {
		return campaign.BatchResult{}, err
	}
	return c.result, im.storeRejects(ctx, c.contactLines, slices.Concat(batch.Rejected, c.rejects))
}

// lockCampaign makes a stop wait until the rows are added, so that it ends them too. It
// also makes other imports into the campaign wait. Of two rows with one key the second
// then finds the first, so a plain COPY, which cannot skip a row, is enough.
func (im *contactImport) lockCampaign(ctx context.Context) error {
	var status campaign.Status
	var ended bool
	var reads pgx.Batch
	reads.Queue(`SELECT pg_advisory_xact_lock(hashtextextended('import', $1))`, im.campaignID)
	reads.Queue(`SELECT FROM campaigns WHERE id = $1 AND status = 'finished' FOR NO KEY UPDATE`, im.campaignID) // copy changes it
	reads.Queue(`SELECT status, coalesce(ends_at <= clock_timestamp(), false), created_at, coalesce(settings->>'together', '') = 'true' FROM campaigns WHERE id = $1 FOR SHARE`, im.campaignID).
		QueryRow(func(row pgx.Row) error { return row.Scan(&status, &ended, &im.due, &im.together) })
	err := im.tx.SendBatch(ctx, &reads).Close()
	switch {
	case err != nil:
	case status.Rule().Over:
		err = errStopped
	case ended:
		err = errEnded
	}
	im.finished = status == campaign.Finished
	return err
}

// noteSeen records which contacts of the campaign are in the file, also in refused
// rows. Contacts that this import added have its import_id.
func (im *contactImport) noteSeen(ctx context.Context, batch campaign.RowBatch, known map[string]*knownContact) error {
	var ids []int64
	var lines []int
	note := func(key string, line int) {
		if k := known[plain(key)]; k != nil && k.id != 0 && k.seenLine == line {
			ids, lines = append(ids, k.id), append(lines, line)
		}
	}
	for _, r := range batch.Rows {
		note(r.KeyOrNumber(), r.Line)
	}
	for _, r := range batch.Rejected {
		if k := known[plain(r.Key)]; k != nil && k.seenLine == 0 {
			k.seenLine = r.Line
		}
		note(r.Key, r.Line)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := im.tx.Exec(ctx, `
		INSERT INTO import_rows (import_id, contact_id, line_no) SELECT $1, u.* FROM unnest($2::bigint[], $3::int[]) AS u
		ON CONFLICT DO NOTHING`, im.run.ID, ids, lines)
	return err
}

// copy adds rows in the file's order. Contacts without their own time are all due at
// the campaign's start, and so are called in that order too.
func (im *contactImport) copy(ctx context.Context, rows []campaign.Row, groups map[string]int64) error {
	if len(rows) == 0 {
		return nil
	}
	columns := []string{
		"campaign_id", "zone_group_id", "source", "import_id", "line_no", "key", "to_number", "vars", "call_at", "not_later_than", "due_at",
		"country", "numbers", "number_groups", "number_countries", "remind_at", "own_time",
	}
	_, err := im.tx.CopyFrom(ctx, pgx.Identifier{"contacts"}, columns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		r := rows[i]
		return []any{
			im.campaignID, groups[zoneKey(r.Zones, r.ZoneBasis)], im.source, im.run.ID, r.Line, r.Key, r.To, varsOf(r),
			zeronull.Timestamptz(r.CallAt), zeronull.Timestamptz(r.NotLaterThan), im.dueAt(r),
			r.Country, several(r, numbersOf(r)), several(r, groupsOf(r, groups)), several(r, countriesOf(r)), r.RemindAt, zeronull.Timestamptz(r.OwnTime),
		}, nil
	}))
	if err == nil && im.finished {
		_, err = im.tx.Exec(ctx, `UPDATE campaigns SET status = 'running' WHERE id = $1 AND status = 'finished'`, im.campaignID)
	}
	return err
}

// noteCountries stores the countries that the campaign calls: the possible cost of a
// call depends on them. "" is for numbers of no country.
func noteCountries(ctx context.Context, tx pgx.Tx, campaignID int64, countries []string) error {
	slices.Sort(countries)
	_, err := tx.Exec(ctx, `
		INSERT INTO campaign_countries (campaign_id, country) SELECT $1, unnest($2::text[])
		ON CONFLICT DO NOTHING`, campaignID, slices.Compact(countries))
	return err
}

// numbersOf are a row's numbers, and groupsOf the groups of their zones.
func numbersOf(r campaign.Row) []string {
	return column(r.Numbers(), func(n campaign.RowNumber) string { return n.To })
}

func countriesOf(r campaign.Row) []string {
	return column(r.Numbers(), func(n campaign.RowNumber) string { return n.Country })
}

func groupsOf(r campaign.Row, groups map[string]int64) []int64 {
	return column(r.Numbers(), func(n campaign.RowNumber) int64 { return groups[zoneKey(n.Zones, n.ZoneBasis)] })
}

// several is a list of each of a row's numbers; null if it has one number.
func several[T any](r campaign.Row, list []T) []T {
	if len(r.More) == 0 {
		return nil
	}
	return list
}

func varsOf(r campaign.Row) map[string]string {
	if r.Vars == nil {
		return map[string]string{}
	}
	return r.Vars
}

// dueAt is when a row's contact may first be called.
func (im *contactImport) dueAt(r campaign.Row) time.Time {
	return cmp.Or(r.CallAt, im.due)
}

// storeRejects stores refused rows. It removes a line that a corrected file turned into
// a contact. A line that is unchanged in a file that has grown is stored once.
func (im *contactImport) storeRejects(ctx context.Context, contactLines []int, rejects []campaign.RowError) error {
	lines := make([]int, len(rejects))
	columns, reasons, records := make([]string, len(rejects)), make([]string, len(rejects)), make([]string, len(rejects))
	for i, r := range rejects {
		lines[i], columns[i], reasons[i], records[i] = r.Line, plain(r.Column), plain(r.Reason), plain(r.Record)
	}
	var writes pgx.Batch
	if len(contactLines) > 0 {
		writes.Queue(`
			DELETE FROM rejected_rows WHERE campaign_id = $1 AND source = $2
			AND line_no BETWEEN $3 AND $4 AND line_no = ANY ($5)`,
			im.campaignID, im.source, contactLines[0], contactLines[len(contactLines)-1], contactLines)
	}
	if len(rejects) > 0 {
		writes.Queue(`
			INSERT INTO rejected_rows (campaign_id, source, line_no, column_name, reason, record)
			SELECT $1, $2, u.* FROM unnest($3::int[], $4::text[], $5::text[], $6::text[]) AS u (line_no, column_name, reason, record)
			WHERE NOT EXISTS (SELECT FROM rejected_rows r WHERE r.campaign_id = $1 AND r.source <> $2
			                  AND r.line_no = u.line_no AND r.record = u.record)
			ON CONFLICT DO NOTHING`, im.campaignID, im.source, lines, columns, reasons, records)
	}
	return im.tx.SendBatch(ctx, &writes).Close()
}
