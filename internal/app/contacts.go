package app

import (
	"context"
	"encoding/json"
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
	// ContactByKey returns campaign.ErrNotFound when the campaign has nobody with that
	// key.
	ContactByKey(ctx context.Context, campaignID int64, key string) (ContactHistory, error)
	// ReadingOf is how the contact's row was read.
	ReadingOf(ctx context.Context, contactID int64) (campaign.Reading, error)
	// AddContact adds a contact; added is false if the campaign has the key.
	AddContact(ctx context.Context, by Actor, campaignID int64, row campaign.Row, how campaign.Reading) (added bool, err error)
	// CampaignDocument is nil for a campaign without a document.
	CampaignDocument(ctx context.Context, campaignID int64) (json.RawMessage, error)
	// UpdateContact gives the contact the row's values, if it is still to be called. If
	// version (from the contact's Record) is given and the contact has another one, the
	// result is ErrChanged. A contact that has ended and has another appointment now is
	// called again. late says why the contact will not be called; "": it will.
	UpdateContact(ctx context.Context, by Actor, campaignID int64, row campaign.Row, version string) (late string, err error)
	// PutContact is like UpdateContact, but also for a cancelled contact, which is called
	// again. A contact that has opted out is not.
	PutContact(ctx context.Context, by Actor, campaignID int64, row campaign.Row, version string) (late string, err error)
	// CancelContact takes the contact out of the campaign.
	CancelContact(ctx context.Context, by Actor, campaignID int64, key, version string) error
	// RestoreContact takes back a cancellation.
	RestoreContact(ctx context.Context, by Actor, campaignID int64, key string) error
	// CallContactNow makes the contact due at once. The rules still apply.
	CallContactNow(ctx context.Context, by Actor, campaignID int64, key string) error
	// ExportContacts passes the selected people of a campaign to each, in the order of
	// their files. begin gets the files' columns first.
	ExportContacts(ctx context.Context, campaignID int64, q ExportQuery, begin func(columns []string) error, each func(ExportedContact) error) error
}

// Contacts has the use cases of single people of a campaign. Read reads a row's values in
// the same way as the rows of the file.
type Contacts struct {
	Store ContactStore
	Read  func(values map[string]string, s campaign.Settings, how campaign.Reading) (campaign.Row, error)
}

// ExportQuery selects the people of an export; the zero value selects
// everybody.
type ExportQuery struct {
	Reached    bool   // people who were reached, as the campaign's Until asks
	NotReached bool   // people who ended without being reached, except suppressed and cancelled ones
	Result     string // people with this result; "": any
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
	Price         decimal.NullDecimal // of all calls; not valid: no call has a price yet
	Answered      bool                // somebody, or something, answered one of the calls
	CallsAnswered int
}

// Find returns what is known about one person.
func (c Contacts) Find(ctx context.Context, name, key string) (ContactHistory, error) {
	found, err := c.Store.CampaignByName(ctx, name)
	if err != nil {
		return ContactHistory{}, err
	}
	return c.Store.ContactByKey(ctx, found.ID, key)
}

// Update changes columns of a person's row. Without yes, a time in the past or outside
// the hours is refused. A time at which the person can no longer be called is stored all
// the same, because their old time is no longer valid. Then late says why they have
// ended.
func (c Contacts) Update(ctx context.Context, by Actor, name, key string, columns map[string]string, yes bool) (late string, err error) {
	if err := by.may(Operator); err != nil {
		return "", err
	}
	h, err := c.Find(ctx, name, key)
	if err != nil {
		return "", err
	}
	values, err := changed(h.Contact.Vars, columns)
	if err != nil {
		return "", err
	}
	how, err := c.Store.ReadingOf(ctx, h.Contact.ID)
	if err != nil {
		return "", err
	}
	how.Yes = yes
	return c.update(ctx, by, h, values, how, "", c.Store.UpdateContact)
}

// update gives an existing person a row of these values, with one of the store's methods.
func (c Contacts) update(ctx context.Context, by Actor, h ContactHistory, values map[string]string, how campaign.Reading, version string,
	store func(context.Context, Actor, int64, campaign.Row, string) (string, error),
) (late string, err error) {
	row, err := c.Read(values, h.Campaign.Settings, how)
	switch {
	case err != nil:
		return "", err
	case row.KeyOrNumber() != h.Contact.Key:
		return "", errors.New("the key cannot be changed: cancel this person, and import a row with the other key")
	}
	row.Line = h.Contact.Line
	return store(ctx, by, h.Campaign.ID, row, version)
}

// Put gives the person with the key the values of the row. It adds the person if they are not there, or
// else changes them. If the row lacks a column that the campaign reads, the column is
// empty; the key's column may be missing. late is as for Update. version is that of the
// person's Record: "" changes any version, and "*" requires that the person exists.
func (c Contacts) Put(ctx context.Context, by Actor, name, key string, values map[string]string, version string) (added bool, late string, err error) {
	if err := by.may(Operator); err != nil {
		return false, "", err
	}
	found, err := c.Store.CampaignByName(ctx, name)
	if err != nil {
		return false, "", err
	}
	if found.Settings.Key != "" {
		values = filled(values, found.Settings.Key, key)
	}
	h, err := c.Store.ContactByKey(ctx, found.ID, key)
	switch {
	case errors.Is(err, campaign.ErrNotFound) && version == "":
		if added, err = c.add(ctx, by, found, key, values); added || err != nil {
			return added, "", err
		}
		if h, err = c.Store.ContactByKey(ctx, found.ID, key); err != nil { // another request was quicker
			return false, "", err
		}
	case errors.Is(err, campaign.ErrNotFound):
		return false, "", ErrChanged
	case err != nil:
		return false, "", err
	}
	how, err := c.Store.ReadingOf(ctx, h.Contact.ID)
	if err != nil {
		return false, "", err
	}
	if version == "*" {
		version = ""
	}
	late, err = c.update(ctx, by, h, withMapped(values, how.Map), how, version, c.Store.PutContact)
	return false, late, err
}

// add adds a new person, read as the campaign's document says.
func (c Contacts) add(ctx context.Context, by Actor, found campaign.Campaign, key string, values map[string]string) (added bool, err error) {
	if found.Status == campaign.Importing {
		return false, errors.New("the campaign's file is being imported: nobody is added before that has ended")
	}
	how, err := readingOf(ctx, c.Store, found)
	if err != nil {
		return false, err
	}
	row, err := c.Read(withMapped(values, how.Map), found.Settings, how)
	switch {
	case err != nil:
		return false, err
	case row.NotNew.Reason != "":
		return false, fmt.Errorf("%s: %s", row.NotNew.Column, row.NotNew.Reason)
	case row.KeyOrNumber() != key:
		return false, errors.New("the row has another key than the address: by default the key is the number as digits, with the country code and without a plus")
	}
	return c.Store.AddContact(ctx, by, found.ID, row, how)
}

// readingOf is how rows without a file of their own are read.
func readingOf(ctx context.Context, store interface {
	CampaignDocument(ctx context.Context, campaignID int64) (json.RawMessage, error)
}, c campaign.Campaign,
) (campaign.Reading, error) {
	how := campaign.Reading{DateFormat: c.Settings.Message.DateFormat}
	stored, err := store.CampaignDocument(ctx, c.ID)
	if err != nil || stored == nil {
		return how, err
	}
	d, err := campaign.ParseDocument("", stored)
	if err != nil {
		return how, err
	}
	how.DefaultCountry, how.Map = d.People.Country, d.Columns()
	return how, nil
}

// filled returns the values with one added, if it is missing.
func filled(values map[string]string, column, value string) map[string]string {
	for name := range values {
		if name == column || campaign.FoldName(name) == campaign.FoldName(column) {
			return values
		}
	}
	values = maps.Clone(values)
	values[column] = value
	return values
}

// withMapped returns the values with an empty one for each missing column that the
// campaign reads and that is optional.
func withMapped(values, mapped map[string]string) map[string]string {
	for own, column := range mapped {
		if column != "" && own != "to" {
			values = filled(values, column, "")
		}
	}
	return values
}

// changed returns the row's values with some of them replaced.
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

// Cancel takes a person out of the campaign: nobody calls them any more. A call that is
// under way continues. version is as for Put.
func (c Contacts) Cancel(ctx context.Context, by Actor, name, key, version string) error {
	if err := by.may(Operator); err != nil {
		return err
	}
	found, err := c.Store.CampaignByName(ctx, name)
	if err != nil {
		return err
	}
	return c.Store.CancelContact(ctx, by, found.ID, key, version)
}

// Restore takes back a person's cancellation.
func (c Contacts) Restore(ctx context.Context, by Actor, name, key string) error {
	if err := by.may(Operator); err != nil {
		return err
	}
	found, err := c.Store.CampaignByName(ctx, name)
	if err != nil {
		return err
	}
	return c.Store.RestoreContact(ctx, by, found.ID, key)
}

// CallNow makes a person due now. The obstacles to a call, for example the hours or a
// limit, apply to this call too. A person who has ended, or is being called, is not
// called.
func (c Contacts) CallNow(ctx context.Context, by Actor, name, key string) error {
	if err := by.may(Operator); err != nil {
		return err
	}
	found, err := c.Store.CampaignByName(ctx, name)
	if err != nil {
		return err
	}
	return c.Store.CallContactNow(ctx, by, found.ID, key)
}

// Export passes the selected people of a campaign to each.
func (c Contacts) Export(ctx context.Context, name string, q ExportQuery, begin func(columns []string) error, each func(ExportedContact) error) error {
	found, err := c.Store.CampaignByName(ctx, name)
	if err != nil {
		return err
	}
	return c.Store.ExportContacts(ctx, found.ID, q, begin, each)
}
