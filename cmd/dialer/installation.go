package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/storage"
)

type installationCommand struct {
	Show  installationShowCommand  `cmd:"" help:"Say where the database lives, and whether and why it calls nobody."`
	Adopt installationAdoptCommand `cmd:"" help:"Say that this copy of the database is the one that dials. End every other one first."`
}

// providerKeeps is how long Vonage keeps its records, unless the
// application's setting says otherwise.
const providerKeeps = 48 * time.Hour

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
	con.Printf("installation %s\n", i.ID)
	con.Printf("lived at      %s\nis at         %s\n", place(i.Place), place(found))
	if !i.MarkedAt.IsZero() {
		con.Printf("got as far as %s\n", i.MarkedAt.Format(timeFormat))
	}
	if found.System == "" || found.Timeline == 0 {
		con.Printf("This server does not tell everything about itself: a copy of its files is known by the mark in Redis alone.\n")
	}
	tellHold(con, i.Hold)
	words, err := db.Words(ctx, wordsShown)
	if err != nil {
		return err
	}
	tellWords(con, words)
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

// wordsShown is how many of the things that people decided are shown.
const wordsShown = 5

func tellHold(con console, h campaign.Hold) {
	switch {
	case h.Reason == "":
		con.Printf("It dials.\n")
	case h.Waits():
		con.Printf("HELD since %s: %s.\n", h.Since.Format(timeFormat), h.Reason.Meaning())
		con.Printf("It knows what happened until %s.\n", h.KnownUntil.Format(timeFormat))
	default:
		con.Printf("HELD since %s, until Vonage's list has been read back: %d of %d readings are done. A `dialer run` does them.\n",
			h.Since.Format(timeFormat), h.Readings, campaign.EnoughReadings)
		tellMisses(con, h)
	}
}

// tellMisses says what keeps the readings from counting, and what can be done.
func tellMisses(con console, h campaign.Hold) {
	if h.Misses == 0 {
		return
	}
	con.Printf("The last %d readings count for nothing: the last, at %s, lacked %d calls that Vonage has.\n",
		h.Misses, h.MissedAt.Format(timeFormat), h.Missing)
	if !h.DespiteMissingAt.IsZero() {
		con.Printf("Since %s readings that lack no more than that count, because a person said so.\n", h.DespiteMissingAt.Format(timeFormat))
		return
	}
	con.Printf("The list is read again at %s. If it stays so, ask Vonage; `dialer installation adopt --despite-missing` has it dial all the same.\n",
		h.RetryAt().Format(timeFormat))
}

func tellWords(con console, words []campaign.Word) {
	for _, w := range words {
		con.Printf("%s: %s said %q, when it was held as %s.\n", w.At.Format(timeFormat), w.Who, w.Word, w.HeldFor)
	}
}

type installationAdoptCommand struct {
	actorFlags
	databaseFlags
	DespiteGap     bool `name:"despite-gap" xor:"despite" help:"Also where the backup is older than Vonage's records. Who was called between is then called again."`
	DespiteMissing bool `name:"despite-missing" xor:"despite" help:"Where Vonage's list keeps lacking calls that it has: readings of it count all the same. Who was called and is missing from it too may be called again."`
}

func (c *installationAdoptCommand) Help() string {
	return `A database that was restored, copied or moved calls nobody until this is said. Then Vonage's list is read back twice, the calls that the database forgot are given to the people they went to, and it dials again by itself.

Only one copy may dial: two that do ring everybody twice. What else was done since the backup is forgotten too: suppress those who asked for it since, and look whether a campaign that runs here was paused or stopped.`
}

func (c *installationAdoptCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.DespiteMissing {
		return c.despiteMissing(ctx, con, db)
	}
	return c.adopt(ctx, con, db)
}

// despiteMissing has readings count that lack no more than the last one.
func (c *installationAdoptCommand) despiteMissing(ctx context.Context, con console, db *storage.DB) error {
	i, _, err := db.Standing(ctx)
	if err == nil && i.Hold.Waits() {
		return errors.New("this database waits to be adopted first: say `dialer installation adopt`, and --despite-missing only once a reading of the list has lacked calls")
	}
	if err == nil {
		i, err = db.DespiteMissing(ctx, c.Who())
	}
	switch {
	case errors.Is(err, campaign.ErrNotHeld):
		con.Printf("Nothing to adopt: this database is not held.\n")
		return nil
	case err != nil:
		return err
	}
	con.Printf("Readings of Vonage's list count from now on if they lack no more than the last one: %d calls. A `dialer run` reads it, and then dials.\n", i.Hold.Missing)
	return nil
}

// adopt says that this copy dials.
func (c *installationAdoptCommand) adopt(ctx context.Context, con console, db *storage.DB) error {
	i, err := db.Adopt(ctx, c.Who(), providerKeeps, c.DespiteGap)
	gap, tooOld := errors.AsType[*campaign.GapError](err)
	switch {
	case errors.Is(err, campaign.ErrNotHeld):
		return c.nothingToAdopt(ctx, con, db)
	case tooOld:
		return fmt.Errorf("%w; look at Vonage's own reports, or say --despite-gap", gap)
	case err != nil:
		return err
	}
	con.Printf("Adopted as installation %s. It knows what happened until %s.\n", i.ID, i.Hold.KnownUntil.Format(timeFormat))
	con.Printf("A `dialer run` now reads Vonage's list back, and then dials.\n")
	list, err := db.Report(ctx)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Status == campaign.Running {
			con.Printf("Campaign %s will go on: pause it now if it was paused or stopped since then.\n", r.Campaign)
		}
	}
	return nil
}

// nothingToAdopt says why, and how it goes on where the database is held.
func (c *installationAdoptCommand) nothingToAdopt(ctx context.Context, con console, db *storage.DB) error {
	i, _, err := db.Standing(ctx)
	if err != nil {
		return err
	}
	con.Printf("Nothing to adopt: this database does not wait for anybody.\n")
	tellHold(con, i.Hold)
	return nil
}
