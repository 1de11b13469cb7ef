package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// knownContact is a contact in the campaign with a row's key.
type knownContact struct {
	id       int64
	line     int // the line of its row, in its own file
	ofFile   bool
	seenLine int // the line where this import found it; 0: not yet
	numbers  []string
	callAt   time.Time
	lastCall time.Time
	ownTime  time.Time
	vars     map[string]string
}

// known finds the contacts that have the rows' keys already. It is planned each time,
// for the table as it is: a plan from when the table was empty would read the whole
// table for every batch.
func (im *contactImport) known(ctx context.Context, batch campaign.RowBatch) (map[string]*knownContact, error) {
	keys := make([]string, 0, len(batch.Rows)+len(batch.Rejected))
	for _, r := range batch.Rows {
		keys = append(keys, plain(r.KeyOrNumber()))
	}
	for _, r := range batch.Rejected {
		if r.Key != "" {
			keys = append(keys, plain(r.Key))
		}
	}
	found, err := im.tx.Query(ctx, `
		SELECT k.key, k.id, k.line_no, k.source = $3, CASE WHEN k.import_id = $4 THEN k.line_no ELSE coalesce(r.line_no, 0) END,
		       coalesce(k.numbers, ARRAY[k.to_number]), k.call_at, k.not_later_than, k.own_time, k.vars
		FROM contacts k LEFT JOIN import_rows r ON r.import_id = $4 AND r.contact_id = k.id
		WHERE k.campaign_id = $1 AND k.key = ANY ($2)`,
		pgx.QueryExecModeCacheDescribe, im.campaignID, keys, im.source, im.run.ID)
	if err != nil {
		return nil, err
	}
	known := make(map[string]*knownContact, len(keys))
	for found.Next() {
		var key string
		k := &knownContact{}
		err := found.Scan(&key, &k.id, &k.line, &k.ofFile, &k.seenLine, &k.numbers,
			(*zeronull.Timestamptz)(&k.callAt), (*zeronull.Timestamptz)(&k.lastCall), (*zeronull.Timestamptz)(&k.ownTime), &k.vars)
		if err != nil {
			return nil, err
		}
		known[key] = k
	}
	return known, found.Err()
}

// change is a row that differs from its contact.
type change struct {
	campaign.ChangedRow
	id       int64
	row      campaign.Row
	restored bool // the person is called again, although the contact had ended
}

// classified is a batch's rows, sorted by what to do with them.
type classified struct {
	result       campaign.BatchResult
	added        []campaign.Row
	changed      []change
	rejects      []campaign.RowError
	contactLines []int // lines of this file that belong to a contact
}

// classify decides what to do with each row.
func classify(rows []campaign.Row, groups map[string]int64, known map[string]*knownContact) (c classified) {
	for _, r := range rows {
		r.Key = plain(r.KeyOrNumber())
		k := known[r.Key]
		switch {
		case slices.Contains(groupsOf(r, groups), unknownZone):
			c.refuse(r, "", errUnknownZone.Error())
		case k == nil && r.NotNew.Reason != "":
			c.refuse(r, r.NotNew.Column, r.NotNew.Reason)
		case k == nil:
			known[r.Key] = &knownContact{line: r.Line, seenLine: r.Line}
			c.added = append(c.added, r)
			c.contactLines = append(c.contactLines, r.Line)
			c.result.Added++
		//guard:true storage.TestAddContactsCountsRows: a key that stands in a file twice is one contact
		case k.seenLine != 0 && k.seenLine != r.Line:
			c.repeat(r, k.seenLine)
		default:
			c.compare(r, k)
		}
	}
	return c
}

// compare counts a row of a person who is in the campaign already.
func (c *classified) compare(r campaign.Row, k *knownContact) {
	k.seenLine = r.Line
	if k.ofFile && k.line == r.Line {
		c.contactLines = append(c.contactLines, r.Line)
	}
	//guard:value([]string(nil)) storage.TestChangedRows: a row that changed is reported
	columns := k.differences(r)
	if len(columns) == 0 {
		c.result.Already++
		return
	}
	ch := change{ChangedRow: campaign.ChangedRow{Line: r.Line, Columns: columns}, id: k.id, row: r}
	c.changed = append(c.changed, ch)
}

// differences names the columns with other values in the row. If all are the same but
// were read in another way, because of another flag, it names the values read from
// them.
func (k *knownContact) differences(r campaign.Row) []string {
	var columns []string
	for name := range maps.Keys(r.Vars) {
		if was, there := k.vars[name]; !there || was != plain(r.Vars[name]) {
			columns = append(columns, name)
		}
	}
	for name := range k.vars {
		if _, there := r.Vars[name]; !there {
			columns = append(columns, name)
		}
	}
	if len(columns) == 0 {
		columns = k.readOtherwise(r)
	}
	slices.Sort(columns)
	return columns
}

func (k *knownContact) readOtherwise(r campaign.Row) (columns []string) {
	if !slices.Equal(k.numbers, numbersOf(r)) {
		columns = append(columns, "to")
	}
	if r.NotNew.Reason == "" && !r.CallAtMoved && r.RemindAt == nil && !sameMoment(k.callAt, r.CallAt) {
		columns = append(columns, "call_at")
	}
	// A person whose row came too late already has the time at which they ended.
	if !sameMoment(k.lastCall, r.NotLaterThan) && !(r.TooLate && r.RemindAt == nil && sameMoment(k.ownTime, r.OwnTime)) {
		columns = append(columns, "call_before")
	}
	return columns
}

func (c *classified) refuse(r campaign.Row, columnName, reason string) {
	reject := campaign.RowError{Line: r.Line, Column: columnName, Record: r.To, Reason: reason}
	c.result.Rejected = append(c.result.Rejected, reject)
	c.rejects = append(c.rejects, reject)
}

func (c *classified) repeat(r campaign.Row, first int) {
	c.result.Duplicates = append(c.result.Duplicates, campaign.DuplicateRow{Line: r.Line, FirstLine: first})
	c.rejects = append(c.rejects, campaign.RowError{Line: r.Line, Reason: fmt.Sprintf("same key as line %d", first), Record: r.To})
}
