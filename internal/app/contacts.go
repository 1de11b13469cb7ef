package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dialer/campaign"

	"github.com/shopspring/decimal"
)

// ContactStore keeps the people of campaigns. A campaign's people are named by
// their keys.
type ContactStore interface {
	CampaignByName(ctx context.Context, nameOrID string) (campaign.Campaign, error)
	// ContactByKey is campaign.ErrNotFound when the campaign has nobody of that key.
	ContactByKey(ctx context.Context, campaignID int64, key string) (ContactHistory, error)
	// ReadingOf is how the contact's row was read.
	ReadingOf(ctx context.Context, contactID int64) (campaign.Reading, error)
	// UpdateContact gives the contact the row's values, if it is still to be called.
	UpdateContact(ctx context.Context, by Actor, campaignID int64, row campaign.Row) error
	// CancelContact takes the contact out of the campaign.
	CancelContact(ctx context.Context, by Actor, campaignID int64, key string) error
	// ExportContacts gives each, in the order of their files, the people of a
	// campaign that the query asks for. begin gets the files' columns first.
	ExportContacts(ctx context.Context, campaignID int64, q ExportQuery, begin func(columns []string) error, each func(ExportedContact) error) error
}

// Contacts are what people do with single people of a campaign. Read reads a row's
// values as the file's rows were read.
type Contacts struct {
	Store ContactStore
	Read  func(values map[string]string, s campaign.Settings, how campaign.Reading) (campaign.Row, error)
}

// ExportQuery says whom an export holds; the zero query: everybody.
type ExportQuery struct {
	Reached    bool   // who was reached, as the campaign's Until asks
	NotReached bool   // who ended without being reached; not who is suppressed or was cancelled
	Result     string // who has this result; "": whoever
}

// ExportedContact is one person of an export.
type ExportedContact struct {
	Key           string
	Line          int
	To            string
	Row           map[string]string // the file's own columns
	State         campaign.ContactState
	Reason        campaign.Reason
	Result        string
	HeardAt       time.Time
	Calls         int // that Vonage had
	FirstCallAt   time.Time
	LastCallAt    time.Time
	NextAttemptAt time.Time
	DurationS     int64
	Price         decimal.NullDecimal // of all calls; not valid: none has a price yet
}

// Find is what is known of one person.
func (c Contacts) Find(ctx context.Context, name, key string) (ContactHistory, error) {
	found, err := c.Store.CampaignByName(ctx, name)
	if err != nil {
		return ContactHistory{}, err
	}
	return c.Store.ContactByKey(ctx, found.ID, key)
}

// Update changes columns of a person's row. Without yes, a time that is past or
// outside the hours is refused.
func (c Contacts) Update(ctx context.Context, by Actor, name, key string, columns map[string]string, yes bool) error {
	if err := by.may(Operator); err != nil {
		return err
	}
	h, err := c.Find(ctx, name, key)
	if err != nil {
		return err
	}
	values, err := changed(h.Contact.Vars, columns)
	if err != nil {
		return err
	}
	how, err := c.Store.ReadingOf(ctx, h.Contact.ID)
	if err != nil {
		return err
	}
	how.Yes = yes
	row, err := c.Read(values, h.Campaign.Settings, how)
	switch {
	case err != nil:
		return err
	case row.NotNew.Reason != "":
		return fmt.Errorf("%s: %s", row.NotNew.Column, row.NotNew.Reason)
	case row.KeyOrNumber() != h.Contact.Key:
		return errors.New("the key cannot be changed: cancel this person, and import a row with the other key")
	}
	row.Line = h.Contact.Line
	return c.Store.UpdateContact(ctx, by, h.Campaign.ID, row)
}

// changed are the row's values with some of them replaced.
func changed(row, columns map[string]string) (map[string]string, error) {
	values := maps.Clone(row)
	for column, value := range columns {
		name := column
		if _, there := row[name]; !there {
			for has := range row {
				if campaign.FoldName(has) == campaign.FoldName(column) {
					name = has
				}
			}
		}
		if _, there := row[name]; !there {
			return nil, fmt.Errorf("there is no column %q: this person's row has %s", column, strings.Join(slices.Sorted(maps.Keys(row)), ", "))
		}
		values[name] = value
	}
	return values, nil
}

// Cancel takes a person out of the campaign: nobody calls them any more. A call
// that is under way goes on.
func (c Contacts) Cancel(ctx context.Context, by Actor, name, key string) error {
	if err := by.may(Operator); err != nil {
		return err
	}
	found, err := c.Store.CampaignByName(ctx, name)
	if err != nil {
		return err
	}
	return c.Store.CancelContact(ctx, by, found.ID, key)
}

// Export gives each the people of a campaign that the query asks for.
func (c Contacts) Export(ctx context.Context, name string, q ExportQuery, begin func(columns []string) error, each func(ExportedContact) error) error {
	found, err := c.Store.CampaignByName(ctx, name)
	if err != nil {
		return err
	}
	return c.Store.ExportContacts(ctx, found.ID, q, begin, each)
}
