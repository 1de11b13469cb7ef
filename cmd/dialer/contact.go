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
	Cancel contactCancelCommand `cmd:"" help:"Take a person out of a campaign: nobody calls them any more."`
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

// readRow reads a row as its file was read.
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

// shownContact is a person as programs read one: the columns of
// reporting.contacts.
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
		if err := contacts.Update(ctx, c.actor(), c.Campaign, c.Key, values, c.Yes); err != nil {
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
