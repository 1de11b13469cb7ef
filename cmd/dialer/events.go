package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dialer/internal/app"
)

type eventsCommand struct {
	Prune eventsPruneCommand `cmd:"" help:"Drop the webhooks of old days. What they said stays in the attempts."`
}

type eventsPruneCommand struct {
	OlderThan days `name:"older-than" required:"" placeholder:"90d" help:"Drop days that ended longer ago than this many days, at least 3d. A day with events of calls that are still open is kept."`
	DryRun    bool `name:"dry-run" help:"Only say what would be dropped."`
	actorFlags
	databaseFlags
}

// days is a number of days, written like 90d.
type days int

func (d *days) UnmarshalText(text []byte) error {
	number, written := strings.CutSuffix(string(text), "d")
	n, err := strconv.Atoi(number)
	if !written || err != nil || n < 3 || n > 36_500 {
		return fmt.Errorf("%q: want a number of days from 3d on, such as 90d", text)
	}
	*d = days(n)
	return nil
}

func (c *eventsPruneCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	pruned, err := app.Events{Store: db}.Prune(ctx, c.actor(), time.Duration(c.OlderThan)*24*time.Hour, c.DryRun)
	printPruned(con, pruned, c.DryRun)
	return err
}

func printPruned(con console, p app.Pruned, dryRun bool) {
	dropped := "dropped"
	if dryRun {
		dropped = "would be dropped"
	}
	for _, d := range p.Days {
		if d.Open > 0 {
			con.Printf("%s  kept: %d of its attempts are still open\n", d.Day.Format(time.DateOnly), d.Open)
			continue
		}
		con.Printf("%s  %s\n", d.Day.Format(time.DateOnly), dropped)
	}
	if len(p.Days) == 0 {
		con.Printf("no day is that old\n")
	}
	if p.Undated > 0 {
		con.Printf("%d events of that age stay: they came when their day had no partition\n", p.Undated)
	}
}
