package csvimport

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"
)

// Store keeps campaigns, imports and rows.
type Store interface {
	// OpenCampaign creates the campaign in state importing, or finds the existing one of
	// that name. The error is a *campaign.OtherSettingsError when its settings differ. A
	// stopped campaign takes no more rows: the error says so.
	OpenCampaign(ctx context.Context, name string, s campaign.Settings) (campaign.Campaign, error)
	// BeginImport notes that an import into a campaign begins, and gives the import its
	// id.
	BeginImport(ctx context.Context, im campaign.Import) (campaign.Import, error)
	// AddContacts adds a batch of rows in one transaction. source identifies
	// the file, so that a refused row that is read twice counts once. Rows of people who
	// are already in the campaign are compared with them, and change them if the import
	// says so.
	AddContacts(ctx context.Context, campaignID int64, source string, batch campaign.RowBatch) (campaign.BatchResult, error)
	// EndImport ends an import that has read its whole file, or was broken off. kept is
	// false when the campaign was dropped because it is empty.
	EndImport(ctx context.Context, im campaign.Import) (removed int, kept bool, err error)
	// FinishImport lets an importing campaign run (or stay paused).
	FinishImport(ctx context.Context, campaignID int64) error
}

// Options say how a file is read and what is reported meanwhile.
type Options struct {
	DefaultCountry string            // of numbers in national form, an ISO code; "" for none
	Encoding       string            // the file's, by a name of the WHATWG; "": it is found
	Sheet          string            // of a spreadsheet; "": the first
	Map            map[string]string // our column (to, zone, call_at, call_before) to the header's name; to=mobile+home for several numbers
	DateFormat     string            // how times are written that are not ISO 8601, as ParseDateFormat reads it
	AllowUnknown   bool              // what CheckMessage allows; stored for later changes of one person
	SampleRow      int               // whose message Preview shows: the n-th row of people; 0: the first that can be called
	// OnNumbers, for Preview, gets the numbers of people who can be called, some at a
	// time; nil: not needed.
	OnNumbers func(numbers []string) error
	// Mend has cells that replace those of the file, by line and column.
	Mend          map[int]map[string]string
	MostShown     int // rejected rows that Preview shows; 0: ten
	Now           time.Time
	Yes           bool // a call_at that is past or outside the hours moves to the next opening
	Update        bool // rows that differ change the contact, if it is still to be called
	RemoveMissing bool // contacts that the file has no row of end
	// CheckMessage says whether Vonage would accept a call with the message; nil:
	// messages are not checked.
	CheckMessage func(campaign.Settings, campaign.Rendered) error
	// Rejects gets each rejected row as CSV, with its line and reason; nil: rejected rows
	// are only counted. Nothing is written before the first of them.
	Rejects io.Writer
	// OnRejected, if not nil, is called for each row without effect: a rejected row, a
	// duplicate, or a row that differs from its contact but does not change it. It is
	// also called for each row that moved a contact to a time at which nobody can be
	// called.
	OnRejected func(campaign.RowError)
	// OnProgress, if not nil, is called after each batch.
	OnProgress func(Summary)
}

// Summary accounts for every row that was read: Rows is the sum of what follows it,
// without TooLate and Removed.
type Summary struct {
	Campaign   campaign.Campaign // zero: no row could be called, so there is none
	Form       Form
	Warnings   []string
	Beyond     Beyond
	Outlook    Outlook // of the rows that can be called, also of people who are there already
	Rows       int     // records read, without blank ones
	Added      int
	Already    int // people who are in the campaign, with the same values
	Updated    int // people whose values were changed
	TooLate    int // of those: their new time leaves nobody to call, and they have ended
	Differ     int // people who are in the campaign with other values, which stay
	Duplicates int // the file has the key in an earlier row
	Rejected   int // rows that cannot be called

	Removed int // contacts that ended because their rows are gone
}

// NoEffect counts the rows that changed nothing and should have.
func (s Summary) NoEffect() int { return s.Differ + s.Duplicates + s.Rejected }

// Import reads a CSV and adds its rows to the campaign of that name, which it
// creates if there is none. When every row is in, the campaign may run.
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
	source = mendedSource(source, o.Mend)
	c, err := store.OpenCampaign(ctx, name, s)
	if err != nil {
		return Summary{}, err
	}
	failpoint.Hit("import.opened")
	run, err := store.BeginImport(ctx, reader.importInto(c, source))
	if err != nil {
		return Summary{}, err
	}
	im := importer{store: store, run: run, reader: reader, options: o, summary: Summary{Campaign: c, Form: reader.file.form, Warnings: reader.warnings, Outlook: Outlook{now: o.Now}}}
	if o.Rejects != nil {
		im.rejects = newRejectWriter(o.Rejects, reader.header.names, reader.file.comma)
	}
	if err := im.read(ctx); err != nil {
		return im.summary, im.breakOff(ctx, err)
	}
	failpoint.Hit("import.added")
	return im.summary, im.end(ctx)
}

// importInto is the import's record.
func (r *reader) importInto(c campaign.Campaign, source string) campaign.Import {
	return campaign.Import{
		CampaignID: c.ID, Source: source, Columns: r.columns.Vars, Update: r.options.Update, RemoveMissing: r.options.RemoveMissing,
		Reading: campaign.Reading{
			DefaultCountry: r.options.DefaultCountry, Map: r.header.mapping(), DateFormat: r.options.DateFormat, AllowUnknown: r.options.AllowUnknown,
		},
	}
}

// importer is one run of Import.
type importer struct {
	store   Store
	run     campaign.Import
	reader  *reader
	options Options
	rejects *rejectWriter // nil: not wanted
	summary Summary
}

func (im *importer) read(ctx context.Context) error {
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

// end lets the campaign run, if it has people.
func (im *importer) end(ctx context.Context) (err error) {
	kept := true
	if im.summary.Removed, kept, err = im.store.EndImport(ctx, im.run); err != nil {
		return err
	}
	if !kept {
		im.summary.Campaign = campaign.Campaign{}
		return nil
	}
	return im.store.FinishImport(ctx, im.run.CampaignID)
}

// endTimeout is how long freeing the name of an empty campaign may take, after the import
// has failed.
const endTimeout = 5 * time.Second

// breakOff frees the name of a campaign that is still empty. Everything else stays, so
// that the import can resume.
func (im *importer) breakOff(ctx context.Context, because error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	run := im.run
	run.RemoveMissing = false
	_, _, _ = im.store.EndImport(ctx, run) // the first error is the one to return
	return because
}

// add commits one chunk of the file and accounts for each of its rows.
func (im *importer) add(ctx context.Context, c *chunk) error {
	c.rows.Import = im.run
	result, err := im.store.AddContacts(ctx, im.run.CampaignID, im.run.Source, c.rows)
	if err != nil {
		return fmt.Errorf("line %d: %w", c.records[0].line, err)
	}
	differ := im.differing(c, result.Changed)
	im.summary.Beyond.look(c.rows.Rows)
	im.look(c.rows.Rows, result)
	im.summary.Rows += len(c.records)
	im.summary.Added += result.Added
	im.summary.Already += result.Already
	im.summary.Differ += len(differ)
	im.summary.Updated += len(result.Changed) - len(differ)
	late := im.tooLate(c, result.Changed)
	im.summary.TooLate += len(late)
	im.summary.Duplicates += len(result.Duplicates)
	im.summary.Rejected += len(c.rows.Rejected) + len(result.Rejected)
	return im.report(c, slices.Concat(c.rows.Rejected, differ, late, im.duplicates(c, result.Duplicates), im.notStored(c, result.Rejected)))
}

// look counts the rows that will be called, and those whose time is past.
func (im *importer) look(rows []campaign.Row, result campaign.BatchResult) {
	out := map[int]bool{} // by line
	for _, d := range result.Duplicates {
		out[d.Line] = true
	}
	for _, r := range result.Rejected {
		out[r.Line] = r.Reason != ""
	}
	for _, row := range rows {
		if !out[row.Line] || row.Past {
			im.summary.Outlook.add(row, im.reader.settings)
		}
	}
}

// duplicates are the duplicate rows as rejected ones, with their text from the
// file.
func (im *importer) duplicates(c *chunk, found []campaign.DuplicateRow) []campaign.RowError {
	rows := make([]campaign.RowError, len(found))
	column, what := cmp.Or(im.reader.columns.Key, im.reader.columns.To), "key"
	if im.reader.columns.Key == "" {
		what = "number"
	}
	for i, d := range found {
		reason := fmt.Sprintf("same %s as line %d", what, d.FirstLine)
		if what == "number" {
			reason += "; if they are two people, or two calls, name a column that tells them apart with --key"
		}
		rows[i] = campaign.RowError{Line: d.Line, Column: column, Reason: reason, Record: im.reported(c, d.Line)}
	}
	return rows
}

// differing are the rows that differ from their contacts and did not change them.
func (im *importer) differing(c *chunk, changed []campaign.ChangedRow) (rows []campaign.RowError) {
	for _, ch := range changed {
		if ch.Updated {
			continue
		}
		why := cmp.Or(ch.Why, "--update changes it")
		rows = append(rows, campaign.RowError{
			Line: ch.Line, Column: strings.Join(ch.Columns, ", "), Record: im.reported(c, ch.Line),
			Reason: "this person is in the campaign with another value: " + why,
		})
	}
	return rows
}

// tooLate are the rows that changed their contacts so that they are not called any more.
// They are reported like rejected rows, because probably nobody wants that.
func (im *importer) tooLate(c *chunk, changed []campaign.ChangedRow) (rows []campaign.RowError) {
	for _, ch := range changed {
		if ch.Updated && ch.Why != "" {
			rows = append(rows, campaign.RowError{
				Line: ch.Line, Column: strings.Join(ch.Columns, ", "), Record: im.reported(c, ch.Line),
				Reason: "changed, and this person is not called any more: " + ch.Why,
			})
		}
	}
	return rows
}

// notStored are the rows that the store rejected, with their text from the
// file. The store knows a row's zones, but not the column that they came from.
func (im *importer) notStored(c *chunk, rejected []campaign.RowError) []campaign.RowError {
	for i := range rejected {
		rejected[i].Column, rejected[i].Record = cmp.Or(rejected[i].Column, im.reader.columns.Zone), im.reported(c, rejected[i].Line)
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
