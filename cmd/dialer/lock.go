package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/storage"
)

type lockCommand struct {
	Show    lockShowCommand    `cmd:"" help:"Show where the database lives, and whether and why it calls nobody."`
	Release lockReleaseCommand `cmd:"" help:"Say that this copy of the database is the one that dials. End every other one first."`
}

type lockShowCommand struct{ databaseFlags }

func (c *lockShowCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	d, found, err := db.Identity(ctx)
	if err != nil {
		return err
	}
	con.Linef("database      %s\n", d.ID)
	con.Linef("lived at      %s\nis at         %s\n", describeServer(d.Server), describeServer(found))
	if d.Account != (campaign.Account{}) {
		con.Linef("calls with    %s\n", d.Account)
	}
	if !d.CheckpointAt.IsZero() {
		con.Linef("got as far as %s\n", cli.Time(d.CheckpointAt))
	}
	if found.System == "" || found.Timeline == 0 {
		con.Linef("This server does not tell everything about itself: a copy of its files is known by the mark in Redis alone.\n")
	}
	printLock(con, d)
	return nil
}

func describeServer(s campaign.ServerIdentity) string {
	if s == (campaign.ServerIdentity{}) {
		return "nowhere yet: it never dialed"
	}
	system := s.System
	if system == "" {
		system = "not told"
	}
	return fmt.Sprintf("system %s, database %d, timeline %d", system, s.Database, s.Timeline)
}

func printLock(con console, d campaign.DatabaseIdentity) {
	l := d.Lock
	if l.OtherAccount != (campaign.Account{}) {
		con.Linef("LOCKED: %s.\nTo let it call what is due here: dialer lock release. To go on with the first, end that dialer, then: dialer lock release --keep-account.\n",
			d.Account.AskedBy(l.OtherAccount))
	}
	switch {
	case l.Reason == campaign.LockedAccount:
	case l.Reason == "":
		con.Linef("It dials.\n")
	case l.AwaitsPerson():
		con.Linef("LOCKED since %s: %s.\n", cli.Time(l.Since), l.Reason.Meaning())
		con.Linef("It knows what happened until %s.\n", cli.Time(l.KnownUntil))
	default:
		if l.ReleasedBy != "" {
			con.Linef("Released by %s at %s.\n", l.ReleasedBy, cli.Time(l.ReleasedAt))
		}
		con.Linef("LOCKED since %s, until Vonage's list has been read back: %d of %d scans are done. A `dialer run` does them.\n",
			cli.Time(l.Since), l.Scans, l.Reason.ScansToRelease())
		printMisses(con, l)
	}
}

// printMisses says why the scans do not count, and what to do.
func printMisses(con console, l campaign.DialLock) {
	if l.Misses == 0 {
		return
	}
	con.Linef("The last %d scans count for nothing: the last, at %s, lacked %d calls that Vonage has, or did not say whom they went to.\n",
		l.Misses, cli.Time(l.MissedAt), l.Missing)
	if !l.AcceptedAt.IsZero() {
		con.Linef("Since %s scans that lack no more than that count, because a person accepted the list.\n", cli.Time(l.AcceptedAt))
		return
	}
	con.Linef("The list is read again at %s. If it stays so, ask Vonage; `dialer lock release --accept-incomplete-list` has it dial all the same.\n",
		cli.Time(l.RetryAt()))
}

type lockReleaseCommand struct {
	actorFlags
	databaseFlags
	RecordsKept          time.Duration `name:"records-kept" env:"DIALER_RECORDS_KEPT" default:"48h" help:"How long Vonage keeps the record of a call (default: ${default})."`
	DespiteGap           bool          `name:"despite-gap" xor:"despite" help:"Also where the backup is older than Vonage's records. The people who were called between are then called again."`
	KeepAccount          bool          `name:"keep-account" xor:"despite" help:"Where another application or API host asked to call: keep the one that the database had."`
	AcceptIncompleteList bool          `name:"accept-incomplete-list" xor:"despite" help:"Where Vonage's list keeps lacking calls that it has, or does not say whom they went to: scans of it count all the same. People who were called and whom it does not name may be called again."`
}

func (c *lockReleaseCommand) Help() string {
	return `A database that was started with another application or API host calls nobody until you run this: the contacts that are due here are then called with that one. ` + "`dialer lock show`" + ` prints both.

A database that was restored, copied or moved calls nobody until you run this. Then Vonage's list is read back twice, the calls that the database forgot are given to the people they went to, and it dials again by itself.

Only one copy may dial: two that do call everybody twice. What else was done since the backup is forgotten too: suppress those who asked for it since, and check whether a campaign that runs here was paused or stopped.`
}

func (c *lockReleaseCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.AcceptIncompleteList {
		return c.accept(ctx, con, db)
	}
	if c.KeepAccount {
		return c.keep(ctx, con, db)
	}
	return c.release(ctx, con, db)
}

// keep continues with the account that the database had.
func (c *lockReleaseCommand) keep(ctx context.Context, con console, db *storage.DB) error {
	d, err := app.DialLock{Store: db}.KeepAccount(ctx, c.actor())
	switch {
	case errors.Is(err, campaign.ErrNotLocked):
		con.Linef("Nothing to decide: no other application or API host asked to call.\n")
		return nil
	case err != nil:
		return err
	}
	con.Linef("This database goes on calling with %s.\n", d.Account)
	return nil
}

// accept makes scans count that lack no more calls than the last one.
func (c *lockReleaseCommand) accept(ctx context.Context, con console, db *storage.DB) error {
	d, _, err := db.Identity(ctx)
	if err == nil && d.Lock.AwaitsPerson() {
		return errors.New("this database waits to be released first: run `dialer lock release`, and --accept-incomplete-list only once a scan of the list has lacked calls")
	}
	if err == nil {
		d, err = app.DialLock{Store: db}.AcceptIncompleteList(ctx, c.actor())
	}
	switch {
	case errors.Is(err, campaign.ErrNotLocked):
		con.Linef("Nothing to release: this database is not locked.\n")
		return nil
	case err != nil:
		return err
	}
	con.Linef("Scans of Vonage's list count from now on if they lack no more than the last one: %d calls. A `dialer run` reads it, and then dials.\n", d.Lock.Missing)
	return nil
}

// release says that this copy dials.
func (c *lockReleaseCommand) release(ctx context.Context, con console, db *storage.DB) error {
	d, err := app.DialLock{Store: db}.Release(ctx, c.actor(), c.RecordsKept, c.DespiteGap)
	gap, tooOld := errors.AsType[*campaign.GapError](err)
	switch {
	case errors.Is(err, campaign.ErrNotLocked):
		return c.nothingToRelease(ctx, con, db)
	case tooOld:
		return fmt.Errorf("%w; look at Vonage's own reports, or use --despite-gap", gap)
	case err != nil:
		return err
	}
	con.Linef("Released as database %s. It calls with %s. Start dialers that run anew.\n", d.ID, d.Account)
	if d.Lock.Forgetful() {
		con.Linef("It knows what happened until %s. A `dialer run` now reads Vonage's list back, and then dials.\n", cli.Time(d.Lock.KnownUntil))
	}
	list, err := db.Report(ctx)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Status.Stored() == campaign.Running {
			con.Linef("Campaign %s will continue: pause it now if it was paused or stopped since then.\n", r.Campaign)
		}
	}
	return nil
}

// nothingToRelease says why there is nothing to release, and what happens next if the
// database is locked.
func (c *lockReleaseCommand) nothingToRelease(ctx context.Context, con console, db *storage.DB) error {
	d, _, err := db.Identity(ctx)
	if err != nil {
		return err
	}
	con.Linef("Nothing to release: this database does not wait for a person.\n")
	printLock(con, d)
	return nil
}
