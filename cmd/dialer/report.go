package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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

// reasonMeans adds to the reasons whose names could be taken for something else.
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

// ladderLines are how far the campaign came with its people. Who heard it is left
// out where that is not known.
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

func printReportsCSV(con console, reports []app.Report) error {
	out := csv.NewWriter(con.Data())
	header := []string{"campaign_id", "campaign", "status", "rows_in", "rejected", "pending", "active", "waiting", "done"}
	for _, reason := range campaign.Reasons {
		header = append(header, "done_"+string(reason))
	}
	records := [][]string{append(header, "calls", "answered", "duration_s", "price", "unpriced", "people_called", "people_answered", "heard", "people_with_result")}
	for _, r := range reports {
		record := []string{strconv.FormatInt(r.CampaignID, 10), campaign.SafeCell(r.Campaign), string(r.Status)}
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
	return out.WriteAll(records)
}
