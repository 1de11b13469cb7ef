package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
	"dialer/storage"

	"github.com/google/uuid"
)

// testCall makes a running dialer call one number with the message of a row, and imports
// nothing.
func (j job) testCall(ctx context.Context) error {
	number, err := j.testNumber()
	if err != nil {
		return cli.ArgumentError{Err: fmt.Errorf("--test: %w", err)}
	}
	forecast, err := csvimport.Preview(ctx, j.in, j.settings, j.options)
	switch {
	case err != nil:
		return j.flags.placed(fmt.Errorf("%s: %w", j.flags.inputName(), err))
	case forecast.SampleVars == nil && forecast.SampleRefused == "":
		return errors.New("there is no such row, or no row can be called")
	case forecast.SampleRefused != "":
		return fmt.Errorf("line %d cannot be called: %s", forecast.SampleLine, forecast.SampleRefused)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	db, err := storage.OpenMigrated(ctx, j.flags.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	err = app.TestCall(ctx, db, app.Actor{Name: j.flags.Who(), Through: app.ThroughCommand}, campaign.Placement{
		Attempt: campaign.Attempt{ID: id, Kind: campaign.ManualCall, To: number, From: j.settings.From[0], Manual: campaign.Manual{
			ToKind: campaign.KindPhone, Detail: fmt.Sprintf("test of %s, line %d", j.flags.Name, forecast.SampleLine),
		}},
		Settings: j.settings, Vars: forecast.SampleVars,
	})
	if err != nil {
		return err
	}
	j.con.Print(fmt.Sprintf("The message of line %d:\n%s", forecast.SampleLine, scriptText(forecast.Sample)))
	j.con.Printf("A running `dialer run` calls +%s with it within some seconds, or not at all after two minutes.\n"+
		"`dialer why %s` shows what became of it. Nothing else was written.\n", number, number)
	return nil
}

// testNumber is the number of --test, read in the same way as the rows' numbers.
func (j job) testNumber() (string, error) {
	number, err := campaign.ParseNumber(j.flags.Test, j.options.DefaultCountry)
	if err != nil {
		return "", err
	}
	return number.Digits, cmp.Or(number.CheckKind(), j.settings.Countries.Check(number))
}
