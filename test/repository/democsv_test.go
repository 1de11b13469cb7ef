package repository

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
)

// fictional are the ranges that regulators keep for drama and examples:
// nobody is rung if the demo's CSV meets a real account by mistake.
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

// judged is what became of the demo's rows.
type judged struct {
	contacts, duplicates int
	refused              map[string]int // by reason
}

func judgeDemo(t *testing.T) judged {
	t.Helper()
	file, err := os.Open(demoCSV)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	hours, err := campaign.ParseHours("00:00-24:00")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := campaign.NewReader(file, campaign.RowOptions{
		DefaultCountry: "GB",
		Zone:           campaign.ZoneRecipient,
		Hours:          hours,
		Message:        campaign.Message{Say: "Hello {{name}}, see you on {{appointment}}."},
		Now:            time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	j, seen := judged{refused: map[string]int{}}, map[string]bool{}
	for record, err := range reader.Records() {
		if err != nil {
			t.Fatal(err)
		}
		row, refused := reader.Parse(record)
		switch {
		case refused != nil:
			t.Logf("line %d: %s: %s", refused.Line, refused.Reason, refused.Record)
			j.refused[refused.Reason]++
		case seen[row.To]:
			j.duplicates++
		default:
			j.contacts++
			if !fictional.MatchString(row.To) {
				t.Errorf("line %d: a number that may be somebody's", row.Line)
			}
		}
		seen[row.To] = true
	}
	return j
}

// The demo promises a few hundred people, and every kind of bad row.
func TestDemoCSV(t *testing.T) {
	t.Parallel()
	got := judgeDemo(t)
	refused := 0
	for _, n := range got.refused {
		refused += n
	}
	if got.contacts != 280 || got.duplicates != 10 || refused != 29 {
		t.Errorf("got %d contacts, %d duplicates and %d refused, want 280, 10 and 29", got.contacts, got.duplicates, refused)
	}
	if len(got.refused) < 12 {
		t.Errorf("refused for %d reasons, want 12 or more: %v", len(got.refused), got.refused)
	}
}
