package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
)

type suppressCommand struct {
	Add    suppressAddCommand    `cmd:"" help:"Never call these numbers, in any campaign, from now on."`
	Remove suppressRemoveCommand `cmd:"" help:"Take numbers off the list. Contacts that ended as suppressed stay ended."`
	Import suppressImportCommand `cmd:"" help:"Add a file of numbers, one a line."`
	List   suppressListCommand   `cmd:"" help:"List the numbers."`
}

// numberFlags say how numbers are read.
type numberFlags struct {
	DefaultCountry string `name:"default-country" placeholder:"GB" help:"The country of numbers that are written without one."`
}

// parse takes +44..., 0044... and, with a default country, 07700...; digits
// alone are read as E.164, as Vonage writes them.
func (f numberFlags) parse(raw string) (string, error) {
	raw = strings.TrimSpace(raw)
	if f.DefaultCountry == "" && raw != "" && raw[0] >= '1' && raw[0] <= '9' {
		raw = "+" + raw
	}
	number, err := campaign.ParseNumber(raw, f.DefaultCountry)
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
}

func (f entryFlags) entry(number string) app.Suppression {
	return app.Suppression{Number: number, Source: f.Source, Note: f.Note, ExpiresAt: f.Until}
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
	return addSuppressions(ctx, con, c.DatabaseURL, c.actor(), list)
}

func addSuppressions(ctx context.Context, con console, databaseURL string, by app.Actor, list []app.Suppression) error {
	db, err := openMigrated(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	added, err := app.Suppressions{Store: db}.Add(ctx, by, list)
	if err != nil {
		return err
	}
	con.Printf("%d added, %d already there\n", added, len(list)-added)
	return nil
}

type suppressRemoveCommand struct {
	Numbers []string `arg:"" name:"number" help:"The numbers."`
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
	if err := (app.Suppressions{Store: db}).Remove(ctx, c.actor(), numbers); err != nil {
		return err
	}
	con.Printf("%d removed\n", len(numbers))
	return nil
}

type suppressImportCommand struct {
	File string `arg:"" help:"The file, or - for standard input. Text after a comma, semicolon or tab is ignored, and so are lines that begin with #."`
	numberFlags
	entryFlags
	actorFlags
	databaseFlags
}

const (
	suppressLine  = 4 << 10 // bytes that one line may have
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
	list, err := c.read(in)
	if err != nil {
		return err
	}
	return addSuppressions(ctx, con, c.DatabaseURL, c.actor(), list)
}

func openFile(path string, stdin io.Reader) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(stdin), nil
	}
	return os.Open(path)
}

func (c *suppressImportCommand) read(in io.Reader) ([]app.Suppression, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, suppressLine)
	var list []app.Suppression
	var mistakes []error
	seen := map[string]bool{}
	line := 0
	for lines.Scan() {
		line++
		raw := firstField(lines.Text(), line)
		if raw == "" {
			continue
		}
		number, err := c.parse(raw)
		switch {
		case err != nil:
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %w", c.File, line, err))
		case !seen[number]:
			seen[number] = true
			list = append(list, c.entry(number))
		}
		if len(mistakes) >= suppressShown || len(list) > maxSuppressed {
			break
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", c.File, line+1, err)
	}
	if len(list) > maxSuppressed {
		return nil, fmt.Errorf("%s: more than %d numbers: split it", c.File, maxSuppressed)
	}
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("nothing was added: correct these lines first:\n%w", errors.Join(mistakes...))
	}
	return list, nil
}

// firstField is the number of a line; a first line without digits is a header.
func firstField(text string, line int) string {
	if line == 1 {
		text = strings.TrimPrefix(text, "\ufeff")
	}
	field, _, _ := strings.Cut(strings.NewReplacer(";", ",", "\t", ",").Replace(text), ",")
	field = strings.Trim(strings.TrimSpace(field), `"`)
	if strings.HasPrefix(field, "#") || line == 1 && !strings.ContainsAny(field, "0123456789") {
		return ""
	}
	return field
}

type suppressListCommand struct{ databaseFlags }

func (c *suppressListCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	table := tabwriter.NewWriter(con.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NUMBER\tSINCE\tUNTIL\tSOURCE\tNOTE")
	for s, err := range (app.Suppressions{Store: db}).List(ctx) {
		if err != nil {
			return err
		}
		until := "forever"
		if !s.ExpiresAt.IsZero() {
			until = s.ExpiresAt.Format(timeFormat)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", s.Number, s.CreatedAt.Format(timeFormat), until, s.Source, s.Note)
	}
	return table.Flush()
}
