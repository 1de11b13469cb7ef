package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"text/tabwriter"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/storage"
)

type reportCommand struct {
	Campaign string `arg:"" optional:"" help:"A campaign's name or id (default: all)."`
	Format   string `enum:"table,csv,json" default:"table" placeholder:"table|csv|json" help:"How it is printed (default: ${default})."`
	databaseFlags
}

func (c *reportCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	return printReport(ctx, db, con, c.Campaign, c.Format)
}

// printReport prints the report of one campaign, or of all if name is "".
func printReport(ctx context.Context, db *storage.DB, con console, name, format string) error {
	reports, err := app.Campaigns{Store: db}.Report(ctx, name)
	if err != nil {
		return listsThem(err)
	}
	switch format {
	case "csv":
		return printReportsCSV(con, reports)
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
			line(n, "ended: "+string(reason))
		}
	}
	line(r.Calls, fmt.Sprintf("calls, %d answered, %s, price %s", r.Answered, minutes(r.Seconds), r.Price.StringFixed(8)))
	if r.Unpriced > 0 {
		line(r.Unpriced, "of them without a price so far")
	}
	return table.Flush()
}

// minutes writes whole seconds as minutes and seconds.
func minutes(seconds int64) string { return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60) }

// reportLine is a report as programs read it. Money is a string, so that no
// reader makes a float of it.
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
			Reasons: r.Reasons, Calls: r.Calls, Answered: r.Answered, Dispositions: r.Dispositions,
			Seconds: r.Seconds, Price: r.Price.StringFixed(8), Unpriced: r.Unpriced,
		}
	}
	return printJSON(con, lines)
}

func printReportsCSV(con console, reports []app.Report) error {
	out := csv.NewWriter(con.Data())
	header := []string{"campaign_id", "campaign", "status", "rows_in", "rejected", "pending", "active", "waiting", "done"}
	for _, reason := range campaign.Reasons {
		header = append(header, "done_"+string(reason))
	}
	records := [][]string{append(header, "calls", "answered", "duration_s", "price", "unpriced")}
	for _, r := range reports {
		record := []string{strconv.FormatInt(r.CampaignID, 10), campaign.SafeCell(r.Campaign), string(r.Status)}
		for _, n := range []int{r.Rows, r.Rejected, r.Pending, r.Active, r.Waiting, r.Done} {
			record = append(record, strconv.Itoa(n))
		}
		for _, reason := range campaign.Reasons {
			record = append(record, strconv.Itoa(r.Reasons[reason]))
		}
		records = append(records, append(record,
			strconv.Itoa(r.Calls), strconv.Itoa(r.Answered), strconv.FormatInt(r.Seconds, 10), r.Price.StringFixed(8), strconv.Itoa(r.Unpriced)))
	}
	return out.WriteAll(records)
}
