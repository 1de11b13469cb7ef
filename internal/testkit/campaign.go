package testkit

import (
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
)

// From is the number that the test campaigns call from. Like every number here
// it is from a range that is kept for drama.
const From = "442079460000"

// Settings is a campaign's settings for tests: open around the clock, so that
// no test depends on the hour.
func Settings(edit ...func(*campaign.Settings)) campaign.Settings {
	s := campaign.Settings{
		From:    []string{From},
		Message: campaign.Message{Say: "Hello {{name}}"},
		Hours:   campaign.Daily(0, 1440),
		Zone:    "Etc/UTC",
		Retry: campaign.Policy{Attempts: 3, Again: map[campaign.Disposition]time.Duration{
			campaign.Busy: 10 * time.Minute,
		}},
		RingingTimer: 30, LengthTimer: 60,
	}
	for _, f := range edit {
		f(&s)
	}
	return s
}

// Number is the number of the i-th contact.
func Number(i int) string { return fmt.Sprintf("4477009%05d", i) }

// ContactRows are n rows of a CSV, from the contact with the given number on.
func ContactRows(from, n int) []campaign.Row {
	rows := make([]campaign.Row, n)
	for i := range rows {
		rows[i] = campaign.Row{
			Line: i + 2, To: Number(from + i), Zones: []string{"Etc/UTC"},
			Vars: map[string]string{"name": fmt.Sprint("Person ", from+i)},
		}
	}
	return rows
}

// StartCampaign makes a running campaign of n contacts.
func (d *DB) StartCampaign(t testing.TB, name string, n int, edit ...func(*campaign.Settings)) campaign.Campaign {
	t.Helper()
	return d.StartCampaignOf(t, name, ContactRows(0, n), edit...)
}

// StartCampaignOf makes a running campaign of the rows given.
func (d *DB) StartCampaignOf(t testing.TB, name string, rows []campaign.Row, edit ...func(*campaign.Settings)) campaign.Campaign {
	t.Helper()
	c, err := d.OpenCampaign(t.Context(), name, Settings(edit...))
	if err == nil {
		_, err = d.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: rows})
	}
	if err == nil {
		err = d.FinishImport(t.Context(), c.ID)
	}
	if err != nil {
		t.Fatalf("testkit: start campaign %s: %v", name, err)
	}
	return c
}
