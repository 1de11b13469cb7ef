package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/voice"

	"github.com/shopspring/decimal"
)

type callShowCommand struct {
	UUID   string `arg:"" help:"The call's uuid, or the id under which a manual call is on record."`
	Format string `enum:"table,json" default:"table" placeholder:"table|json" help:"How it is printed (default: ${default})."`
	requestFlags
	databaseFlags
}

// Run shows what was done to a call even when Vonage has it no more. A manual
// call whose uuid is not known cannot be requested.
func (c *callShowCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, c.DatabaseURL, func(k *vonage) error {
		manual, err := k.db.ManualCall(ctx, c.UUID)
		switch {
		case errors.Is(err, campaign.ErrNotFound):
		case err != nil:
			return err
		case manual.CallUUID == "":
			return c.printManual(con, manual)
		default:
			c.UUID = manual.CallUUID
		}
		actions, err := k.db.CallActions(ctx, c.UUID)
		if err != nil {
			return err
		}
		if manual.CallUUID != "" {
			actions = slices.Insert(actions, 0, createOf(manual))
		}
		call, err := k.client.GetCall(ctx, c.UUID)
		if errors.Is(err, voice.ErrInvalid) {
			return fmt.Errorf("%w: %w", cli.ErrUsage, err)
		}
		if err != nil && !errors.Is(err, voice.ErrNotFound) {
			return fmt.Errorf("call %s: %w", c.UUID, err)
		}
		printed := c.print(con, call, actions)
		if err != nil {
			return fmt.Errorf("call %s is unknown to Vonage, which keeps records for two days: %w", c.UUID, err)
		}
		return printed
	})
}

func (c *callShowCommand) printManual(con console, a campaign.Attempt) error {
	if c.Format == "json" {
		return printJSON(con, shownCall{Actions: []shownAction{actionOf(createOf(a))}})
	}
	con.Linef("%s\n", describeManualCall(a))
	return nil
}

// createOf is a manual call as the first thing that was done to its call.
func createOf(a campaign.Attempt) app.CallAction {
	outcome := campaign.EffectUnknown
	switch a.State {
	case campaign.Accepted, campaign.Ended:
		outcome = campaign.EffectDone
	case campaign.Refused, campaign.Void, campaign.Absent:
		outcome = campaign.EffectRefused
	}
	at := a.DialedAt
	if at.IsZero() {
		at = a.CreatedAt
	}
	return app.CallAction{
		At: at, CallUUID: a.CallUUID, Who: a.Manual.RequestedBy, Action: "create", Detail: a.Manual.Detail,
		Outcome: outcome, Answer: cmp.Or(a.Note, string(outcome)),
	}
}

// print leaves the record out where there is none.
func (c *callShowCommand) print(con console, call voice.Call, actions []app.CallAction) error {
	if c.Format == "json" {
		shown := shownCall{Actions: make([]shownAction, len(actions))}
		if call.UUID != "" {
			shown.Call = new(recordOf(call))
		}
		for i, a := range actions {
			shown.Actions[i] = actionOf(a)
		}
		return printJSON(con, shown)
	}
	if call.UUID != "" {
		table := con.Table()
		for i, cell := range recordOf(call).cells() {
			table.Printf("%s\t%s\n", recordColumns[i], cell)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	for _, a := range actions {
		con.Linef("%s\n", describeAction(a))
	}
	return nil
}

// describeAction is one line of the record of what was done.
func describeAction(a app.CallAction) string {
	text := fmt.Sprintf("%s  %s by %s", cli.Time(a.At), a.Action, a.Who) + inBrackets(a.Detail) + ": " + string(a.Outcome)
	if a.Answer != string(a.Outcome) {
		text += ", " + a.Answer
	}
	return text
}

// shownCall is what call show prints for programs.
type shownCall struct {
	Call    *callRecord   `json:"call"` // null when Vonage has none
	Actions []shownAction `json:"actions"`
}

func actionOf(a app.CallAction) shownAction {
	return shownAction{a.At, a.Who, a.Action, a.Detail, string(a.Outcome), a.Answer}
}

type shownAction struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Action  string    `json:"action"`
	Detail  string    `json:"detail"`
	Outcome string    `json:"outcome"`
	Answer  string    `json:"answer"`
}

type callListCommand struct {
	Status           string    `placeholder:"STATUS" help:"Only calls with this status, such as ringing, answered or completed."`
	DateStart        time.Time `name:"date-start" placeholder:"TIME" help:"Only calls from then on, as 2027-01-31T00:00:00Z."`
	DateEnd          time.Time `name:"date-end" placeholder:"TIME" help:"Only calls up to then."`
	PageSize         int       `name:"page-size" default:"100" placeholder:"N" help:"How many are read with one request, 1 to 100 (default: ${default})."`
	RecordIndex      int       `name:"record-index" placeholder:"N" help:"Begin with this one, counted from 0."`
	Order            string    `enum:"asc,desc" default:"asc" placeholder:"asc|desc" help:"Oldest first, or newest (default: ${default})."`
	ConversationUUID string    `name:"conversation-uuid" placeholder:"UUID" help:"Only calls of this conversation."`
	Limit            int       `default:"1000" placeholder:"N" help:"How many are listed at most (default: ${default})."`
	Format           string    `enum:"table,csv,json" default:"table" placeholder:"table|csv|json" help:"How they are printed (default: ${default})."`
	requestFlags
	databaseFlags
}

func (c *callListCommand) Run(ctx context.Context, con console) error {
	filter := voice.ListFilter{
		Status: c.Status, DateStart: c.DateStart, DateEnd: c.DateEnd, PageSize: c.PageSize,
		RecordIndex: c.RecordIndex, Order: c.Order, ConversationUUID: c.ConversationUUID,
	}
	if err := filter.Validate(); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	if c.PageSize < 1 || c.Limit < 1 {
		return fmt.Errorf("%w: --page-size and --limit must be at least 1", cli.ErrUsage)
	}
	return c.with(ctx, con, c.DatabaseURL, func(k *vonage) error {
		calls := k.client.Calls(ctx, filter, listOverlap)
		if c.Order == "desc" {
			calls = newestFirst(ctx, k.client, filter)
		}
		records, err := c.collect(calls)
		if err != nil {
			return err
		}
		return c.print(con, records)
	})
}

// listOverlap is how many rows two pages share, so that none is overlooked
// while the list changes.
const listOverlap = 5

// newestFirst reads pages as they come. New calls push known ones on to the
// next page, where they are passed over.
func newestFirst(ctx context.Context, client *voice.Client, f voice.ListFilter) iter.Seq2[voice.Call, error] {
	return func(yield func(voice.Call, error) bool) {
		seen := map[string]bool{}
		for {
			page, err := client.ListCalls(ctx, f)
			if err != nil {
				yield(voice.Call{}, err)
				return
			}
			for _, call := range page.Calls {
				if !seen[call.UUID] && !yield(call, nil) {
					return
				}
				seen[call.UUID] = true
			}
			f.RecordIndex += len(page.Calls)
			if len(page.Calls) == 0 || !page.More && len(page.Calls) < f.PageSize {
				return
			}
		}
	}
}

func (c *callListCommand) collect(calls iter.Seq2[voice.Call, error]) ([]callRecord, error) {
	records := []callRecord{}
	for call, err := range calls {
		if err != nil {
			return nil, err
		}
		if records = append(records, recordOf(call)); len(records) == c.Limit {
			break
		}
	}
	return records, nil
}

func (c *callListCommand) print(con console, records []callRecord) error {
	switch c.Format {
	case "json":
		return printJSON(con, records)
	case "csv":
		rows := [][]string{recordColumns}
		for _, r := range records {
			cells := r.cells()
			for i := range cells {
				cells[i] = campaign.SafeCell(cells[i])
			}
			rows = append(rows, cells)
		}
		return csv.NewWriter(con.Data()).WriteAll(rows)
	}
	table := con.Table()
	table.Row(strings.Split(strings.ToUpper(strings.Join(recordColumns, " ")), " "))
	for _, r := range records {
		table.Row(r.cells())
	}
	return table.Flush()
}

func printJSON(con console, value any) error {
	out := json.NewEncoder(con.Out)
	out.SetIndent("", "  ")
	return out.Encode(value)
}

// callRecord is Vonage's record as it is printed. Money is a string, so
// that no reader makes a float of it.
type callRecord struct {
	UUID             string    `json:"uuid"`
	Status           string    `json:"status"`
	Direction        string    `json:"direction"`
	To               string    `json:"to"`
	From             string    `json:"from"`
	StartTime        time.Time `json:"start_time,omitzero"`
	EndTime          time.Time `json:"end_time,omitzero"`
	Duration         *int      `json:"duration_s"`
	Rate             string    `json:"rate"`
	Price            string    `json:"price"`
	Network          string    `json:"network"`
	ConversationUUID string    `json:"conversation_uuid"`
}

// recordColumns name what cells gives.
var recordColumns = []string{
	"uuid", "status", "direction", "to", "from", "start_time", "end_time", "duration_s", "rate", "price", "network", "conversation_uuid",
}

func (r callRecord) cells() []string {
	duration := ""
	if r.Duration != nil {
		duration = strconv.Itoa(*r.Duration)
	}
	return []string{
		r.UUID, r.Status, r.Direction, r.To, r.From, shortTime(r.StartTime), shortTime(r.EndTime), duration,
		r.Rate, r.Price, r.Network, r.ConversationUUID,
	}
}

func recordOf(c voice.Call) callRecord {
	return callRecord{
		UUID: c.UUID, Status: c.Status, Direction: c.Direction, To: partyOf(c.To), From: partyOf(c.From),
		StartTime: c.StartTime, EndTime: c.EndTime, Duration: c.Duration,
		Rate: money(c.Rate), Price: money(c.Price), Network: c.Network, ConversationUUID: c.ConversationUUID,
	}
}

func partyOf(p voice.CallParty) string { return cmp.Or(p.Number, p.URI, p.User, p.Extension) }

// money has every digit that Vonage gave, and at least eight.
func money(d decimal.NullDecimal) string {
	if !d.Valid {
		return ""
	}
	return d.Decimal.StringFixed(max(8, -d.Decimal.Exponent()))
}

func shortTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return cli.Time(t)
}
