package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
)

type suppressCommand struct {
	Add    suppressAddCommand    `cmd:"" help:"Never call these numbers from now on: in any campaign, in one, or in those of one purpose."`
	Remove suppressRemoveCommand `cmd:"" help:"Lift one suppression of each number; it stays on record. Contacts that ended as suppressed stay ended. A number that is suppressed in several scopes needs one of the flags that say which is meant."`
	Import suppressImportCommand `cmd:"" help:"Add a file of numbers, one a line."`
	List   suppressListCommand   `cmd:"" help:"List the numbers."`
}

// numberFlags say how numbers are read.
type numberFlags struct {
	DefaultCountry string `name:"default-country" env:"DIALER_DEFAULT_COUNTRY" placeholder:"GB" help:"The country of numbers that are written without one."`
}

// read reads a number in the same way as the import of a CSV.
func (f numberFlags) read(raw string) (campaign.Number, error) {
	return campaign.ParseNumber(raw, f.DefaultCountry)
}

func (f numberFlags) parse(raw string) (string, error) {
	number, err := f.read(raw)
	return number.Digits, err
}

// parseAll reads the numbers of a command line.
func (f numberFlags) parseAll(raw []string) ([]string, error) {
	numbers := make([]string, len(raw))
	for i := range raw {
		var err error
		if numbers[i], err = f.parse(raw[i]); err != nil {
			return nil, fmt.Errorf("%w: number %d: %w", cli.ErrUsage, i+1, err)
		}
	}
	return numbers, nil
}

// entryFlags are stored with a number.
type entryFlags struct {
	Note   string    `help:"Why, for people who look at it later."`
	Until  time.Time `placeholder:"TIME" help:"When it may be called again, as 2027-01-31T00:00:00Z (default: never)."`
	Source string    `default:"operator" help:"Who says so (default: ${default})."`

	Campaign string `placeholder:"NAME" help:"Only in this campaign (default: in all)."`
	Purpose  string `placeholder:"WORD" help:"Only in campaigns of this purpose: emergency, notification, reminder, health or marketing."`

	Shorten bool `help:"Also where a number is suppressed for longer. Without it the longer suppression stays."`
}

// check refuses an end in the past.
func (f entryFlags) check() error {
	if !f.Until.IsZero() && f.Until.Before(time.Now()) {
		return fmt.Errorf("%w: --until: this time is past; give one to come, or none", cli.ErrUsage)
	}
	return nil
}

func (f entryFlags) entry(number string) app.Suppression {
	return app.Suppression{Number: number, Source: f.Source, Note: f.Note, Campaign: f.Campaign, Purpose: f.Purpose, ExpiresAt: f.Until}
}

type suppressAddCommand struct {
	Numbers []string `arg:"" name:"number" help:"The numbers."`
	numberFlags
	entryFlags
	actorFlags
	databaseFlags
}

func (c *suppressAddCommand) Run(ctx context.Context, con console) error {
	numbers, err := c.parseAll(c.Numbers)
	if err != nil {
		return err
	}
	var list []app.Suppression
	for _, number := range numbers {
		list = append(list, c.entry(number))
	}
	return c.add(ctx, con, c.DatabaseURL, c.actor(), list)
}

func (f entryFlags) add(ctx context.Context, con console, databaseURL string, by app.Actor, list []app.Suppression) error {
	if err := f.check(); err != nil {
		return err
	}
	db, err := openMigrated(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	done, err := app.Suppressions{Store: db}.Add(ctx, by, list, f.Shorten)
	if err != nil {
		return err
	}
	con.Linef("%s\n", suppressedText(done))
	return nil
}

func suppressedText(done app.Suppressed) string {
	text := fmt.Sprintf("%d added, %d already there", done.Added, done.Same)
	for _, part := range []struct {
		n    int
		what string
	}{
		{done.Extended, "suppressed for longer than before"}, {done.Shortened, "suppressed for less long than before"},
		{done.Kept, "left as they are, because they are suppressed for longer (--shorten changes that)"},
	} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return text
}

type suppressRemoveCommand struct {
	Numbers    []string `arg:"" name:"number" help:"The numbers."`
	Everywhere bool     `help:"The suppression that is of all campaigns."`
	Campaign   string   `placeholder:"NAME" help:"The one that is of this campaign."`
	Purpose    string   `placeholder:"WORD" help:"The one that is of campaigns of this purpose."`
	numberFlags
	actorFlags
	databaseFlags
}

func (c *suppressRemoveCommand) Run(ctx context.Context, con console) error {
	numbers, err := c.parseAll(c.Numbers)
	if err != nil {
		return err
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	which := app.Lift{Campaign: c.Campaign, Purpose: c.Purpose}
	if c.Everywhere {
		which.Scope = app.ScopeAll
	}
	var lifted []string
	for i, number := range numbers {
		which.Number = number
		s, failure := app.Suppressions{Store: db}.Lift(ctx, c.actor(), which)
		if failure != nil {
			err = fmt.Errorf("number %d: %w", i+1, failure) // not the number itself, because logs keep this error
			if _, several := errors.AsType[app.SeveralError](failure); several {
				err = fmt.Errorf("%w: --everywhere, --campaign NAME or --purpose WORD", err)
			}
			break
		}
		lifted = append(lifted, s.Number+" "+s.Where())
	}
	if len(lifted) > 0 {
		con.Linef("%d removed: %s\n", len(lifted), strings.Join(lifted, ", "))
	}
	return err
}

type suppressImportCommand struct {
	File     string `arg:"" placeholder:"FILE|-" help:"The file, or - for standard input: a list, a CSV or a spreadsheet, gzipped or not. Every number in a line counts, and text is ignored, as are lines that begin with #."`
	Encoding string `placeholder:"NAME" help:"The file's encoding, if it is neither UTF-8 nor UTF-16."`
	Sheet    string `placeholder:"NAME" help:"Which sheet of a spreadsheet is read (default: the first)."`
	numberFlags
	entryFlags
	actorFlags
	databaseFlags
}

const (
	maxSuppressed = 5_000_000
	suppressShown = 20 // mistakes that are listed
)

// Run adds all of the file or, if any line is wrong, nothing of it.
func (c *suppressImportCommand) Run(ctx context.Context, con console) error {
	in, err := openFile(c.File, con.In)
	if err != nil {
		return err
	}
	defer in.Close()
	list, err := c.list(in)
	if err != nil {
		return err
	}
	return c.add(ctx, con, c.DatabaseURL, c.actor(), list)
}

func openFile(path string, stdin io.Reader) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(stdin), nil
	}
	return os.Open(path)
}

func (c *suppressImportCommand) list(in io.Reader) ([]app.Suppression, error) {
	var list []app.Suppression
	var mistakes []error
	seen := map[string]bool{}
	o := csvimport.Options{DefaultCountry: c.DefaultCountry, Encoding: c.Encoding, Sheet: c.Sheet}
	err := csvimport.Numbers(in, o, func(line int, number string, mistake error) bool {
		switch {
		case mistake != nil:
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %w", c.File, line, mistake))
		case !seen[number]:
			seen[number] = true
			list = append(list, c.entry(number))
		}
		return len(mistakes) < suppressShown && len(list) <= maxSuppressed
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", c.File, err)
	case len(list) > maxSuppressed:
		return nil, fmt.Errorf("%s: more than %d numbers: split it", c.File, maxSuppressed)
	case len(mistakes) > 0:
		return nil, fmt.Errorf("nothing was added: correct these lines first:\n%w", errors.Join(mistakes...))
	}
	return list, nil
}

type suppressListCommand struct {
	All bool `help:"Those that were lifted or replaced too, after the others."`
	databaseFlags
}

func (c *suppressListCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	list := app.Suppressions{Store: db}
	table := con.Table()
	table.Printf("NUMBER\tSINCE\tUNTIL\tSOURCE\tNOTE\tIN")
	if c.All {
		table.Printf("\tENDED")
	}
	table.Printf("\n")
	if err := c.print(table, list.List(ctx)); err != nil {
		return err
	}
	if c.All {
		if err := c.print(table, list.ListEnded(ctx)); err != nil {
			return err
		}
	}
	return table.Flush()
}

// scopeText says where a suppression applies.
func scopeText(s app.Suppression) string {
	switch s.Scope() {
	case app.ScopeCampaign:
		return "campaign " + s.Campaign
	case app.ScopePurpose:
		return "purpose " + s.Purpose
	}
	return "all"
}

func (c *suppressListCommand) print(table cli.Table, list iter.Seq2[app.Suppression, error]) error {
	for s, err := range list {
		if err != nil {
			return err
		}
		until, ended := "forever", ""
		if !s.ExpiresAt.IsZero() {
			until = cli.Time(s.ExpiresAt)
		}
		if c.All && !s.EndedAt.IsZero() {
			ended = cli.Time(s.EndedAt)
		}
		table.Printf("%s\t%s\t%s\t%s\t%s\t%s", s.Number, cli.Time(s.CreatedAt), until, s.Source, s.Note, scopeText(s))
		if ended != "" {
			table.Printf("\t%s", ended)
		}
		table.Printf("\n")
	}
	return nil
}
