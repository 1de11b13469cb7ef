package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
)

// seenFile is the content of a CSV.
type seenFile struct {
	columns     csvimport.Columns
	accepted    int
	duplicates  int
	refusedRows int
	refused     []campaign.RowError // the first
	rows        map[string]csvRow   // the first accepted ones, by number
	countries   map[string]int      // of the accepted numbers
	guessed     bool                // the default country is the one of most numbers
}

func (f seenFile) rowsIn() int { return f.accepted + f.duplicates + f.refusedRows }

// csvRow is a person's place in the file, and the values for the message.
type csvRow struct {
	line int
	vars map[string]string
}

const (
	shownRefused = 8
	shownPeople  = 20
	keptRows     = 10_000
	mostAsked    = 3 // questions about one thing
)

// look reads the file and finds what is missing: the number's column, the message, and
// the country of national numbers.
func (t *trial) look(ctx context.Context) (seenFile, error) {
	columns, err := t.findColumns(ctx)
	if err != nil {
		return seenFile{}, err
	}
	if t.Say == "" {
		t.Say = propose(columns.Others())
	}
	seen, err := t.read(ctx)
	if err != nil || t.DefaultCountry != "" || seen.refusedRows == 0 || len(seen.countries) == 0 {
		seen.columns = columns
		return seen, err
	}
	// Nobody's telephone rings, so a country may be taken from the other rows. For a real
	// campaign a person must name it.
	t.DefaultCountry = commonest(seen.countries)
	again, err := t.read(ctx)
	if err != nil {
		return again, err
	}
	if again.accepted <= seen.accepted {
		t.DefaultCountry, again = "", seen
	}
	again.guessed, again.columns = t.DefaultCountry != "", columns
	return again, nil
}

func commonest(countries map[string]int) (country string) {
	for c, n := range countries {
		if n > countries[country] || n == countries[country] && c < country {
			country = c
		}
	}
	return country
}

// findColumns finds the meaning of the columns, and asks the person if that is unclear.
func (t *trial) findColumns(ctx context.Context) (csvimport.Columns, error) {
	for asked := 0; ; asked++ {
		columns, err := t.readColumns(ctx)
		if err == nil || !t.asks || asked == mostAsked || !strings.Contains(err.Error(), "--map") {
			return columns, err
		}
		t.con.Printf("%v\n", err)
		answer, failed := t.ask("Which column holds the number to call?")
		if failed != nil {
			return columns, err
		}
		if t.Map == nil {
			t.Map = map[string]string{}
		}
		t.Map["to"] = answer
	}
}

func (t *trial) readColumns(ctx context.Context) (csvimport.Columns, error) {
	in, err := t.open()
	if err != nil {
		return csvimport.Columns{}, err
	}
	defer in.Close()
	forecast, err := csvimport.Preview(ctx, in, simulatedSettings("Hello."), csvimport.Options{DefaultCountry: t.DefaultCountry, Map: t.Map, Now: time.Now()})
	if err != nil {
		return csvimport.Columns{}, fmt.Errorf("%s: %w", t.name(), err)
	}
	return forecast.Columns, nil
}

// read reads the whole file into memory, as far as it is shown.
func (t *trial) read(ctx context.Context) (seenFile, error) {
	seen := seenFile{rows: map[string]csvRow{}, countries: map[string]int{}}
	numbers := map[string]bool{}
	_, err := t.importInto(ctx, lookingStore{&seen, numbers}, "look")
	return seen, err
}

// lookingStore counts what an import would add.
type lookingStore struct {
	seen    *seenFile
	numbers map[string]bool
}

func (lookingStore) OpenCampaign(context.Context, string, campaign.Settings) (campaign.Campaign, error) {
	return campaign.Campaign{ID: 1}, nil
}

func (s lookingStore) AddContacts(_ context.Context, _ int64, _ string, batch campaign.RowBatch) (campaign.BatchResult, error) {
	for _, row := range batch.Rows {
		if s.numbers[row.To] {
			s.seen.duplicates++
			continue
		}
		s.numbers[row.To] = true
		s.seen.accepted++
		if len(s.seen.rows) < keptRows {
			s.seen.rows[row.To] = csvRow{row.Line, row.Vars}
		}
		if number, err := campaign.ParseNumber("+"+row.To, ""); err == nil && number.Country != "" {
			s.seen.countries[number.Country]++
		}
	}
	s.seen.refusedRows += len(batch.Rejected)
	for _, row := range batch.Rejected {
		if len(s.seen.refused) < shownRefused {
			s.seen.refused = append(s.seen.refused, row)
		}
	}
	return campaign.BatchResult{Added: len(batch.Rows)}, nil
}

func (lookingStore) BeginImport(_ context.Context, im campaign.Import) (campaign.Import, error) {
	return im, nil
}

func (lookingStore) EndImport(context.Context, campaign.Import) (int, bool, error) {
	return 0, true, nil
}

func (lookingStore) FinishImport(context.Context, int64) error { return nil }

// Words in the names of columns with names, with appointments, and with values that
// nobody wants to hear.
var (
	nameWords        = []string{"name", "firstname", "fullname", "first", "forename", "givenname", "vorname", "nom", "prenom", "patient", "customer", "client", "contact"}
	appointmentWords = []string{"appointment", "appt", "termin", "rendezvous", "rdv", "visit", "booking", "date", "time", "when", "due"}
	unspokenWords    = []string{"id", "key", "email", "mail", "note", "notes", "lang", "language", "country", "ref", "reference", "lastname", "surname", "phone", "telephone", "mobile", "cell", "tel", "landline", "number"}
)

// propose makes a message from the columns, which a person can improve.
func propose(columns []string) string {
	var name, appointment, others string
	count := 0
	for _, column := range columns {
		word := strings.NewReplacer(" ", "", "_", "", "-", "", ".", "").Replace(strings.ToLower(column))
		switch {
		case strings.ContainsAny(column, "{}|"):
		case name == "" && slices.Contains(nameWords, word):
			name = column
		case appointment == "" && slices.ContainsFunc(appointmentWords, func(w string) bool { return strings.HasPrefix(word, w) }):
			appointment = column
		case slices.Contains(unspokenWords, word) || strings.HasSuffix(word, "id") || count == 3:
		default:
			count++
			others += fmt.Sprintf(", {{%s|your %s}}", column, column)
		}
	}
	say := "Hello"
	if name != "" {
		say += fmt.Sprintf(" {{%s|there}}", name)
	}
	switch {
	case appointment != "":
		say += fmt.Sprintf(", this is a reminder of your appointment: {{%s}}", appointment)
	case others != "":
		say += ", this is a message about " + strings.TrimPrefix(others, ", ")
	default:
		say += ", this is a test call"
	}
	return say + "."
}
