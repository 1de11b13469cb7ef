package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"dialer/internal/app"
	"dialer/internal/cli"
)

type auditCommand struct {
	Object string        `placeholder:"OBJECT" help:"Only changes of this, as the list names it: 'campaign 7'."`
	Actor  string        `placeholder:"NAME" help:"Only changes by this person."`
	Since  time.Duration `placeholder:"24h" help:"Only changes within this time (default: all)."`
	Limit  int           `default:"100" placeholder:"N" help:"At most so many, up to 10000 (default: ${default})."`
	Format string        `enum:"table,json" default:"table" placeholder:"table|json" help:"How it is printed (default: ${default})."`
	databaseFlags
}

func (c *auditCommand) Help() string {
	return `The latest change comes first. Numbers of people are masked. An entry is written in the transaction of its change, and is never changed.`
}

// maxAuditEntries is the longest list.
const maxAuditEntries = 10_000

func (c *auditCommand) Run(ctx context.Context, con console) error {
	if c.Limit < 1 || c.Limit > maxAuditEntries {
		return fmt.Errorf("%w: --limit must be from 1 to %d, not %d", cli.ErrUsage, maxAuditEntries, c.Limit)
	}
	if c.Since < 0 {
		return fmt.Errorf("%w: --since must not be negative", cli.ErrUsage)
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	entries, err := db.Audit(ctx, app.AuditQuery{Object: c.Object, Actor: c.Actor, Within: c.Since, Limit: c.Limit})
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return printJSON(con, append([]app.AuditEntry{}, entries...)) // [], not null
	}
	return c.print(con, entries)
}

func (c *auditCommand) print(con console, entries []app.AuditEntry) error {
	if len(entries) == 0 {
		con.Linef("no changes\n")
		return nil
	}
	table := con.Table()
	table.Printf("AT\tACTOR\tROLE\tTHROUGH\tACTION\tOBJECT\tBEFORE\tAFTER\n")
	for _, e := range entries {
		table.Printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cli.Time(e.At), e.Actor, cmp.Or(e.Role, "-"), e.Through,
			e.Action, e.Object, state(e.Before), state(e.After))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(entries) == c.Limit {
		con.Linef("These are the latest %d; there may be more (--limit).\n", c.Limit)
	}
	return nil
}

// maxStateText is how much of a state one cell of the table shows; the JSON has all
// of it.
const maxStateText = 120

func state(json []byte) string {
	text := []rune(string(json))
	switch {
	case len(text) == 0:
		return "-"
	case len(text) > maxStateText:
		return string(text[:maxStateText]) + "..."
	}
	return string(text)
}
