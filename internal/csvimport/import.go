package csvimport

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"
)

// Store is where rows go.
type Store interface {
	// OpenCampaign creates the campaign in state importing, or finds the one
	// of that name. A *campaign.OtherSettingsError when its settings differ. A
	// stopped campaign takes no more rows: the error says so.
	OpenCampaign(ctx context.Context, name string, s campaign.Settings) (campaign.Campaign, error)
	// AddContacts adds a batch of rows in one transaction. source identifies
	// the file, so that a second run of the same file is not mistaken for
	// duplicates.
	// Rows that were added before, or repeat a number of the campaign, are
	// reported and not added.
	AddContacts(ctx context.Context, campaignID int64, source string, batch campaign.RowBatch) (campaign.BatchResult, error)
	// FinishImport lets an importing campaign run (or stay paused).
	FinishImport(ctx context.Context, campaignID int64) error
}

// Options say how a file is read and what is reported meanwhile.
type Options struct {
	DefaultCountry string            // of numbers in national form, an ISO code; "" for none
	Encoding       string            // the file's, by a name of the WHATWG; "": it is found
	Sheet          string            // of a spreadsheet; "": the first
	Map            map[string]string // our column (to, zone, call_at) to the header's name
	Now            time.Time
	// CheckMessage says whether Vonage would take a call with the message; nil:
	// that is not asked.
	CheckMessage func(campaign.Settings, campaign.Rendered) error
	// Rejects gets each rejected row as CSV, with its line and reason; nil:
	// they are only counted. Nothing is written before the first of them.
	Rejects io.Writer
	// OnRejected, if not nil, is called for each rejected row.
	OnRejected func(campaign.RowError)
	// OnProgress, if not nil, is called after each batch.
	OnProgress func(Summary)
}

// Summary accounts for every row that was read.
type Summary struct {
	Campaign   campaign.Campaign
	Form       Form
	Warnings   []string
	Beyond     Beyond
	Rows       int // records read, without blank ones
	Added      int
	Already    int // added from the same line by an earlier run
	Duplicates int // the campaign has the number from another line
	Rejected   int // rows that cannot be called
}

// Import reads a CSV and adds its rows to the campaign of that name, which it
// creates if there is none. Once every row is in, the campaign may run.
//
// Each batch is committed before the next. So an interrupted import leaves a
// campaign that is importing and calls nobody. The same call again resumes it
// and adds nothing twice.
//
// When ctx is cancelled, Import returns at once; its reading goroutine ends
// when its current Read returns.
func Import(ctx context.Context, in io.Reader, name string, s campaign.Settings, o Options, store Store) (Summary, error) {
	source, in, err := fingerprint(in)
	if err != nil {
		return Summary{}, err
	}
	reader, err := newReader(in, s, o)
	if err != nil {
		return Summary{}, err
	}
	defer reader.close()
	c, err := store.OpenCampaign(ctx, name, s)
	if err != nil {
		return Summary{}, err
	}
	failpoint.Hit("import.opened")
	im := importer{store: store, source: source, reader: reader, options: o, summary: Summary{Campaign: c, Form: reader.file.form, Warnings: reader.warnings}}
	if o.Rejects != nil {
		im.rejects = newRejectWriter(o.Rejects, reader.header.names, reader.file.comma)
	}
	if err := im.run(ctx); err != nil {
		return im.summary, err
	}
	failpoint.Hit("import.added")
	return im.summary, store.FinishImport(ctx, c.ID)
}

// importer is one run of Import.
type importer struct {
	store   Store
	source  string
	reader  *reader
	options Options
	rejects *rejectWriter // nil: not wanted
	summary Summary
}

func (im *importer) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for c := range chunks(ctx, im.reader) {
		if c.err != nil {
			return c.err
		}
		if err := im.add(ctx, c); err != nil {
			return err
		}
		failpoint.Hit("import.committed")
		if im.options.OnProgress != nil {
			im.options.OnProgress(im.summary)
		}
	}
	//guard:value(nil) internal/csvimport.TestCancelledImportIsNotFinished: a cancelled import starts no calls
	return ctx.Err()
}

// add commits one chunk of the file and accounts for each of its rows.
func (im *importer) add(ctx context.Context, c *chunk) error {
	result, err := im.store.AddContacts(ctx, im.summary.Campaign.ID, im.source, c.rows)
	if err != nil {
		return fmt.Errorf("line %d: %w", c.records[0].line, err)
	}
	duplicates := im.duplicates(c, result.Duplicates)
	im.summary.Beyond.look(c.rows.Rows)
	im.summary.Rows += len(c.records)
	im.summary.Added += result.Added
	im.summary.Already += result.Already + len(result.Duplicates) - len(duplicates)
	im.summary.Duplicates += len(duplicates)
	im.summary.Rejected += len(c.rows.Rejected) + len(result.Rejected)
	return im.report(c, slices.Concat(c.rows.Rejected, duplicates, im.notStored(c, result.Rejected)))
}

// duplicates are the duplicate rows as rejected ones, with their text from the
// file. A number from the same line of another file is none: that is a short
// file that grew or was corrected, and so has another fingerprint.
func (im *importer) duplicates(c *chunk, found []campaign.DuplicateRow) []campaign.RowError {
	rows := make([]campaign.RowError, 0, len(found))
	for _, d := range found {
		if d.FirstLine == d.Line {
			continue
		}
		rows = append(rows, campaign.RowError{
			Line:   d.Line,
			Column: im.reader.columns.To,
			Reason: fmt.Sprintf("same number as line %d, which the campaign has already", d.FirstLine),
			Record: im.reported(c, d.Line),
		})
	}
	return rows
}

// notStored are the rows that the store rejected, with their text from the
// file. The store knows a row's zones, but not the column that they came from.
func (im *importer) notStored(c *chunk, rejected []campaign.RowError) []campaign.RowError {
	for i := range rejected {
		rejected[i].Column, rejected[i].Record = im.reader.columns.Zone, im.reported(c, rejected[i].Line)
	}
	return rejected
}

// reported is the beginning of the record on a line.
func (im *importer) reported(c *chunk, line int) string {
	return c.record(line).reported(im.reader.file.comma)
}

// report reports rejected rows in the file's order.
func (im *importer) report(c *chunk, rows []campaign.RowError) error {
	slices.SortFunc(rows, func(a, b campaign.RowError) int { return cmp.Compare(a.Line, b.Line) })
	for _, row := range rows {
		if im.options.OnRejected != nil {
			im.options.OnRejected(row)
		}
		if im.rejects == nil {
			continue
		}
		if err := im.rejects.write(row, c.record(row.Line)); err != nil {
			return fmt.Errorf("line %d: write the rejected row: %w", row.Line, err)
		}
	}
	return nil
}
