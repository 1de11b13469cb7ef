package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/storage"

	"github.com/google/uuid"
)

type whyCommand struct {
	Number string `arg:"" help:"The number."`
	numberFlags
	databaseFlags
}

func (c *whyCommand) Run(ctx context.Context, con console) error {
	number, err := c.parse(c.Number)
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	e, err := db.Why(ctx, number)
	if errors.Is(err, campaign.ErrNotFound) {
		con.printf("No campaign has this number, there was no manual call to it, no row of a CSV held it, and it is not suppressed.\n")
		return cli.ErrFailed
	}
	if err != nil {
		return err
	}
	tell(con, e)
	return nil
}

// tell answers the question in the order in which a person asks it: may it be
// called, what became of it in each campaign, who called it manually, what was refused.
func tell(con console, e storage.Explanation) {
	if s := e.Suppression; s.Number != "" {
		con.printf("Suppressed since %s%s, by %s%s.\n", s.CreatedAt.Format(timeFormat), until(s.ExpiresAt), s.Source, inBrackets(s.Note))
	}
	for _, story := range e.Stories {
		tellStory(con, story)
	}
	for _, a := range e.Manual {
		con.printf("%s\n", describeManualCall(a))
	}
	for _, r := range e.Refused {
		con.printf("%s: line %d was refused: %s%s\n", r.Campaign, r.Line, inColumn(r.Column), r.Reason)
	}
}

func tellStory(con console, s storage.Story) {
	k := s.Contact
	con.printf("%s (%s): line %d of its CSV, %s%s: %s.\n", s.Campaign.Name, s.Campaign.Status, k.Line, k.State, inBrackets(string(k.Reason)), s.Because)
	for _, a := range s.Attempts {
		con.printf("  attempt %d  %s  %s\n", a.No, whenOf(a), describeAttempt(a))
		for _, done := range s.Actions {
			if done.CallUUID == a.CallUUID {
				con.printf("    %s\n", describeAction(done))
			}
		}
	}
	switch {
	case k.State == campaign.Done:
	case s.OpenElsewhere != uuid.Nil:
		con.printf("  waits for attempt %s of another campaign to end\n", s.OpenElsewhere)
	case !s.NextCall.IsZero():
		con.printf("  may be called from %s on%s\n", s.NextCall.Format(timeFormat), unlessRunning(s.Campaign.Status))
	}
}

// whenOf is when an attempt was dialed, or when it was queued if it was not.
func whenOf(a campaign.Attempt) string {
	if a.DialedAt.IsZero() {
		return "queued " + a.CreatedAt.Format(timeFormat)
	}
	return "dialed " + a.DialedAt.Format(timeFormat)
}

// stateMeans says what a state's name does not.
var stateMeans = map[campaign.State]string{
	campaign.Unknown: ", whether there was a call is being settled from Vonage's list",
	campaign.Absent:  ", Vonage had no such call",
	campaign.Lost:    ", whether there was a call could not be settled",
}

// describeAttempt says how an attempt stands and what Vonage said of it.
func describeAttempt(a campaign.Attempt) string {
	text := string(a.State)
	if d := a.Disposition(); d != "" {
		text += ": " + string(d)
	}
	if a.Note != "" {
		text += " (" + a.Note + ")"
	}
	text += stateMeans[a.State]
	if a.CallUUID != "" {
		text += ", call " + a.CallUUID
	}
	if a.Bill.Duration != nil {
		text += fmt.Sprintf(", %d s", *a.Bill.Duration)
	}
	if a.Bill.Price.Valid {
		text += ", price " + a.Bill.Price.Decimal.StringFixed(8)
	}
	return text
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + t.Format(timeFormat)
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func inColumn(column string) string {
	if column == "" {
		return ""
	}
	return "column " + column + ": "
}

func unlessRunning(s campaign.Status) string {
	if s == campaign.Running {
		return ""
	}
	return fmt.Sprintf(", once the campaign, which is %s, runs", s)
}
