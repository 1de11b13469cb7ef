package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/cli"
)

type installationCommand struct {
	Show  installationShowCommand  `cmd:"" help:"Say where the database lives, and whether and why it calls nobody."`
	Adopt installationAdoptCommand `cmd:"" help:"Say that this copy of the database is the one that dials. End every other one first."`
}

// carrierKeeps is how long the carrier keeps its records, unless the
// application's setting says otherwise.
const carrierKeeps = 48 * time.Hour

type installationShowCommand struct{ databaseFlags }

func (c *installationShowCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	i, found, err := db.Standing(ctx)
	if err != nil {
		return err
	}
	con.printf("installation %s\n", i.ID)
	con.printf("lived at      %s\nis at         %s\n", place(i.Place), place(found))
	if !i.MarkedAt.IsZero() {
		con.printf("got as far as %s\n", i.MarkedAt.Format(timeFormat))
	}
	if found.System == "" || found.Timeline == 0 {
		con.printf("This server does not tell everything about itself: a copy of its files is known by the mark in Redis alone.\n")
	}
	tellHold(con, i.Hold)
	return nil
}

func place(p campaign.Place) string {
	if p == (campaign.Place{}) {
		return "nowhere yet: it never dialed"
	}
	return fmt.Sprintf("system %s, database %d, timeline %d", orUnknown(p.System), p.Database, p.Timeline)
}

func orUnknown(text string) string {
	if text == "" {
		return "not told"
	}
	return text
}

func tellHold(con console, h campaign.Hold) {
	switch {
	case h.Reason == "":
		con.printf("It dials.\n")
	case h.Waits():
		con.printf("HELD since %s: %s.\n", h.Since.Format(timeFormat), h.Reason.Meaning())
		con.printf("It knows what happened until %s.\n", h.KnownUntil.Format(timeFormat))
	default:
		con.printf("HELD since %s, until the carrier's list has been read back: %d of %d readings are done. A `dialer run` does them.\n",
			h.Since.Format(timeFormat), h.Readings, campaign.EnoughReadings)
	}
}

type installationAdoptCommand struct {
	actorFlags
	databaseFlags
	DespiteGap bool `name:"despite-gap" help:"Also where the backup is older than the carrier's records. Who was called between is then called again."`
}

func (c *installationAdoptCommand) Help() string {
	return `A database that was restored, copied or moved calls nobody until this is said. Then the carrier's list is read back twice, the calls that the database forgot are given to the people they went to, and it dials again by itself.

Only one copy may dial: two that do ring everybody twice. What else was done since the backup is forgotten too: suppress those who asked for it since, and look whether a campaign that runs here was paused or stopped.`
}

func (c *installationAdoptCommand) Run(ctx context.Context, con console) error {
	if err := c.actorFlags.validate(); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	i, err := db.Adopt(ctx, c.By, carrierKeeps, c.DespiteGap)
	gap, tooOld := errors.AsType[*campaign.GapError](err)
	switch {
	case errors.Is(err, campaign.ErrNotHeld):
		con.printf("Nothing to adopt: this database does not wait for anybody.\n")
		return nil
	case tooOld:
		return fmt.Errorf("%w; look at the carrier's own reports, or say --despite-gap", gap)
	case err != nil:
		return err
	}
	con.printf("Adopted as installation %s. It knows what happened until %s.\n", i.ID, i.Hold.KnownUntil.Format(timeFormat))
	con.printf("A `dialer run` now reads the carrier's list back, and then dials.\n")
	list, err := db.Report(ctx)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Status == campaign.Running {
			con.printf("Campaign %s will go on: pause it now if it was paused or stopped since then.\n", r.Campaign)
		}
	}
	return nil
}
