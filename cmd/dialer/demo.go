package main

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/csvimport"
	verification "dialer/internal/verify"
)

//go:embed demo/contacts.csv demo/people.csv
var demoFiles embed.FS

const demoCSV = "demo/contacts.csv"

type demoCommand struct {
	Seed    uint64        `default:"1" help:"Decides who answers and which faults happen (default: ${default})."`
	Faults  string        `enum:"none,some,heavy" default:"some" placeholder:"none|some|heavy" help:"How many faults the simulator has (default: ${default})."`
	Timeout time.Duration `default:"3m" help:"When to give up (default: ${default})."`
}

func (c *demoCommand) Help() string {
	return `Needs no account and no server. It uses DATABASE_URL and REDIS_URL if they are set, else private servers if their programs are installed, else a Redis inside this process and a downloaded Postgres. On a server of yours it uses a database and a queue of its own, and drops the database at the end. Everything is real except Vonage: its calls proceed twenty times faster than in reality, and tokens expire after two seconds instead of thirty.`
}

// demoCallsPerSecond is more than an ordinary account allows. At an ordinary rate the
// demo would take two minutes.
const demoCallsPerSecond = 40

func (c *demoCommand) Run(ctx context.Context, con console) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("the demo did not end within %v", c.Timeout))
	defer cancel()
	s, err := startSimulation(ctx, con, simulationConfig{
		seed: c.Seed, faults: c.Faults, callsPerSecond: demoCallsPerSecond,
		log: func(line string) { con.Printf("%s\n", line) },
	})
	defer s.close()
	if err == nil {
		con.Printf("Provider: simulated, faults: %s, seed %d, %v calls a second\n", c.Faults, c.Seed, demoCallsPerSecond)
		err = demonstrate(ctx, s)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// demonstrate imports the demo's CSV, calls its people, and says how it went.
func demonstrate(ctx context.Context, s *simulation) error {
	name := "demo " + time.Now().UTC().Format("2006-01-02 15:04:05")
	imported, err := importDemo(ctx, s, name)
	if err != nil {
		return err
	}
	s.con.Printf("\n")
	if err := s.dial(ctx, imported.Campaign); err != nil {
		return err
	}
	reports, err := s.db.Report(ctx, imported.Campaign.ID)
	if err != nil {
		return err
	}
	s.con.Printf("\n")
	if len(reports) == 0 {
		return campaign.ErrNotFound
	}
	printLadder(s.con, reports[0])
	s.con.Printf("\n")
	return concludeDemo(ctx, s, reports[0])
}

func importDemo(ctx context.Context, s *simulation, name string) (csvimport.Summary, error) {
	csv, err := demoFiles.Open(demoCSV)
	if err != nil {
		return csvimport.Summary{}, err
	}
	defer csv.Close()
	var refused []campaign.RowError
	options := csvimport.Options{DefaultCountry: "GB", Now: time.Now(), OnRejected: func(row campaign.RowError) { refused = append(refused, row) }}
	summary, err := csvimport.Import(ctx, csv, name, simulatedSettings("Hello {{name}}, this is a reminder of your appointment: {{appointment}}."), options,
		app.Import{By: simulatedActor, Store: s.db})
	if err != nil {
		return summary, err
	}
	s.con.Printf("Import:   %s: %d rows, %d people, %d duplicates, %d refused, the first:\n", demoCSV, summary.Rows, summary.Added, summary.Duplicates, summary.Rejected)
	for _, row := range refused[:min(len(refused), 3)] {
		s.con.Printf("          %s\n", refusedText(row))
	}
	return summary, nil
}

// refusedText is the place of a refused row, and the reason.
func refusedText(row campaign.RowError) string {
	return fmt.Sprintf("line %d, %s%s", row.Line, inColumn(row.Column), row.Reason)
}

// meanings say in words how people ended.
var meanings = map[campaign.Reason]string{
	campaign.Reason(campaign.Answered):    "answered, before it was known by whom",
	campaign.Reason(campaign.Human):       "answered by a person",
	campaign.Reason(campaign.Machine):     "answered by an answering machine, which got the message",
	campaign.Reason(campaign.Busy):        "busy each time",
	campaign.Reason(campaign.Unanswered):  "not answered, each time",
	campaign.Reason(campaign.Timeout):     "rang until the limit, each time",
	campaign.Reason(campaign.Failed):      "failed: the number or the network does not work",
	campaign.Reason(campaign.Rejected):    "rejected: the telephone or its network refused the call",
	campaign.Reason(campaign.Cancelled):   "cancelled before anybody answered",
	campaign.Reason(campaign.Unexplained): "ended, and Vonage did not say how",
	campaign.ReasonRefused:                "refused by Vonage: no call was made",
	campaign.ReasonSuppressed:             "on the list of those who are not to be called",
	campaign.ReasonStopped:                "not called: the campaign was stopped",
	campaign.ReasonUnresolved:             "not known whether there was a call",
	campaign.ReasonMessage:                "without a message that can be spoken",
}

// printLadder accounts for every row of the CSV, in words.
func printLadder(con console, r app.Report) {
	con.Printf("Of %d rows of the CSV:\n", r.Rows)
	line := func(n int, what string) {
		if n > 0 {
			con.Printf("  %5d  %s\n", n, what)
		}
	}
	line(r.Rejected, "refused or duplicate, before any call")
	for _, reason := range campaign.Reasons {
		line(r.Reasons[reason], cmp.Or(meanings[reason], string(reason)))
	}
	con.Printf("%d calls, %d answered, %s, price %s\n", r.Calls, r.Answered, minutes(r.Seconds), r.Price.StringFixed(8))
}

// concludeDemo compares our records with the simulator's ledger, and explains the
// dialer's advantage.
func concludeDemo(ctx context.Context, s *simulation, r app.Report) error {
	result, err := compareWithLedger(ctx, s.db, s.simURL)
	if err != nil {
		return err
	}
	s.con.Printf("%s\n", demoStory(result, r, s.sim.Summary().Faults))
	return verify(ctx, s.db, s.con, s.simURL)
}

// After these faults the dialer does not know whether there is a call. After the first
// ones there is a call, after the others there is none.
var (
	unclearCalls = []string{"cut_after", "error_500_placed", "error_503_placed", "truncated", "stuck"}
	unclearNones = []string{"cut_before", "error_500"}
)

func demoStory(v verification.Result, r app.Report, faults map[string]int) string {
	calls, nones, events := 0, 0, 0
	for name, n := range faults {
		switch {
		case slices.Contains(unclearCalls, name):
			calls += n
		case slices.Contains(unclearNones, name):
			nones += n
		case strings.HasPrefix(name, "event_"):
			events += n
		}
	}
	found := calls + nones - r.Attempts[campaign.Unknown] - r.Attempts[campaign.Lost]
	return fmt.Sprintf(`%d requests were lost or unclear on purpose, %d found out: %d had made a call, %d had made none and were sent again.
%d webhooks were lost, late, repeated or out of order. And yet: %s called twice, %s forgotten, price %s.`,
		calls+nones, found, calls, nones, events, nobody(v.CalledTwice), nobody(v.NeverCalled), equal(v.PriceDifference.IsZero()))
}

func nobody(n int) string {
	if n == 0 {
		return "nobody"
	}
	return fmt.Sprintf("%d PEOPLE", n)
}

func equal(is bool) string {
	if is {
		return "equal to the last digit"
	}
	return "NOT EQUAL"
}
