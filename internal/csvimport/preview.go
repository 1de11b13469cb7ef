package csvimport

import (
	"cmp"
	"context"
	"hash/maphash"
	"io"
	"maps"
	"slices"

	"dialer/campaign"
)

const (
	// maxFirst is how many rejected rows a forecast has by default.
	maxFirst = 10
	// maxReasons bounds the memory for a file in which every row is rejected
	// for a reason of its own.
	maxReasons = 100
	// otherReasons stands for the reasons beyond maxReasons.
	otherReasons = "other reasons"
	// maxKeys bounds the keys that are remembered to find duplicates. A map of this size
	// takes 72 MiB.
	maxKeys = 3_500_000
)

// Forecast is what an import would do.
type Forecast struct {
	Form     Form
	Warnings []string
	Columns  Columns
	Beyond   Beyond

	Rows       int
	Accepted   int
	Duplicates int // of a key in the same file
	// DuplicatesAtLeast means that the file has more keys than are remembered, so there
	// may be more duplicates than were counted.
	DuplicatesAtLeast bool
	Outlook           Outlook // of the accepted rows
	Rejected          int
	Reasons           map[string]int      // why rows were rejected, without duplicates
	First             []campaign.RowError // the first rejected rows

	// Sample is the message of the row that Options.SampleRow asks for, else of the
	// first accepted one, and SampleLine its line; 0 when there is none.
	Sample     campaign.Rendered
	SampleLine int
	SampleVars map[string]string
	// SampleRefused is why the requested row cannot be called; "" if it can.
	SampleRefused string
}

// Preview reads a whole CSV as Import does, and writes nothing.
func Preview(ctx context.Context, in io.Reader, s campaign.Settings, o Options) (Forecast, error) {
	reader, err := newReader(in, s, o)
	if err != nil {
		return Forecast{}, err
	}
	defer reader.close()
	p := preview{
		message: reader.message, settings: s, sampleRow: o.SampleRow, onNumbers: o.OnNumbers, most: cmp.Or(o.MostShown, maxFirst),
		seed: maphash.MakeSeed(), keys: map[uint64]struct{}{}, maxKeys: maxKeys,
		forecast: Forecast{
			Form: reader.file.form, Warnings: reader.warnings, Columns: reader.columns, Reasons: map[string]int{}, Outlook: Outlook{now: o.Now},
		},
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for c := range chunks(ctx, reader) {
		if c.err != nil {
			return p.forecast, c.err
		}
		if err := p.add(c); err != nil {
			return p.forecast, err
		}
	}
	return p.forecast, ctx.Err()
}

// Commonest lists the reasons in Reasons, the most frequent first.
func (f Forecast) Commonest() []string {
	return slices.SortedFunc(maps.Keys(f.Reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.Reasons[b], f.Reasons[a]), cmp.Compare(a, b))
	})
}

// preview is one run of Preview.
type preview struct {
	message   campaign.MessageTemplate
	settings  campaign.Settings
	sampleRow int
	most      int // rejected rows that are shown
	onNumbers func([]string) error
	seed      maphash.Seed
	keys      map[uint64]struct{}
	maxKeys   int
	forecast  Forecast
}

func (p *preview) add(c *chunk) error {
	f := &p.forecast
	f.Beyond.look(c.rows.Rows)
	if at := p.sampleRow - 1 - f.Rows; at >= 0 && at < len(c.records) {
		if err := p.sampleOf(c, c.records[at].line); err != nil {
			return err
		}
	}
	f.Rows += len(c.records)
	for _, rejected := range c.rows.Rejected {
		p.reject(rejected)
	}
	numbers := make([]string, 0, len(c.rows.Rows))
	for _, row := range c.rows.Rows {
		if row.NotNew.Reason != "" {
			f.Outlook.add(row, p.settings)
			p.reject(notNew(row, ""))
			continue
		}
		if p.isDuplicate(row.KeyOrNumber()) {
			f.Duplicates++
			continue
		}
		f.DuplicatesAtLeast = f.DuplicatesAtLeast || len(p.keys) >= p.maxKeys
		f.Accepted++
		f.Outlook.add(row, p.settings)
		f.Outlook.addReminders(row, p.settings)
		numbers = append(numbers, row.To)
		if f.SampleLine == 0 && p.sampleRow == 0 {
			if err := p.sample(row); err != nil {
				return err
			}
		}
	}
	if p.onNumbers != nil {
		return p.onNumbers(numbers)
	}
	return nil
}

func (p *preview) reject(row campaign.RowError) {
	f := &p.forecast
	f.Rejected++
	if len(f.First) < p.most {
		f.First = append(f.First, row)
	}
	reason := row.Reason
	if _, known := f.Reasons[reason]; !known && len(f.Reasons) >= maxReasons {
		reason = otherReasons
	}
	f.Reasons[reason]++
}

// notNew is a row that makes no new contact, in the form of a rejected row.
func notNew(row campaign.Row, text string) campaign.RowError {
	rejected := row.NotNew
	rejected.Line, rejected.Record, rejected.Key = row.Line, text, row.KeyOrNumber()
	return rejected
}

// isDuplicate reports whether an earlier row has the key, and remembers its hash
// while there is room. Among a million keys two have the same hash once in 37 million
// files.
func (p *preview) isDuplicate(key string) bool {
	hash := maphash.String(p.seed, key)
	_, known := p.keys[hash]
	if !known && len(p.keys) < p.maxKeys {
		p.keys[hash] = struct{}{}
	}
	return known
}

// sampleOf takes the message of the row on a line, or why it cannot be called.
func (p *preview) sampleOf(c *chunk, line int) error {
	for _, row := range c.rows.Rows {
		if row.Line == line {
			p.forecast.SampleRefused = row.NotNew.Reason
			return p.sample(row)
		}
	}
	for _, rejected := range c.rows.Rejected {
		if rejected.Line == line {
			p.forecast.SampleLine, p.forecast.SampleRefused = line, rejected.Reason
		}
	}
	return nil
}

func (p *preview) sample(row campaign.Row) (err error) {
	p.forecast.SampleLine, p.forecast.SampleVars = row.Line, row.Vars
	p.forecast.Sample, err = p.message.Render(row.Vars)
	return err
}
