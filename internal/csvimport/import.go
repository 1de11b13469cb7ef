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

// Options say how a file is read and who is told of it.
type Options struct {
	DefaultCountry string            // of numbers in national form; "" for none
	Map            map[string]string // our column (to, zone, call_at) to the header's name
	Now            time.Time
	// Rejects gets each refused row as CSV, with its line and reason; nil:
	// they are only counted. Nothing is written before the first of them.
	Rejects io.Writer
	// Refused, where it is not nil, is told each refused row.
	Refused func(campaign.RowError)
	// Progress, where it is not nil, is told after each batch.
	Progress func(Summary)
}

// Summary accounts for every row that was read.
type Summary struct {
	Campaign   campaign.Campaign
	Rows       int // records read, blank ones left out
	Added      int
	Already    int // added from the same line by an earlier run
	Duplicates int // a number that the campaign has from another line
	Refused    int // rows that no call can be made from
}

// Import reads a CSV and adds its rows to the campaign of that name, which it
// creates if there is none. Once every row is in, the campaign may run.
//
// A batch is committed before the next one is. So an import that breaks off
// leaves a campaign that is importing and calls nobody, and the same call
// again goes on from there and adds nothing twice.
//
// When ctx is cancelled, Import returns at once; its reading goroutine ends
// with the Read that it is in.
func Import(ctx context.Context, in io.Reader, name string, s campaign.Settings, o Options, store Store) (Summary, error) {
	source, in, err := fingerprint(in)
	if err != nil {
		return Summary{}, err
	}
	reader, err := campaign.NewReader(in, o.rows(s))
	if err != nil {
		return Summary{}, err
	}
	c, err := store.OpenCampaign(ctx, name, s)
	if err != nil {
		return Summary{}, err
	}
	failpoint.Hit("import.opened")
	im := importer{store: store, source: source, reader: reader, options: o, summary: Summary{Campaign: c}}
	if o.Rejects != nil {
		im.rejects = newRejects(o.Rejects, reader.Header(), reader.Delimiter())
	}
	if err := im.run(ctx); err != nil {
		return im.summary, err
	}
	failpoint.Hit("import.added")
	return im.summary, store.FinishImport(ctx, c.ID)
}

func (o Options) rows(s campaign.Settings) campaign.RowOptions {
	return campaign.RowOptions{
		DefaultCountry: o.DefaultCountry, Map: o.Map, Zone: s.Zone, Hours: s.Hours, Message: s.Message, Now: o.Now,
	}
}

// importer is one run of Import.
type importer struct {
	store   Store
	source  string
	reader  *campaign.Reader
	options Options
	rejects *rejects // nil: not wanted
	summary Summary
}

func (im *importer) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for part := range parts(ctx, im.reader) {
		if part.err != nil {
			return part.err
		}
		if err := im.add(ctx, part); err != nil {
			return err
		}
		failpoint.Hit("import.committed")
		if im.options.Progress != nil {
			im.options.Progress(im.summary)
		}
	}
	return ctx.Err()
}

// add commits one part of the file and accounts for each of its rows.
func (im *importer) add(ctx context.Context, p *part) error {
	added, err := im.store.AddContacts(ctx, im.summary.Campaign.ID, im.source, p.batch)
	if err != nil {
		return fmt.Errorf("line %d: %w", p.records[0].Line, err)
	}
	repeats := im.repeats(p, added.Duplicates)
	im.summary.Rows += len(p.records)
	im.summary.Added += added.Contacts
	im.summary.Already += added.Already + len(added.Duplicates) - len(repeats)
	im.summary.Duplicates += len(repeats)
	im.summary.Refused += len(p.batch.Rejects) + len(added.Refused)
	return im.refuse(slices.Concat(p.batch.Rejects, repeats, im.unstored(p, added.Refused)))
}

// refuse tells of refused rows in the file's order.
func (im *importer) refuse(rows []campaign.RowError) error {
	slices.SortFunc(rows, func(a, b campaign.RowError) int { return cmp.Compare(a.Line, b.Line) })
	for _, row := range rows {
		if im.options.Refused != nil {
			im.options.Refused(row)
		}
		if im.rejects == nil {
			continue
		}
		if err := im.rejects.write(row); err != nil {
			return fmt.Errorf("line %d: write the refused row: %w", row.Line, err)
		}
	}
	return nil
}

// unstored are the rows that the store refused, as they stood in the file. The
// store knows a row's zones, and not the column that they came from.
func (im *importer) unstored(p *part, refused []campaign.RowError) []campaign.RowError {
	for i := range refused {
		refused[i].Column, refused[i].Record = im.reader.Columns().Zone, p.text(refused[i].Line)
	}
	return refused
}

// repeats are the duplicates as refused rows; the store found them, so what
// stood in the file is looked up here. A number that came from the same line
// of another file is none: that is a short file which grew, or was mended, and
// so has another fingerprint.
func (im *importer) repeats(p *part, found []campaign.Duplicate) []campaign.RowError {
	rows := make([]campaign.RowError, 0, len(found))
	for _, d := range found {
		if d.First == d.Line {
			continue
		}
		rows = append(rows, campaign.RowError{
			Line:   d.Line,
			Column: im.reader.Columns().To,
			Reason: fmt.Sprintf("same number as line %d, which the campaign has already", d.First),
			Record: p.text(d.Line),
		})
	}
	return rows
}
