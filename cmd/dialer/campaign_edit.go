package main

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/campaignflags"
	"dialer/internal/cli"
	"dialer/internal/provider"
)

type campaignEditCommand struct {
	Which string `arg:"" name:"name" help:"The campaign's name or id."`
	campaignflags.Flags
	AllowUnknown bool     `name:"allow-unknown" help:"Take actions and members of an NCCO that this program does not know."`
	Countries    []string `placeholder:"GB,IE|all" help:"Where people may be called."`

	Key            string `hidden:""`
	Map            string `hidden:""`
	DefaultCountry string `name:"default-country" hidden:""`
	DateFormat     string `name:"date-format" hidden:""`
	databaseFlags
	actorFlags
}

// Help is printed by -h below the flags.
func (campaignEditCommand) Help() string {
	return `The flags are those of enqueue; what they do not name stays as it is. --campaign FILE replaces the whole document. The edit holds for every call that has not begun, from the moment on at which this command says so. Each edit makes a version, which reporting.attempts names for each call. The name, --key, --zone, remind and what the columns mean cannot be changed.`
}

func (c *campaignEditCommand) Run(ctx context.Context, con console) error {
	if err := c.fixed(); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	done, err := app.Campaigns{Store: db}.Edit(ctx, c.actor(), c.Which, app.Edit{
		Change: c.document,
		CheckMessage: func(s campaign.Settings, m campaign.Rendered) error {
			return provider.CheckMessage(s, m, c.AllowUnknown)
		},
	})
	if err != nil {
		return listsThem(err)
	}
	if len(done.Changes) == 0 {
		con.Linef("%s: nothing to change; it is version %d as before\n", done.Campaign.Name, done.Version)
		return nil
	}
	con.Linef("%s: version %d from now on\n", done.Campaign.Name, done.Version)
	for _, d := range done.Changes {
		con.Linef("  %s: it was %s, and is %s\n", d.Setting, d.Stored, d.Given)
	}
	return nil
}

// fixed refuses the flags of enqueue about the file of people.
func (c *campaignEditCommand) fixed() error {
	var errs []error
	for _, flag := range []struct{ name, value string }{
		{"--key", c.Key}, {"--map", c.Map}, {"--default-country", c.DefaultCountry}, {"--date-format", c.DateFormat}, {"--name", c.Name},
	} {
		if flag.value != "" {
			errs = append(errs, fmt.Errorf("%s cannot be changed: people are known, and their rows were read, by it", flag.name))
		}
	}
	return errors.Join(errs...)
}

// document is the campaign's document with the changes of the flags.
func (c *campaignEditCommand) document(was campaign.Document) (campaign.Document, error) {
	d, err := c.Document(was)
	if len(c.Countries) > 0 {
		d.People.Countries = c.Countries
		d.FromFlag("people.countries", "--countries")
	}
	return d, err
}
