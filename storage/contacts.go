package storage

import (
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

// AddContacts loads a batch of rows by COPY, in one transaction. Rows that were
// added before, or repeat a number of the campaign, are reported and not added;
// refused rows and repeated numbers are kept with their reasons, so that every
// row that came in is accounted for.
func (db *DB) AddContacts(ctx context.Context, by app.Actor, campaignID int64, source string, batch campaign.RowBatch) (added campaign.BatchResult, err error) {
	err = db.inTx(ctx, failpoint.AtEnd("import.commit", func(tx pgx.Tx) error {
		im := contactImport{tx: tx, campaignID: campaignID, source: source}
		if added, err = im.run(ctx, batch); err != nil || added.Added == 0 {
			return err
		}
		return audit(ctx, tx, by, auditEntry{
			action: "contacts.add", object: campaignObject(campaignID),
			after: fields{"source": source, "added": added.Added, "duplicates": len(added.Duplicates), "refused": len(batch.Rejected) + len(added.Rejected)},
		})
	}))
	if err != nil {
		return campaign.BatchResult{}, fmt.Errorf("add contacts to campaign %d: %w", campaignID, err)
	}
	return added, nil
}

// contactImport is the transaction that adds one batch.
type contactImport struct {
	tx         pgx.Tx
	campaignID int64
	source     string
	due        time.Time // when rows without a time of their own are due
}

func (im *contactImport) run(ctx context.Context, batch campaign.RowBatch) (campaign.BatchResult, error) {
	if err := im.lockCampaign(ctx); err != nil {
		return campaign.BatchResult{}, err
	}
	groups, err := im.zoneGroups(ctx, batch.Rows)
	if err != nil {
		return campaign.BatchResult{}, err
	}
	existing, err := im.existing(ctx, batch.Rows)
	if err != nil {
		return campaign.BatchResult{}, err
	}
	c := classify(batch.Rows, groups, existing)
	if err := im.copy(ctx, c.added, groups); err != nil {
		return campaign.BatchResult{}, err
	}
	return c.result, im.storeRejects(ctx, c.contactLines, slices.Concat(batch.Rejected, c.rejects))
}

// lockCampaign keeps a stop waiting until the rows are in, so that it ends them
// too. It also keeps other imports into the campaign waiting: of two rows with one
// number the second finds the first, so a plain COPY, which cannot skip a row, is
// enough.
func (im *contactImport) lockCampaign(ctx context.Context) error {
	var status campaign.Status
	var reads pgx.Batch
	reads.Queue(`SELECT pg_advisory_xact_lock(hashtextextended('import', $1))`, im.campaignID)
	reads.Queue(`SELECT status, coalesce(starts_at, created_at) FROM campaigns WHERE id = $1 FOR SHARE`, im.campaignID).
		QueryRow(func(row pgx.Row) error { return row.Scan(&status, &im.due) })
	err := im.tx.SendBatch(ctx, &reads).Close()
	if err == nil && status == campaign.Stopped {
		err = errStopped
	}
	return err
}

// origin is the row that a contact came from.
type origin struct {
	line     int
	sameFile bool
}

// existing finds the contacts that have the rows' numbers already. It is planned
// each time, for the table as it is: a plan made while it was empty would read all
// of it for every batch.
func (im *contactImport) existing(ctx context.Context, rows []campaign.Row) (map[string]origin, error) {
	numbers := make([]string, len(rows))
	for i, r := range rows {
		numbers[i] = r.To
	}
	found, err := im.tx.Query(ctx, `
		SELECT to_number, line_no, source = $3 FROM contacts WHERE campaign_id = $1 AND to_number = ANY ($2)`,
		pgx.QueryExecModeCacheDescribe, im.campaignID, numbers, im.source)
	if err != nil {
		return nil, err
	}
	existing := make(map[string]origin, len(rows))
	var number string
	var from origin
	_, err = pgx.ForEachRow(found, []any{&number, &from.line, &from.sameFile}, func() error {
		existing[number] = from
		return nil
	})
	return existing, err
}

// classified is what becomes of a batch's rows.
type classified struct {
	result       campaign.BatchResult
	added        []campaign.Row
	rejects      []campaign.RowError
	contactLines []int // lines of this file that are a contact
}

// classify decides what becomes of each row. The same line of another file is the same
// row: a small file that was corrected or has grown has another fingerprint.
func classify(rows []campaign.Row, groups map[string]int64, existing map[string]origin) (c classified) {
	for _, r := range rows {
		first, known := existing[r.To]
		switch {
		case groups[zoneKey(r.Zones)] == unknownZone:
			c.refuse(r)
		case !known:
			existing[r.To] = origin{line: r.Line, sameFile: true}
			c.added = append(c.added, r)
			c.contactLines = append(c.contactLines, r.Line)
			c.result.Added++
		//guard:true internal/csvimport.TestImportResumesAfterFailure: an import that is run again adds nothing twice
		case first.line != r.Line:
			c.repeat(r, first)
		default:
			c.result.Already++
			if first.sameFile {
				c.contactLines = append(c.contactLines, r.Line)
			}
		}
	}
	return c
}

func (c *classified) refuse(r campaign.Row) {
	reject := campaign.RowError{
		Line: r.Line, Record: r.To,
		Reason: "the database does not know a time zone of this row; write the zone by another of its names, or update the database's zones",
	}
	c.result.Rejected = append(c.result.Rejected, reject)
	c.rejects = append(c.rejects, reject)
}

func (c *classified) repeat(r campaign.Row, first origin) {
	reason := fmt.Sprintf("same number as line %d", first.line)
	if !first.sameFile {
		reason = fmt.Sprintf("same number as line %d of a file imported before", first.line)
	}
	c.result.Duplicates = append(c.result.Duplicates, campaign.DuplicateRow{Line: r.Line, FirstLine: first.line})
	c.rejects = append(c.rejects, campaign.RowError{Line: r.Line, Reason: reason, Record: r.To})
}

// copy adds rows in the file's order. Bulk contacts are all due at the
// campaign's start, and so are called in that order too.
func (im *contactImport) copy(ctx context.Context, rows []campaign.Row, groups map[string]int64) error {
	if len(rows) == 0 {
		return nil
	}
	columns := []string{"campaign_id", "zone_group_id", "source", "line_no", "to_number", "vars", "call_at", "due_at"}
	_, err := im.tx.CopyFrom(ctx, pgx.Identifier{"contacts"}, columns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		r := rows[i]
		due := r.CallAt
		if due.IsZero() {
			due = im.due
		}
		vars := r.Vars
		if vars == nil {
			vars = map[string]string{}
		}
		return []any{im.campaignID, groups[zoneKey(r.Zones)], im.source, r.Line, r.To, vars, zeronull.Timestamptz(r.CallAt), due}, nil
	}))
	return err
}

// storeRejects stores refused rows. A line that a corrected file turned into a contact
// is not refused any more. A line that stands unchanged in a file that has grown
// is stored once.
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
