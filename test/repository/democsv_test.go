package repository

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
)

// fictional are the ranges that regulators reserve for drama and examples, so that nobody
// is called if the demo's CSV is imported into a real account by mistake.
var fictional = regexp.MustCompile(`^(` + strings.Join([]string{
	`447700900\d{3}`,               // Ofcom: mobiles
	`442079460\d{3}`,               // London
	`44(113|114|131|161)4960\d{3}`, // Leeds, Sheffield, Edinburgh, Manchester
	`442896496\d{3}`,               // Northern Ireland
	`442920180\d{3}`,               // Cardiff
	`1\d{3}55501\d{2}`,             // North America
	`3363998\d{4}`,                 // Arcep, France
	`493023125\d{3}`,               // Bundesnetzagentur: Berlin
	`614915(70|71)\d{3}`,           // ACMA, Australia
}, "|") + `)$`)

const demoCSV = "cmd/dialer/demo/contacts.csv"

// demoStore keeps the rows of the demo's CSV.
type demoStore struct {
	rows     []campaign.Row
	rejected []campaign.RowError
}

func (*demoStore) OpenCampaign(context.Context, string, campaign.Settings) (campaign.Campaign, error) {
	return campaign.Campaign{ID: 1}, nil
}

func (d *demoStore) AddContacts(_ context.Context, _ int64, _ string, batch campaign.RowBatch) (campaign.BatchResult, error) {
	d.rows = append(d.rows, batch.Rows...)
	d.rejected = append(d.rejected, batch.Rejected...)
	return campaign.BatchResult{Added: len(batch.Rows)}, nil
}

func (*demoStore) BeginImport(_ context.Context, im campaign.Import) (campaign.Import, error) {
	return im, nil
}

func (*demoStore) EndImport(context.Context, campaign.Import) (int, bool, error) { return 0, true, nil }

func (*demoStore) FinishImport(context.Context, int64) error { return nil }

// importDemo imports the demo's CSV without a database.
func importDemo(t *testing.T) *demoStore {
	t.Helper()
	file, err := os.Open(demoCSV)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	settings := campaign.Settings{
		From:         []string{"442079460000"},
		Message:      campaign.Message{Say: "Hello {{name}}, see you on {{appointment}}."},
		Hours:        campaign.Daily(0, 24*60),
		Zone:         campaign.ZoneRecipient,
		Retry:        campaign.DefaultPolicy(),
		RingingTimer: 60, LengthTimer: 60,
	}
	store := &demoStore{}
	options := csvimport.Options{DefaultCountry: "GB", Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	if _, err := csvimport.Import(t.Context(), file, "demo", settings, options, store); err != nil {
		t.Fatal(err)
	}
	return store
}

// The demo promises a few hundred people, and every kind of bad row.
func TestDemoCSV(t *testing.T) {
	t.Parallel()
	demo := importDemo(t)
	numbers := map[string]bool{}
	for _, row := range demo.rows {
		numbers[row.To] = true
		if !fictional.MatchString(row.To) {
			t.Errorf("line %d: a number that may be somebody's", row.Line)
		}
	}
	reasons := map[string]int{}
	for _, row := range demo.rejected {
		t.Logf("line %d: %s: %s", row.Line, row.Reason, row.Record)
		reasons[row.Reason]++
	}
	if len(numbers) != 280 || len(demo.rows)-len(numbers) != 10 || len(demo.rejected) != 29 {
		t.Errorf("got %d contacts, %d duplicates and %d rejected rows, want 280, 10 and 29", len(numbers), len(demo.rows)-len(numbers), len(demo.rejected))
	}
	if len(reasons) < 12 {
		t.Errorf("rejected for %d reasons, want 12 or more: %v", len(reasons), reasons)
	}
}
