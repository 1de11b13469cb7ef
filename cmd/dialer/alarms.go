package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"

	"github.com/google/uuid"
)

type alarmsCommand struct {
	List    alarmsListCommand    `cmd:"" default:"withargs" help:"List what a person should look at, the latest first, and what to do about it."`
	Resolve alarmsResolveCommand `cmd:"" help:"Mark alarms as dealt with. They leave the list, and come back if they are raised again. One that asks for a decision about its attempt needs that."`
}

// maxAlarms is the longest list.
const maxAlarms = 10_000

type alarmsListCommand struct {
	Kind   string        `placeholder:"KIND" help:"Only this kind."`
	Since  time.Duration `placeholder:"24h" help:"Only those that were raised within this time (default: all)."`
	Limit  int           `default:"100" help:"At most so many, up to 10000 (default: ${default})."`
	All    bool          `help:"Also resolved ones."`
	Format string        `enum:"table,csv,json" default:"table" placeholder:"table|csv|json" help:"How it is printed (default: ${default})."`
	databaseFlags
}

func (c *alarmsListCommand) validate() error {
	switch {
	case c.Limit < 1 || c.Limit > maxAlarms:
		return fmt.Errorf("%w: --limit must be from 1 to %d, not %d", cli.ErrUsage, maxAlarms, c.Limit)
	case c.Since < 0:
		return fmt.Errorf("%w: --since must not be negative", cli.ErrUsage)
	case c.Kind != "":
		return knownKind(c.Kind)
	}
	return nil
}

func knownKind(kind string) error {
	var kinds []string
	for _, k := range campaign.AlarmKinds {
		kinds = append(kinds, k.Kind)
	}
	if !slices.Contains(kinds, kind) {
		return fmt.Errorf("%w: --kind must be one of %s", cli.ErrUsage, strings.Join(kinds, ", "))
	}
	return nil
}

func (c *alarmsListCommand) Run(ctx context.Context, con console) error {
	if err := c.validate(); err != nil {
		return err
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	list, err := app.Alarms{Store: db}.List(ctx, app.AlarmQuery{Kind: c.Kind, Within: c.Since, Resolved: c.All, Limit: c.Limit})
	if err != nil {
		return err
	}
	switch c.Format {
	case "csv":
		return printAlarmsCSV(con, list)
	case "json":
		return printAlarmsJSON(con, list)
	}
	return printAlarms(con, list, c.Limit)
}

// shownAlike is how many alarms of one kind without an attempt are listed: another dialer
// on the account raises one for each of its calls.
const shownAlike = 3

// printAlarms lists the alarms, then what to do about each kind among them.
func printAlarms(con console, list []app.RaisedAlarm, limit int) error {
	if len(list) == 0 {
		con.Linef("no alarms\n")
		return nil
	}
	table := con.Table()
	table.Printf("ID\tKIND\tATTEMPT\tCAMPAIGN\tFIRST\tLAST\tTIMES\tDETAIL\n")
	alike := map[string]int{}
	for _, a := range list {
		if a.AttemptID == uuid.Nil {
			if alike[a.Kind]++; alike[a.Kind] > shownAlike {
				continue
			}
		}
		table.Printf("%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", a.ID, a.Kind, cmp.Or(attemptOf(a), "-"), cmp.Or(a.Campaign, "-"),
			cli.Time(a.First), cli.Time(a.Last), a.Times, a.Detail+resolution(a))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(alike)) {
		if more := alike[kind] - shownAlike; more > 0 {
			con.Linef("and %d more of %s, %d in all: --format csv lists them, dialer alarms resolve --kind %s resolves them\n", more, kind, alike[kind], kind)
		}
	}
	if len(list) == limit {
		con.Linef("These are the latest %d; there may be more (--limit).\n", limit)
	}
	con.Linef("\n")
	for _, k := range campaign.AlarmKinds {
		of := slices.DeleteFunc(slices.Clone(list), func(a app.RaisedAlarm) bool { return a.Kind != k.Kind })
		remedy := k.Remedy // the ids of several alarms are in the list
		if len(of) == 1 {
			remedy = of[0].Remedy()
		}
		if len(of) > 0 {
			con.Linef("%s: %s.\n  %s\n", k.Kind, k.Meaning, remedy)
		}
	}
	return nil
}

func attemptOf(a app.RaisedAlarm) string {
	if a.AttemptID == uuid.Nil {
		return ""
	}
	return a.AttemptID.String()
}

// resolution says who resolved an alarm, and whether it was raised again.
func resolution(a app.RaisedAlarm) string {
	switch {
	case a.ResolvedAt.IsZero():
		return ""
	case a.Open():
		return fmt.Sprintf(" (raised again after %s resolved it on %s)", a.ResolvedBy, cli.Time(a.ResolvedAt))
	}
	return fmt.Sprintf(" (resolved by %s on %s)", a.ResolvedBy, cli.Time(a.ResolvedAt))
}

// alarmLine is an alarm in the form for programs.
type alarmLine struct {
	ID         int64     `json:"id"`
	Kind       string    `json:"kind"`
	Attempt    string    `json:"attempt_id,omitempty"`
	Campaign   string    `json:"campaign,omitempty"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	Times      int       `json:"times"`
	Detail     string    `json:"detail"`
	Open       bool      `json:"open"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	ResolvedBy string    `json:"resolved_by,omitempty"`
	Remedy     string    `json:"remedy"`
}

func alarmLines(list []app.RaisedAlarm) []alarmLine {
	lines := make([]alarmLine, len(list))
	for i, a := range list {
		lines[i] = alarmLine{
			ID: a.ID, Kind: a.Kind, Attempt: attemptOf(a), Campaign: a.Campaign, First: a.First, Last: a.Last, Times: a.Times,
			Detail: a.Detail, Open: a.Open(), ResolvedAt: a.ResolvedAt, ResolvedBy: a.ResolvedBy, Remedy: a.Remedy(),
		}
	}
	return lines
}

func printAlarmsJSON(con console, list []app.RaisedAlarm) error {
	return printJSON(con, alarmLines(list))
}

func printAlarmsCSV(con console, list []app.RaisedAlarm) error {
	records := [][]string{{"id", "kind", "attempt_id", "campaign", "first", "last", "times", "detail", "open", "resolved_at", "resolved_by", "remedy"}}
	for _, l := range alarmLines(list) {
		resolved := ""
		if !l.ResolvedAt.IsZero() {
			resolved = l.ResolvedAt.Format(time.RFC3339)
		}
		records = append(records, []string{
			strconv.FormatInt(l.ID, 10), l.Kind, l.Attempt, campaign.SafeCell(l.Campaign), l.First.Format(time.RFC3339), l.Last.Format(time.RFC3339),
			strconv.Itoa(l.Times), campaign.SafeCell(l.Detail), strconv.FormatBool(l.Open), resolved, campaign.SafeCell(l.ResolvedBy), l.Remedy,
		})
	}
	return csv.NewWriter(con.Data()).WriteAll(records)
}

type alarmsResolveCommand struct {
	IDs  []int64 `arg:"" optional:"" name:"id" help:"The alarms' ids in the list."`
	Kind string  `placeholder:"KIND" help:"All open alarms of this kind."`
	// A decision settles the attempt of one absence_blocked or attempt_lost.
	ItsCall string `placeholder:"UUID" xor:"decision" help:"Of absence_blocked and attempt_lost: this call of Vonage's list is the attempt's."`
	NoCall  bool   `xor:"decision" help:"Of these: Vonage made no call, so the contact may be called again."`
	Called  bool   `xor:"decision" help:"Of these: the person was called, so the contact ends as unresolved."`
	actorFlags
	databaseFlags
}

func (c *alarmsResolveCommand) validate() error {
	if (len(c.IDs) == 0) == (c.Kind == "") {
		return fmt.Errorf("%w: name the alarms' ids, or give --kind", cli.ErrUsage)
	}
	if c.decision().Word != "" && len(c.IDs) != 1 {
		return fmt.Errorf("%w: a decision is about one alarm: give its id", cli.ErrUsage)
	}
	if c.Kind != "" {
		return knownKind(c.Kind)
	}
	return nil
}

// decision is the flags' decision about the alarm's attempt; no Word: none.
func (c *alarmsResolveCommand) decision() app.AttemptDecision {
	switch {
	case c.ItsCall != "":
		return app.AttemptDecision{Word: app.DecideItsCall, CallUUID: c.ItsCall}
	case c.NoCall:
		return app.AttemptDecision{Word: app.DecideNoCall}
	case c.Called:
		return app.AttemptDecision{Word: app.DecideCalled}
	}
	return app.AttemptDecision{}
}

func (c *alarmsResolveCommand) Run(ctx context.Context, con console) error {
	if err := c.validate(); err != nil {
		return err
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	alarms := app.Alarms{Store: db}
	if d := c.decision(); d.Word != "" {
		err := alarms.Decide(ctx, c.actor(), c.IDs[0], d)
		if errors.Is(err, campaign.ErrNotFound) {
			err = fmt.Errorf("%d: no open alarm of an attempt about which you decide has this id: %w", c.IDs[0], err)
		}
		if err == nil {
			con.Linef("decided\n")
		}
		return err
	}
	if c.Kind != "" {
		n, err := alarms.ResolveKind(ctx, c.actor(), c.Kind)
		if err == nil {
			con.Linef("%d resolved\n", n)
		}
		return err
	}
	resolved, err := alarms.Resolve(ctx, c.actor(), c.IDs)
	if err != nil {
		return err
	}
	con.Linef("%d resolved\n", len(resolved))
	for _, id := range c.IDs {
		if !slices.Contains(resolved, id) {
			con.Linef("%d: no open alarm has this id\n", id)
			err = cli.ErrFailed
		}
	}
	return err
}
