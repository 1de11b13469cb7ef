package main

import (
	"archive/zip"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/storage"
)

type reportCommand struct {
	Campaign string `arg:"" optional:"" help:"A campaign's name or id (default: all)."`
	By       string `enum:",day,hour,hour-of-day,country,network,caller,version,campaign,retries,funnel,month" default:"" placeholder:"WHAT" help:"Split the figures by day, hour, hour-of-day, country, network, caller (the number that calls come from), version (of the message), campaign, retries (after how many calls people were reached), funnel, or month (as on the invoice)."`
	Since    string `placeholder:"DATE" help:"With --by: only what began on this day or later, in UTC (default: of one campaign all, of all campaigns the last 31 days; of months this one and the one before)."`
	Before   string `placeholder:"DATE" help:"With --by: only what began before this day, in UTC."`
	Format   string `enum:"table,csv,json,xlsx" default:"table" placeholder:"table|csv|json|xlsx" help:"How it is printed (default: ${default})."`
	Out      string `placeholder:"FILE" help:"Where it is written (default: standard output)."`
	databaseFlags
}

func (c *reportCommand) Help() string {
	return `Without --by it accounts for each row and each call of a campaign. With it, it adds up calls: the same figures are in the views of the schema reporting, in the API and on the pages. By month it counts all calls of the account, as Vonage's records have them: compare its price with the invoice.`
}

func (c *reportCommand) Run(ctx context.Context, con console) error {
	if c.By == "" && c.Since+c.Before != "" {
		return fmt.Errorf("%w: --since and --before want --by", cli.ErrUsage)
	}
	q, err := app.ReadFiguresQuery(c.By, c.Since, c.Before)
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.Out != "" {
		return replaceFile(c.Out, func(out io.Writer) error {
			con.Out = out
			return c.print(ctx, db, con, q)
		})
	}
	return c.print(ctx, db, con, q)
}

func (c *reportCommand) print(ctx context.Context, db *storage.DB, con console, q app.FiguresQuery) error {
	if c.By == "" {
		return printReport(ctx, db, con, c.Campaign, c.Format)
	}
	f, err := app.Campaigns{Store: db}.Figures(ctx, c.Campaign, q)
	if errors.Is(err, app.ErrFigures) {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	if err != nil {
		return listsThem(err)
	}
	return printFigures(con, f, c.Format)
}

// printFigures prints one line a row. A table leaves out the columns in which nothing
// was counted.
func printFigures(con console, f app.Figures, format string) error {
	if format == "json" {
		return printJSON(con, struct {
			By       app.Split         `json:"by"`
			Campaign *string           `json:"campaign"`
			Since    *string           `json:"since"`
			Before   *string           `json:"before"`
			Columns  []string          `json:"columns"`
			Rows     []json.RawMessage `json:"rows"`
		}{f.By, orNull(f.Campaign), orNull(dateOf(f.Since)), orNull(dateOf(f.Before)), f.Columns, f.Rows})
	}
	if format != "table" {
		return writeFigures(con.Data(), f, format)
	}
	if len(f.Rows) == 0 {
		con.Linef("nothing was counted%s\n", between(f))
		return nil
	}
	rows := make([][]string, len(f.Rows))
	counted := make([]bool, len(f.Columns))
	for i, row := range f.Rows {
		cells, err := f.Cells(row)
		if err != nil {
			return err
		}
		for j, cell := range cells {
			counted[j] = counted[j] || j == 0 || strings.Trim(cell, "0.") != ""
		}
		if cells[0] == "" {
			cells[0] = "not known"
		}
		rows[i] = cells
	}
	table := con.Table()
	for _, row := range append([][]string{upperCase(f.Columns)}, rows...) {
		var shown []string
		for j, cell := range row {
			if counted[j] {
				shown = append(shown, cell)
			}
		}
		table.Printf("%s\n", strings.Join(shown, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	con.Linef("%s\n", strings.TrimSpace("Figures "+cmp.Or(f.Campaign, "of all campaigns")+between(f)+"."))
	return nil
}

func upperCase(columns []string) []string {
	list := make([]string, len(columns))
	for i, name := range columns {
		list[i] = strings.ToUpper(name)
	}
	return list
}

func between(f app.Figures) (text string) {
	if !f.Since.IsZero() {
		text += " from " + dateOf(f.Since)
	}
	if !f.Before.IsZero() {
		text += " before " + dateOf(f.Before)
	}
	if text != "" {
		text += " (UTC)"
	}
	return text
}

func dateOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// writeFigures writes a file for a spreadsheet: the names of the columns, then the rows.
func writeFigures(out io.Writer, f app.Figures, format string) error {
	records := [][]string{slices.Clone(f.Columns)}
	for _, row := range f.Rows {
		cells, err := f.Cells(row)
		if err != nil {
			return err
		}
		records = append(records, cells)
	}
	return writeTable(out, format, records)
}

// writeTable writes rows as csv or xlsx.
func writeTable(out io.Writer, format string, records [][]string) error {
	write, end := sheetOf(out, format)
	for _, record := range records {
		if err := write(record); err != nil {
			return err
		}
	}
	return end()
}

func sheetOf(out io.Writer, format string) (write func([]string) error, end func() error) {
	if format != "xlsx" {
		e := &csvExport{out: csv.NewWriter(out)}
		return e.write, e.end
	}
	e := &xlsxExport{zip: zip.NewWriter(out)}
	return func(cells []string) error {
		if e.sheet == nil {
			if err := e.open("report"); err != nil {
				return err
			}
		}
		return e.write(cells)
	}, e.end
}

// printReport prints the report of one campaign, or of all if name is "".
func printReport(ctx context.Context, db *storage.DB, con console, name, format string) error {
	reports, err := app.Campaigns{Store: db}.Report(ctx, name)
	if err != nil {
		return listsThem(err)
	}
	switch format {
	case "csv", "xlsx":
		return writeTable(con.Data(), format, reportRecords(reports))
	case "json":
		return printReportsJSON(con, reports)
	}
	if len(reports) == 0 {
		con.Linef("no campaigns\n")
	}
	for _, r := range reports {
		con.Linef("%s: %s%s\n", r.Campaign, r.Status, because(r.PauseReason))
		if err := printReportTable(con, r); err != nil {
			return err
		}
	}
	return nil
}

// printReportTable accounts for every row, then for the calls.
func printReportTable(con console, r app.Report) error {
	table := tabwriter.NewWriter(con.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(n int, what string) { fmt.Fprintf(table, "\t%d\t  %s\n", n, what) }
	line(r.Rows, "rows of the CSV")
	line(r.Rejected, "refused or duplicate")
	for _, state := range []struct {
		n    int
		name string
	}{{r.Pending, "not called yet"}, {r.Active, "queued, or being called"}, {r.Waiting, "to be called again"}} {
		if state.n > 0 {
			line(state.n, state.name)
		}
	}
	for _, reason := range campaign.Reasons {
		if n := r.Reasons[reason]; n > 0 {
			line(n, "ended: "+string(reason)+reasonMeans[reason])
		}
	}
	for _, rung := range ladderLines(r.Ladder) {
		line(rung.n, rung.what)
	}
	line(r.Calls, fmt.Sprintf("calls, %d answered, %s, price %s", r.Answered, minutes(r.Seconds), r.Price.StringFixed(8)))
	if r.Recordings > 0 {
		line(r.Recordings, "recordings: reporting.recordings has their addresses")
	}
	if r.Unpriced > 0 {
		line(r.Unpriced, "of them without a price so far")
	}
	return table.Flush()
}

// reasonMeans explains the reasons whose names could be misunderstood.
var reasonMeans = map[campaign.Reason]string{
	campaign.Reason(campaign.Answered): ", by a person or a machine: which was not detected",
	campaign.Reason(campaign.Human):    ", a person answered",
	campaign.Reason(campaign.Machine):  ", an answering machine and no person",
}

// rung is a line of the ladder.
type rung struct {
	n    int
	what string
}

// ladderLines are how far the campaign got with its people. The number who heard it is
// left out if it is not known.
func ladderLines(l app.Ladder) []rung {
	if l.Called == 0 {
		return nil
	}
	lines := []rung{{l.Called, "people called"}, {l.Answered, "of them answered"}}
	if l.Heard > 0 || !l.OwnNCCO {
		lines = append(lines, rung{l.Heard, "of them heard the message, or gave a result"})
	}
	if l.Result == 0 {
		return lines
	}
	var words []string
	for _, word := range slices.Sorted(maps.Keys(l.Results)) {
		words = append(words, fmt.Sprintf("%d %s", l.Results[word], word))
	}
	return append(lines, rung{l.Result, "of them gave a result: " + strings.Join(words, ", ")})
}

// minutes writes whole seconds as minutes and seconds.
func minutes(seconds int64) string { return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60) }

// reportLine is a report in the form for programs. Money is a string, so that no reader
// makes a float of it.
type reportLine struct {
	CampaignID   int64                        `json:"campaign_id"`
	Campaign     string                       `json:"campaign"`
	Status       campaign.Status              `json:"status"`
	Rows         int                          `json:"rows_in"`
	Rejected     int                          `json:"rejected"`
	Pending      int                          `json:"pending"`
	Active       int                          `json:"active"`
	Waiting      int                          `json:"waiting"`
	Done         int                          `json:"done"`
	Reasons      map[campaign.Reason]int      `json:"reasons"`
	Called       int                          `json:"people_called"`
	Reached      int                          `json:"people_answered"`
	Heard        int                          `json:"heard"`
	WithResult   int                          `json:"people_with_result"`
	Results      map[string]int               `json:"results"`
	Calls        int                          `json:"calls"`
	Answered     int                          `json:"answered"`
	Dispositions map[campaign.Disposition]int `json:"dispositions"`
	Seconds      int64                        `json:"duration_s"`
	Price        string                       `json:"price"`
	Unpriced     int                          `json:"unpriced"`
}

func printReportsJSON(con console, reports []app.Report) error {
	lines := make([]reportLine, len(reports))
	for i, r := range reports {
		lines[i] = reportLine{
			CampaignID: r.CampaignID, Campaign: r.Campaign, Status: r.Status,
			Rows: r.Rows, Rejected: r.Rejected, Pending: r.Pending, Active: r.Active, Waiting: r.Waiting, Done: r.Done,
			Called: r.Ladder.Called, Reached: r.Ladder.Answered, Heard: r.Ladder.Heard, WithResult: r.Ladder.Result, Results: r.Ladder.Results,
			Reasons: r.Reasons, Calls: r.Calls, Answered: r.Answered, Dispositions: r.Dispositions,
			Seconds: r.Seconds, Price: r.Price.StringFixed(8), Unpriced: r.Unpriced,
		}
	}
	return printJSON(con, lines)
}

// reportRecords are the names of the columns, and a row for each campaign.
func reportRecords(reports []app.Report) [][]string {
	header := []string{"campaign_id", "campaign", "status", "rows_in", "rejected", "pending", "active", "waiting", "done"}
	for _, reason := range campaign.Reasons {
		header = append(header, "done_"+string(reason))
	}
	records := [][]string{append(header, "calls", "answered", "duration_s", "price", "unpriced", "people_called", "people_answered", "heard", "people_with_result")}
	for _, r := range reports {
		record := []string{strconv.FormatInt(r.CampaignID, 10), r.Campaign, string(r.Status)}
		for _, n := range []int{r.Rows, r.Rejected, r.Pending, r.Active, r.Waiting, r.Done} {
			record = append(record, strconv.Itoa(n))
		}
		for _, reason := range campaign.Reasons {
			record = append(record, strconv.Itoa(r.Reasons[reason]))
		}
		records = append(records, append(record,
			strconv.Itoa(r.Calls), strconv.Itoa(r.Answered), strconv.FormatInt(r.Seconds, 10), r.Price.StringFixed(8), strconv.Itoa(r.Unpriced),
			strconv.Itoa(r.Ladder.Called), strconv.Itoa(r.Ladder.Answered), strconv.Itoa(r.Ladder.Heard), strconv.Itoa(r.Ladder.Result)))
	}
	return records
}
