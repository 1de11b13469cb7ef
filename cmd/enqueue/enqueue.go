package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
	"dialer/internal/failpoint"
	"dialer/internal/progress"
	"dialer/storage"
)

// enqueue imports the file and, when that is asked for, follows the campaign.
func enqueue(ctx context.Context, f flags, s campaign.Settings, t terminal) error {
	in, err := openInput(f.File, t.in)
	if err != nil {
		return err
	}
	defer in.Close()
	refused, err := newRefused(f, t.err)
	if err != nil {
		return err
	}
	defer refused.discard()
	refused.sweep()
	db, err := open(ctx, f.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	im := importing{flags: f, settings: s, in: in, refused: refused, store: db, terminal: t}
	c, err := im.run(ctx)
	if err != nil || !f.Follow {
		return err
	}
	return follow(ctx, db, c, t)
}

// follow shows how the campaign goes on. A ctx that ends, as by Ctrl-C, ends
// the showing and is no failure: the campaign goes on.
func follow(ctx context.Context, db *storage.DB, c campaign.Campaign, t terminal) error {
	err := progress.Follow(ctx, db, c, progress.NewLine(t.out), time.Second)
	if ctx.Err() != nil {
		t.printf("The campaign goes on; `dialer report` shows how it stands.\n")
		return nil
	}
	return err
}

// open brings the database to this program's schema, so that no other command
// has to come before this one.
func open(ctx context.Context, url string) (*storage.DB, error) {
	db, err := storage.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// openInput opens the file, or takes standard input for "-".
func openInput(path string, stdin io.Reader) (io.ReadCloser, error) {
	if path == stdinName {
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder, not a CSV", path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// importing is one import and what it needs.
type importing struct {
	flags    flags
	settings campaign.Settings
	in       io.Reader
	refused  *refused
	store    csvimport.Store
	terminal terminal
}

// run imports, and says what became of the rows and what will happen now.
func (im importing) run(ctx context.Context) (campaign.Campaign, error) {
	line := progress.NewLine(im.terminal.err)
	o := im.flags.options()
	o.Rejects, o.Refused = im.refused.writer(), im.refused.tell
	if line.Live() {
		o.Progress = func(s csvimport.Summary) {
			line.Show(fmt.Sprintf("%s read, %d added", progress.Count(s.Rows, "row"), s.Added))
		}
	}
	summary, err := csvimport.Import(ctx, im.in, im.flags.Name, im.settings, o, im.store)
	line.End()
	if err != nil {
		return campaign.Campaign{}, explain(ctx, im.flags, summary, err)
	}
	failpoint.Hit("import.released")
	where, err := im.refused.keep()
	if err != nil {
		return campaign.Campaign{}, err
	}
	im.terminal.printf("%s%s%s", account(im.flags.input(), summary), where, outlook(summary, im.settings))
	return summary.Campaign, nil
}

// explain tells the person who typed the command what to do about a failure.
func explain(ctx context.Context, f flags, s csvimport.Summary, err error) error {
	switch {
	case errors.Is(err, campaign.ErrOtherSettings):
		return fmt.Errorf("%w: take another --name, or the flags that it was made with", err)
	case s.Campaign.ID == 0:
		return fmt.Errorf("%s: %w", f.input(), err)
	case ctx.Err() != nil:
		err = errors.New("broken off")
	}
	return fmt.Errorf("%s: %w (%s in; the same command again goes on from there, and adds nothing twice)", f.input(), err, progress.Count(s.Rows, "row"))
}

// account accounts for every row of the file.
func account(file string, s csvimport.Summary) string {
	text := fmt.Sprintf("%s: %s, %d added", file, progress.Count(s.Rows, "row"), s.Added)
	for _, part := range []struct {
		n    int
		what string
	}{{s.Already, "already there"}, {s.Duplicates, "duplicate"}, {s.Refused, "refused"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return text + "\n"
}

// outlook says what will happen now.
func outlook(sum csvimport.Summary, s campaign.Settings) string {
	switch {
	case sum.Campaign.Status == campaign.Paused:
		return fmt.Sprintf("Campaign %q is paused: nobody is called before `dialer campaign resume %s`.\n", sum.Campaign.Name, sum.Campaign.Name)
	case sum.Added == 0:
		return "Nobody new is to be called.\n"
	}
	return fmt.Sprintf("%s will be called %s; `dialer run` places the calls.\n", progress.People(sum.Added), when(s))
}

// when says during which hours, by whose clock, and from what day on.
func when(s campaign.Settings) string {
	clock := "in their own zone"
	if s.Zone != campaign.ZoneRecipient {
		clock = "in " + s.Zone
	}
	text := fmt.Sprintf("between %s %s", strings.ReplaceAll(s.Hours.String(), "-", " and "), clock)
	if !s.Start.IsZero() {
		text += " from " + s.Start.Format("2006-01-02 15:04") + " UTC on"
	}
	return text
}
