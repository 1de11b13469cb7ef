package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/csvimport"

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
	history, err := db.NumberHistory(ctx, number)
	if errors.Is(err, campaign.ErrNotFound) {
		con.Linef("No campaign has this number, there was no manual call to it, no row of a CSV held it, and it is not suppressed.\n")
		return cli.ErrFailed
	}
	if err != nil {
		return err
	}
	printHistory(con, history)
	return nil
}

// printHistory answers in the order of a person's questions: whether the number may be
// called, what happened in each campaign, which manual calls there were, and which rows
// were refused.
func printHistory(con console, h app.NumberHistory) {
	if s := h.Suppression; s.Number != "" {
		scope := map[string]string{app.ScopeCampaign: " in the ", app.ScopePurpose: " for the "}[s.Scope()]
		if scope != "" {
			scope += scopeText(s)
		}
		con.Linef("Suppressed%s since %s%s, by %s%s.\n", scope, cli.Time(s.CreatedAt), until(s.ExpiresAt), s.Source, inBrackets(s.Note))
	}
	for _, contact := range h.Contacts {
		printContactHistory(con, contact)
	}
	for _, a := range h.Manual {
		con.Linef("%s\n", describeManualCall(a))
	}
	for _, r := range h.Refused {
		con.Linef("%s: line %d was refused: %s%s\n", r.Campaign, r.Line, inColumn(r.Column), r.Reason)
	}
}

func printContactHistory(con console, h app.ContactHistory) {
	k := h.Contact
	con.Linef("%s (%s): line %d of its CSV, %s%s: %s.\n", h.Campaign.Name, h.Campaign.Status, k.Line, k.State, inBrackets(string(k.Reason)), h.Because)
	printRow(con, k)
	con.Linef("  its hours are those of %s%s\n", strings.Join(k.Zones, ", "), inBrackets(k.ZoneBasis.Meaning()))
	switch {
	case h.CalledWith != "":
		con.Linef("  called together with %s\n", h.CalledWith)
	case len(h.Followers) > 0:
		con.Linef("  called together with %s\n", strings.Join(h.Followers, ", "))
	}
	con.Linef("  %s\n", describeReached(k))
	for _, a := range h.Attempts {
		con.Linef("  attempt %d  %s  %s\n", a.No, whenOf(a), describeAttempt(a))
		for _, done := range h.Actions {
			if done.CallUUID == a.CallUUID {
				con.Linef("    %s\n", describeAction(done))
			}
		}
		for _, b := range h.Blocks {
			if b.AttemptID == a.ID {
				con.Linef("    it waits for a person: %s\n    decide: dialer alarms resolve %d --its-call UUID | --no-call | --called\n", b.Detail, b.ID)
			}
		}
	}
	for _, r := range h.Recordings {
		con.Linef("  recorded  %s  %scall %s, at %s\n", cli.Time(r.At), recordedFor(r), r.CallUUID, r.URL)
	}
	for _, i := range h.Inbound {
		con.Linef("  rang back  %s  %s\n", cli.Time(i.ReceivedAt), describeInbound(i))
	}
	for _, obstacle := range h.Obstacles {
		con.Linef("  not called now: %s\n", h.MeaningOf(obstacle))
	}
	switch {
	case k.State == campaign.Done:
	case h.OpenElsewhere != uuid.Nil:
		con.Linef("  waits until attempt %s, to the same number, has ended\n", h.OpenElsewhere)
	case !h.NextCall.IsZero():
		con.Linef("  may be called from %s on%s\n", csvimport.LocalText(h.NextCall, k.Zones), unlessRunning(h.Campaign.Status))
	}
}

// describeReached is how far the campaign got with a person. Its words distinguish a
// machine from a person.
func describeReached(k campaign.Contact) string {
	heard := ""
	if !k.HeardAt.IsZero() {
		heard = "heard the message to its end at " + cli.Time(k.HeardAt)
	}
	switch {
	case k.Result != "" && heard != "":
		return "result: " + k.Result + "; " + heard
	case k.Result != "":
		return "result: " + k.Result + ", before the message had ended"
	case heard != "":
		return heard + "; no result"
	case k.Answered:
		return "somebody or something answered, and the message was not heard to its end as far as is known"
	case k.Attempts > 0:
		return "called, and not answered so far"
	}
	return "not called"
}

func recordedFor(r app.Recording) string {
	if r.Seconds == 0 {
		return ""
	}
	return fmt.Sprintf("%d s, ", r.Seconds)
}

// describeInbound is the result of a call in which a person rang back.
func describeInbound(i app.InboundCall) string {
	text := "call " + i.CallUUID
	if len(i.Keys) > 0 {
		text += ", pressed " + strings.Join(i.Keys, " ")
	}
	if i.Result != "" {
		text += ", result " + i.Result
	}
	if !i.HeardAt.IsZero() {
		text += ", heard to the end"
	}
	return text
}

// whenOf is when an attempt was dialed, or else when it was queued.
func whenOf(a campaign.Attempt) string {
	if a.DialedAt.IsZero() {
		return "queued " + cli.Time(a.CreatedAt)
	}
	return "dialed " + cli.Time(a.DialedAt)
}

// stateMeans explains states whose names do not.
var stateMeans = map[campaign.State]string{
	campaign.Unknown: ": Vonage's list will show whether there was a call",
	campaign.Absent:  ": Vonage had no such call",
	campaign.Lost:    ": it could not be found out whether there was a call",
}

// describeAttempt is an attempt's state and what Vonage reported about it.
func describeAttempt(a campaign.Attempt) string {
	text := string(a.State)
	if d := a.Disposition(); d != "" {
		text += ": " + string(d)
	}
	if a.Note != "" {
		text += " (" + a.Note + ")"
	}
	if a.PostError != "" && a.CallUUID == "" {
		text += ": " + a.PostError
	}
	text += stateMeans[a.State]
	if keys := a.Pressed(); len(keys) > 0 {
		text += ", pressed " + strings.Join(keys, " ")
	}
	if a.Result != "" {
		text += ", result " + a.Result
	}
	if a.Heard() {
		text += ", heard to the end"
	}
	if !a.VoicemailAt.IsZero() {
		text += ", the text for machines was left"
	}
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
	return " until " + cli.Time(t)
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
	return ", if the campaign runs then"
}
