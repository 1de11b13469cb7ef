package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
	"dialer/internal/failpoint"
	"dialer/internal/progress"
	"dialer/storage"
)

// importFile imports the file and, if --follow is given, follows the campaign.
func (j job) importFile(ctx context.Context) error {
	rejects, err := openRejects(j.flags)
	if err != nil {
		return err
	}
	if rejects != nil {
		defer rejects.Close()
	}
	db, err := storage.OpenMigrated(ctx, j.flags.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	im := importing{job: j, rejects: rejects, store: app.Import{By: app.Actor{Name: j.flags.Who(), Through: app.ThroughCommand}, Store: db}}
	c, err := im.run(ctx)
	if err != nil || !j.flags.Follow {
		return err
	}
	return follow(ctx, db, c, j.con)
}

// openRejects returns nil if rejected rows are only printed: for standard input without
// --rejects, because it has no name for the file of rejected rows.
func openRejects(f flags) (*csvimport.RejectFile, error) {
	path := f.rejectsPath()
	if path == "" {
		return nil, nil
	}
	file, err := csvimport.NewRejectFile(path, f.File)
	if err != nil {
		return nil, cli.ArgumentError{Err: fmt.Errorf("--rejects: %w", err)}
	}
	return file, nil
}

// importing is one import and what it needs.
type importing struct {
	job
	rejects *csvimport.RejectFile // nil: rejected rows are only printed
	store   csvimport.Store
}

// run imports, and prints the result of the rows and what happens next.
func (im importing) run(ctx context.Context) (campaign.Campaign, error) {
	line := progress.NewLine(im.con.Err)
	summary, err := csvimport.Import(ctx, im.in, im.flags.Name, im.settings, im.reporting(line), im.store)
	line.End()
	if err != nil {
		return campaign.Campaign{}, explain(ctx, im.flags, summary, err)
	}
	failpoint.Hit("import.released")
	if im.rejects != nil {
		if err := im.rejects.Keep(); err != nil {
			return campaign.Campaign{}, fmt.Errorf("write rejected rows: %w", err)
		}
	}
	im.con.Print(formText(im.flags.inputName(), summary.Form) + beyondText(summary.Beyond) + warningText(summary.Warnings))
	im.con.Print(accountText(im.flags.inputName(), summary) + rejectsText(im.flags.rejectsPath(), summary))
	if summary.Added+summary.Updated > 0 {
		im.con.Print(calleesText(summary.Outlook))
	}
	im.con.Print(outlookText(summary))
	if summary.Campaign.ID == 0 {
		return campaign.Campaign{}, errors.New("no row can be called, so there is no campaign, and its name is free")
	}
	if summary.Rows > 0 && summary.Rejected == summary.Rows {
		return campaign.Campaign{}, errors.New("every row was refused, so nothing was changed")
	}
	return summary.Campaign, nil
}

// reporting are the options with the reports during the import.
func (im importing) reporting(line *progress.Line) csvimport.Options {
	o := im.options
	if im.rejects != nil {
		o.Rejects = im.rejects
	} else {
		o.OnRejected = firstPrinted(im.con.Err)
	}
	if line.Live() {
		o.OnProgress = func(s csvimport.Summary) {
			line.Show(fmt.Sprintf("%s read, %d added", progress.Count(s.Rows, "row"), s.Added))
		}
	}
	return o
}

// maxPrinted is how many rejected rows are printed if there is no file for them.
const maxPrinted = 20

// firstPrinted prints the first rejected rows. It does not print the record, because the
// record contains a number.
func firstPrinted(out io.Writer) func(campaign.RowError) {
	printed := 0
	return func(row campaign.RowError) {
		if printed++; printed <= maxPrinted {
			fmt.Fprintln(out, cli.OneLine(whereText(row)+": "+row.Reason))
		}
	}
}

// follow shows how the campaign continues. If ctx ends, for example by Ctrl-C, only the
// display ends, and that is not a failure.
func follow(ctx context.Context, db *storage.DB, c campaign.Campaign, con cli.Console) error {
	err := progress.Follow(ctx, db, c, progress.NewLine(con.Out), time.Second)
	if ctx.Err() != nil {
		con.Printf("The campaign continues; `dialer report` shows its state.\n")
		return nil
	}
	return err
}

// explain says what to do about a failure.
func explain(ctx context.Context, f flags, s csvimport.Summary, err error) error {
	switch {
	case errors.Is(err, campaign.ErrOtherSettings):
		return fmt.Errorf("%w\nTake another --name, or the flags that it was created with", err)
	case s.Campaign.ID == 0:
		return f.placed(fmt.Errorf("%s: %w", f.inputName(), err))
	case ctx.Err() != nil:
		err = errors.New("broken off")
	}
	return fmt.Errorf("%s: %w (%s in; the same command again resumes from there, and adds nothing twice)", f.inputName(), err, progress.Count(s.Rows, "row"))
}

// accountText accounts for every row of the file.
func accountText(file string, s csvimport.Summary) string {
	text := fmt.Sprintf("%s: %s, %d added", file, progress.Count(s.Rows, "row"), s.Added)
	for _, part := range []struct {
		n    int
		what string
	}{
		{s.Already, "already there"}, {s.Updated, "updated"}, {s.Differ, "in the campaign with other values"},
		{s.Duplicates, "duplicate"}, {s.Rejected, "refused"},
	} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	text += "\n"
	if s.TooLate > 0 {
		text += fmt.Sprintf("%s not called any more: the new time is past, or leaves no time to call\n", progress.People(s.TooLate))
	}
	if s.Removed > 0 {
		text += fmt.Sprintf("%s cancelled: the file has no row of them any more\n", progress.People(s.Removed))
	}
	if s.Differ > 0 {
		text += "Rows that differ from the campaign changed nobody; --update changes who is still to be called.\n"
	}
	return text
}

// rejectsText says where to find the rows that were not added.
func rejectsText(path string, s csvimport.Summary) string {
	n := s.NoEffect()
	switch {
	case path != "" && n > 0:
		return fmt.Sprintf("%s not added: see %s\n", progress.Count(n, "row"), path)
	case path == "" && n > maxPrinted:
		return fmt.Sprintf("%d more refused rows are not shown; the same command with --rejects FILE writes them all\n", n-maxPrinted)
	}
	return ""
}

// outlookText says what happens next, by the stored settings.
func outlookText(sum csvimport.Summary) string {
	switch {
	case sum.Campaign.ID == 0:
		return ""
	case sum.Campaign.Status == campaign.Paused:
		return fmt.Sprintf("Campaign %q is paused: nobody is called before `dialer campaign resume %s`.\n", sum.Campaign.Name, sum.Campaign.Name)
	case sum.Added == 0:
		return "Nobody new is to be called.\n"
	}
	return fmt.Sprintf("%s will be called %s; `dialer run` places the calls.\n", progress.People(sum.Added), whenText(sum.Campaign.Settings))
}

// whenText names the hours, whose clock they are on, and the first day.
func whenText(s campaign.Settings) string {
	clock := "in their own zone"
	if s.Zone != campaign.ZoneRecipient {
		clock = "in " + s.Zone
	}
	text := fmt.Sprintf("within %s %s", s.Hours, clock)
	if dates := s.Hours.ExceptText(time.Now().Format(time.DateOnly)); dates != "" {
		text += ", but not on " + dates
	}
	if !s.Start.IsZero() {
		text += " from " + s.Start.Local().Format("2006-01-02 15:04 MST") + " on"
	}
	if !s.End.IsZero() {
		text += " until " + s.End.Format("2006-01-02 15:04") + " UTC"
	}
	return text
}

// whereText is the place of a rejected row in the file.
func whereText(row campaign.RowError) string {
	if row.Column == "" {
		return fmt.Sprintf("line %d", row.Line)
	}
	return fmt.Sprintf("line %d, %s", row.Line, row.Column)
}
