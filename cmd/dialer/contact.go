package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
	"dialer/internal/provider"
)

type contactCommand struct {
	Show   contactShowCommand   `cmd:"" help:"Show a person of a campaign: their row, their calls, and why they are in their state."`
	Update contactUpdateCommand `cmd:"" help:"Change columns of a person's row, if they are still to be called."`
	Call   contactCallCommand   `cmd:"" help:"Have a person of a campaign called now, as far as hours, suppressions and limits allow."`
	Cancel contactCancelCommand `cmd:"" help:"Take a person out of a campaign: nobody calls them any more."`
	Erase  contactEraseCommand  `cmd:"" help:"Erase the data of everybody with a number, in all campaigns, as the law may ask."`
}

// contactFlags name one person of one campaign.
type contactFlags struct {
	Campaign string `arg:"" name:"campaign" help:"The campaign's name or id."`
	Key      string `arg:"" name:"key" help:"The person's key: the number as digits, or the value of the campaign's --key column."`
	databaseFlags
}

func (c *contactFlags) with(ctx context.Context, do func(app.Contacts) error) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	err = do(app.Contacts{Store: db, Read: readRow})
	if errors.Is(err, campaign.ErrNotFound) {
		return fmt.Errorf("%w; `dialer campaign list` names the campaigns, and `dialer campaign export` their people", err)
	}
	return err
}

// readRow reads a row in the same way as its file.
func readRow(values map[string]string, s campaign.Settings, how campaign.Reading) (campaign.Row, error) {
	return csvimport.ReadRow(values, s, csvimport.Options{
		DefaultCountry: how.DefaultCountry, Map: how.Map, DateFormat: how.DateFormat, Now: time.Now(), Yes: how.Yes,
		CheckMessage: func(s campaign.Settings, m campaign.Rendered) error {
			return provider.CheckMessage(s, m, how.AllowUnknown)
		},
	})
}

type contactShowCommand struct {
	contactFlags
	Format string `enum:"text,json" default:"text" placeholder:"text|json" help:"How it is printed (default: ${default})."`
}

// shownContact is a person in the form for programs: the columns of reporting.contacts.
type shownContact struct {
	ContactID     int64                 `json:"contact_id"`
	Campaign      string                `json:"campaign"`
	Key           string                `json:"key"`
	Line          int                   `json:"line"`
	Row           map[string]string     `json:"row"`
	To            string                `json:"to_number"`
	Numbers       []string              `json:"numbers,omitempty"`
	State         campaign.ContactState `json:"state"`
	Reason        campaign.Reason       `json:"reason,omitempty"`
	Result        string                `json:"result,omitempty"`
	HeardAt       time.Time             `json:"heard_at,omitzero"`
	Because       string                `json:"because"`
	Attempts      int                   `json:"attempts"`
	NextAttemptAt time.Time             `json:"next_attempt_at,omitzero"`
	NotLaterThan  time.Time             `json:"not_later_than,omitzero"`
}

func (c *contactShowCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, func(contacts app.Contacts) error {
		h, err := contacts.Find(ctx, c.Campaign, c.Key)
		if err != nil {
			return err
		}
		if c.Format == "json" {
			k := h.Contact
			return printJSON(con, shownContact{
				ContactID: k.ID, Campaign: h.Campaign.Name, Key: k.Key, Line: k.Line, Row: k.Vars, To: k.Called(h.Attempts), Numbers: k.Numbers, State: k.State, Reason: k.Reason,
				Result: k.Result, HeardAt: k.HeardAt,
				Because: h.Because, Attempts: k.Attempts, NextAttemptAt: h.NextCall, NotLaterThan: k.NotLaterThan,
			})
		}
		printContactHistory(con, h)
		return nil
	})
}

// printRow shows the file's own columns.
func printRow(con console, k campaign.Contact) {
	if k.Key != k.To {
		con.Linef("  key %s\n", k.Key)
	}
	if len(k.Numbers) > 0 {
		con.Linef("  numbers +%s, in this order\n", strings.Join(k.Numbers, ", +"))
	}
	for _, name := range slices.Sorted(maps.Keys(k.Vars)) {
		con.Linef("  %s: %s\n", name, k.Vars[name])
	}
	if !k.NotLaterThan.IsZero() {
		con.Printf("  not called from %s on\n", cli.Time(k.NotLaterThan))
	}
}

type contactUpdateCommand struct {
	contactFlags
	Values []string `arg:"" name:"column=value" help:"What the row holds now, such as appointment='2026-12-03 10:00'."`
	Yes    bool     `help:"Take a time that is past or outside the hours; the call is made when the hours begin next."`
	actorFlags
}

func (c *contactUpdateCommand) Run(ctx context.Context, con console) error {
	values := map[string]string{}
	for _, text := range c.Values {
		column, value, found := strings.Cut(text, "=")
		if !found || column == "" {
			return fmt.Errorf("%w: %q: want column=value", cli.ErrUsage, text)
		}
		values[column] = value
	}
	return c.with(ctx, func(contacts app.Contacts) error {
		late, err := contacts.Update(ctx, c.actor(), c.Campaign, c.Key, values, c.Yes)
		if err != nil {
			return err
		}
		h, err := contacts.Find(ctx, c.Campaign, c.Key)
		if err != nil {
			return err
		}
		printContactHistory(con, h)
		if late != "" {
			con.Linef("changed, and this person is not called any more: %s\n", late)
		}
		return nil
	})
}

type contactCallCommand struct {
	contactFlags
	actorFlags
}

func (c *contactCallCommand) Help() string {
	return `The person is due now: the next call, or the next reminder if the one before is over, takes place at once. A running dialer calls them as any other, within the hours and the limits; what stands in the way is printed. Who is being called, or has ended, is not called by it.`
}

func (c *contactCallCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, func(contacts app.Contacts) error {
		if err := contacts.CallNow(ctx, c.actor(), c.Campaign, c.Key); err != nil {
			return err
		}
		h, err := contacts.Find(ctx, c.Campaign, c.Key)
		if err != nil {
			return err
		}
		printContactHistory(con, h)
		return nil
	})
}

type contactCancelCommand struct {
	contactFlags
	actorFlags
}

func (c *contactCancelCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, func(contacts app.Contacts) error {
		if err := contacts.Cancel(ctx, c.actor(), c.Campaign, c.Key, ""); err != nil {
			return err
		}
		con.Linef("cancelled: nobody calls this person for %s any more; a call that is under way goes on\n", c.Campaign)
		return nil
	})
}

type contactEraseCommand struct {
	Number string `arg:"" help:"The number, with its country code."`
	Yes    bool   `help:"Do it. Without this it only says what it would do."`
	Format string `enum:"text,json" default:"text" placeholder:"text|json" help:"How it is printed (default: ${default})."`
	numberFlags
	actorFlags
	databaseFlags
}

func (c *contactEraseCommand) Help() string {
	return `Empties what names the person in every row: numbers, columns of the file, what was keyed, the bodies of events, refused rows, messages that wait for a webhook. Rows, counts, prices and the audit, which has numbers only masked, stay true. The number itself stays on the list of suppressions, and only there, so that no file that comes again has the person called; a hash of it would be guessed in seconds. It is refused while a call to the person is not over. It cannot be undone, but a backup of the database still has the person, and so have your own files.`
}

func (c *contactEraseCommand) Run(ctx context.Context, con console) error {
	number, err := c.parse(c.Number)
	if err != nil {
		return err
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	e, err := app.Erase(ctx, db, c.actor(), number, !c.Yes)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		return errors.New("nothing is known of this number")
	case err != nil:
		return err
	case c.Format == "json":
		return printJSON(con, e)
	}
	con.Printf("%d contacts, %d calls, %d events, %d records of Vonage, %d calls from them, %d refused rows, %d messages to webhooks\n",
		e.Contacts, e.Attempts, e.Events, e.ProviderCalls, e.InboundCalls, e.RefusedRows, e.WebhooksOut)
	if c.Yes {
		con.Printf("erased; the number is suppressed\n")
	} else {
		con.Printf("nothing was changed: --yes erases this, and it cannot be undone\n")
	}
	return nil
}
