package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dialer/internal/app"
)

// figureChoices are the splits of one campaign. Months are the account's bill: the
// command and the API have them.
var figureChoices = []app.Split{app.ByDay, app.ByHour, app.ByHourOfDay, app.ByCountry, app.ByNetwork, app.ByCaller, app.ByVersion, app.ByRetries, app.ByFunnel}

// figuresView is a campaign's figures by one split.
type figuresView struct {
	CampaignID int64
	Campaign   string
	By         app.Split
	Choices    []app.Split
	query      app.FiguresQuery
	Shown      []string // the columns in which something was counted
	Rows       [][]figure
}

// figure is a cell.
type figure struct {
	Text               string
	First, Money, Time bool
}

func (f figuresView) SinceText() string  { return dayText(f.query.Since) }
func (f figuresView) BeforeText() string { return dayText(f.query.Before) }

func dayText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// File is the address of the same figures as a file.
func (f figuresView) File(format string) string {
	values := url.Values{"by": {string(f.By)}, "format": {format}}
	for name, text := range map[string]string{"since": f.SinceText(), "before": f.BeforeText()} {
		if text != "" {
			values.Set(name, text)
		}
	}
	return fmt.Sprintf("/campaigns/%d/report?%s", f.CampaignID, values.Encode())
}

// report shows a campaign's figures. By day and hour it reads counters. By the other
// splits it reads the campaign's attempts or people, which takes longer the more there
// are.
func (d *dashboard) report(v *visit) error {
	id, name, err := d.campaignOf(v)
	if err != nil {
		return err
	}
	values := v.URL.Query()
	q, err := app.ReadFiguresQuery(cmp.Or(values.Get("by"), string(app.ByDay)), values.Get("since"), values.Get("before"))
	if err != nil {
		return err
	}
	if q.By.Timeless() {
		q.Since, q.Before = time.Time{}, time.Time{} // the form sends them for every choice
	}
	f, err := d.figures(v.Context(), name, q)
	if err != nil {
		return err
	}
	if format := values.Get("format"); format != "" {
		return d.figuresFile(v, id, f, format)
	}
	if v.masked() {
		name = app.MaskText(name)
	}
	view := figuresView{CampaignID: id, Campaign: name, By: q.By, Choices: figureChoices, query: q}
	if err := view.fill(f, v.masked()); err != nil {
		return err
	}
	return d.show(v, http.StatusOK, "report.html", shown{Title: fmt.Sprintf("%s by %s", name, words(q.By)), Here: "overview", Data: view})
}

// figures waits for its turn: few reports are counted at once, so that the database has
// time for calls.
func (d *dashboard) figures(ctx context.Context, name string, q app.FiguresQuery) (app.Figures, error) {
	select {
	case d.counting <- struct{}{}:
		defer func() { <-d.counting }()
		return app.Campaigns{Store: d.Store}.Figures(ctx, name, q)
	case <-ctx.Done():
		return app.Figures{}, ctx.Err()
	}
}

// fill leaves out the columns in which nothing was counted.
func (f *figuresView) fill(of app.Figures, masked bool) error {
	counted := make([]bool, len(of.Columns))
	cells := make([][]string, len(of.Rows))
	for i, row := range of.Rows {
		var err error
		if cells[i], err = of.Cells(row); err != nil {
			return err
		}
		for j, cell := range cells[i] {
			counted[j] = counted[j] || j == 0 || strings.Trim(cell, "0.") != ""
		}
	}
	for j, name := range of.Columns {
		if counted[j] {
			f.Shown = append(f.Shown, name)
		}
	}
	for _, row := range cells {
		var shown []figure
		for j, cell := range row {
			c := figure{Text: cell, First: j == 0, Money: strings.HasSuffix(of.Columns[j], "price"), Time: of.Columns[j] == "hour"}
			if c.First && masked {
				c.Text = app.MaskText(c.Text)
			}
			if c.First {
				c.Text = cmp.Or(c.Text, "not known")
			}
			if counted[j] {
				shown = append(shown, c)
			}
		}
		f.Rows = append(f.Rows, shown)
	}
	return nil
}

func (d *dashboard) figuresFile(v *visit, id int64, f app.Figures, format string) error {
	kind, ok := exportTypes[format]
	if !ok || format == "json" {
		return errors.New("format: want csv or xlsx")
	}
	if v.masked() {
		for i := range f.Rows {
			f.Rows[i] = app.MaskJSON(f.Rows[i])
		}
	}
	v.w.Header().Set("Content-Type", kind)
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="campaign-%d-by-%s.%s"`, id, f.By, format))
	if err := d.WriteFigures(v.w, f, format); err != nil {
		d.Log.ErrorContext(v.Context(), "a file of figures broke off", "campaign_id", id, "error", err)
		panic(http.ErrAbortHandler) // so that nobody mistakes a part of it for the whole
	}
	return nil
}
