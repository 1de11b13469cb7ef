package csvimport

import (
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"time"

	"dialer/campaign"
)

const (
	shownRefusals = 10
	// maxReasons bounds what a file can cost in which every row is refused for
	// a reason of its own.
	maxReasons = 100

	// otherReasons stands for the reasons beyond the first hundred.
	otherReasons = "other reasons"
)

// Forecast is what an import would do.
type Forecast struct {
	Encoding  string
	Delimiter string
	Columns   campaign.Columns

	Rows       int
	Accepted   int
	Duplicates int // of a number in the same file
	// DuplicatesAtLeast: the file has more numbers than are remembered, so
	// there may be more duplicates than were counted.
	DuplicatesAtLeast bool
	Refused           int
	Reasons           map[string]int      // of refusal, without duplicates
	First             []campaign.RowError // the first refusals

	// Sample is the message of the first accepted row, and SampleLine its
	// line; 0 when no row was accepted.
	Sample     campaign.Rendered
	SampleLine int
}

// Takes is how long the first call to everybody takes at so many calls a
// second, the hours at which nobody is called left out.
func (f Forecast) Takes(callsPerSecond float64) time.Duration {
	return time.Duration(float64(f.Accepted) / callsPerSecond * float64(time.Second))
}

// Commonest lists the reasons of refusal, the most frequent first.
func (f Forecast) Commonest() []string {
	return slices.SortedFunc(maps.Keys(f.Reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.Reasons[b], f.Reasons[a]), cmp.Compare(a, b))
	})
}

// Preview reads a whole CSV as Import does, and writes nothing.
func Preview(ctx context.Context, in io.Reader, s campaign.Settings, o Options) (Forecast, error) {
	reader, err := campaign.NewReader(in, o.rows(s))
	if err != nil {
		return Forecast{}, err
	}
	p := preview{
		message: s.Message,
		numbers: newNumberSet(maxNumbers),
		forecast: Forecast{
			Encoding: reader.Encoding(), Delimiter: reader.Delimiter(), Columns: reader.Columns(), Reasons: map[string]int{},
		},
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for part := range parts(ctx, reader) {
		if part.err != nil {
			return p.forecast, part.err
		}
		if err := p.add(part); err != nil {
			return p.forecast, err
		}
	}
	return p.forecast, ctx.Err()
}

type preview struct {
	message  campaign.Message
	numbers  *numberSet
	forecast Forecast
}

func (p *preview) add(part *part) error {
	f := &p.forecast
	f.Rows += len(part.records)
	for _, reject := range part.batch.Rejects {
		p.refuse(reject)
	}
	for _, row := range part.batch.Rows {
		if p.numbers.seen(row.To) {
			f.Duplicates++
			continue
		}
		f.DuplicatesAtLeast = f.DuplicatesAtLeast || p.numbers.full()
		f.Accepted++
		if f.SampleLine == 0 {
			if err := p.sample(row); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *preview) refuse(reject campaign.RowError) {
	f := &p.forecast
	f.Refused++
	if len(f.First) < shownRefusals {
		f.First = append(f.First, reject)
	}
	reason := reject.Reason
	if _, known := f.Reasons[reason]; !known && len(f.Reasons) >= maxReasons {
		reason = otherReasons
	}
	f.Reasons[reason]++
}

func (p *preview) sample(row campaign.Row) (err error) {
	p.forecast.SampleLine = row.Line
	p.forecast.Sample, err = p.message.Render(row.Vars)
	return err
}
