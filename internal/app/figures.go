package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Split is the dimension by which figures are split.
type Split string

const (
	ByDay       Split = "day"
	ByHour      Split = "hour"
	ByHourOfDay Split = "hour-of-day"
	ByCountry   Split = "country"
	ByNetwork   Split = "network"
	ByCaller    Split = "caller"
	ByVersion   Split = "version"
	ByCampaign  Split = "campaign"
	ByRetries   Split = "retries"
	ByFunnel    Split = "funnel"
	ByMonth     Split = "month"
)

// Splits are all splits. Retries and the funnel exist only for one campaign; the months
// are those of the invoice.
var Splits = []Split{ByDay, ByHour, ByHourOfDay, ByCountry, ByNetwork, ByCaller, ByVersion, ByCampaign, ByRetries, ByFunnel, ByMonth}

// Timeless splits count people, whatever the time of their calls.
func (s Split) Timeless() bool { return s == ByRetries || s == ByFunnel }

// FiguresQuery says which calls are counted: those from Since until Before (exclusive),
// midnights in UTC; zero: any time.
type FiguresQuery struct {
	By            Split
	Since, Before time.Time
}

// Figures are rows of figures, JSON objects with the columns in their order. Money is
// text, so that no reader makes a float of it.
type Figures struct {
	FiguresQuery
	Campaign string // "": all
	Columns  []string
	Rows     []json.RawMessage
}

// Cells are the values of a row in the order of the columns; "" is null.
func (f Figures) Cells(row json.RawMessage) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(row))
	d.UseNumber()
	var values map[string]any
	if err := d.Decode(&values); err != nil {
		return nil, fmt.Errorf("read a row of figures: %w", err)
	}
	cells := make([]string, len(f.Columns))
	for i, column := range f.Columns {
		if value := values[column]; value != nil {
			cells[i] = fmt.Sprint(value)
		}
	}
	return cells, nil
}

const (
	// figuresDays is how many days are counted for all campaigns if no time is given.
	figuresDays = 31
	// maxFiguresDays bounds the days that one query reads for all campaigns.
	maxFiguresDays = 366
)

// ErrFigures means that the requested figures do not exist.
var ErrFigures = errors.New("these figures cannot be asked for so")

// ReadFiguresQuery reads a query as people type it. "" is a time that is not given.
func ReadFiguresQuery(by, since, before string) (q FiguresQuery, err error) {
	q.By = Split(by)
	for _, day := range []struct {
		name, text string
		to         *time.Time
	}{{"since", since, &q.Since}, {"before", before, &q.Before}} {
		if day.text == "" {
			continue
		}
		if *day.to, err = time.Parse(time.DateOnly, day.text); err != nil {
			return q, fmt.Errorf("%w: %s: want a day, as 2026-11-30", ErrFigures, day.name)
		}
	}
	return q, nil
}

// Figures counts the calls of one campaign, or of all if name is "". For all campaigns it
// reads a year at most, and a month if no time is given, because reading costs time.
func (c Campaigns) Figures(ctx context.Context, name string, q FiguresQuery) (Figures, error) {
	if !slices.Contains(Splits, q.By) {
		return Figures{}, fmt.Errorf("%w: by: want one of %v", ErrFigures, Splits)
	}
	if q.By.Timeless() {
		if name == "" {
			return Figures{}, fmt.Errorf("%w: by %s: name a campaign", ErrFigures, q.By)
		}
		if !q.Since.IsZero() || !q.Before.IsZero() {
			return Figures{}, fmt.Errorf("%w: by %s: it counts people, of any time: leave since and before out", ErrFigures, q.By)
		}
	}
	if !q.Since.IsZero() && !q.Before.IsZero() && !q.Since.Before(q.Before) {
		return Figures{}, fmt.Errorf("%w: since: want a day before the day of before", ErrFigures)
	}
	var id int64
	if name != "" {
		found, err := c.Find(ctx, name)
		if err != nil {
			return Figures{}, err
		}
		id, name = found.ID, found.Name
	} else if q = q.bounded(time.Now().UTC()); q.Before.Sub(q.Since) > maxFiguresDays*24*time.Hour {
		return Figures{}, fmt.Errorf("%w: of all campaigns %d days at most: name since and before", ErrFigures, maxFiguresDays)
	}
	f, err := c.Store.Figures(ctx, id, q.wholeMonths())
	f.Campaign = name
	return f, err
}

// bounded returns the query with its missing times filled in. For the months of an
// invoice these are this month and the one before.
func (q FiguresQuery) bounded(now time.Time) FiguresQuery {
	if q.Before.IsZero() {
		tomorrow := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC)
		if q.Before = tomorrow; !q.Since.IsZero() && !q.Since.Before(tomorrow) {
			q.Before = q.Since.AddDate(0, 0, 1)
		}
	}
	if q.Since.IsZero() {
		q.Since = q.Before.AddDate(0, 0, -figuresDays)
		if q.By == ByMonth {
			last := q.Before.AddDate(0, 0, -1)
			q.Since = time.Date(last.Year(), last.Month()-1, 1, 0, 0, 0, 0, time.UTC)
		}
	}
	return q
}

// wholeMonths extends the times to whole months, because an invoice has no part of a
// month.
func (q FiguresQuery) wholeMonths() FiguresQuery {
	if q.By != ByMonth {
		return q
	}
	if !q.Since.IsZero() {
		q.Since = time.Date(q.Since.Year(), q.Since.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	if !q.Before.IsZero() {
		last := q.Before.AddDate(0, 0, -1)
		q.Before = time.Date(last.Year(), last.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return q
}

// DumpStore writes the rows of the reporting views.
type DumpStore interface {
	// ReportingViews are the names of all views, without the schema.
	ReportingViews(ctx context.Context) ([]string, error)
	// DumpViews passes the rows of each view to each, all from one moment, the column
	// names first. The dump is audited before it reads anything.
	DumpViews(ctx context.Context, by Actor, views []string, each func(view string, row []string) error) error
}

// Dump writes the rows of the views, or of all views if none is given. They contain
// everybody's numbers and Vonage's answers, so it needs the role admin.
func Dump(ctx context.Context, store DumpStore, by Actor, only []string, each func(view string, row []string) error) error {
	//guard:false internal/app.TestRoles: only an admin takes everything away
	if err := by.may(Admin); err != nil {
		return err
	}
	views, err := store.ReportingViews(ctx)
	if err != nil {
		return err
	}
	for _, name := range only {
		if !slices.Contains(views, name) {
			return fmt.Errorf("there is no view reporting.%s: want %v", name, views)
		}
	}
	if len(only) > 0 {
		views = only
	}
	return store.DumpViews(ctx, by, views, each)
}
