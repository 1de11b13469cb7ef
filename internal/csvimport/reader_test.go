package csvimport

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// lenient are settings whose message fits any row.
func lenient() campaign.Settings {
	s := settings()
	s.Message.Say = "Hello {{name|friend}}."
	return s
}

func mustReader(t testing.TB, file string, s campaign.Settings, o Options) *reader {
	t.Helper()
	r, err := newReader(strings.NewReader(file), s, o)
	require.NoError(t, err)
	return r
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// readAll reads a whole file: its rows and its rejected rows.
func readAll(t testing.TB, r *reader) (rows []campaign.Row, rejects []campaign.RowError) {
	t.Helper()
	for rec, err := range r.records() {
		require.NoError(t, err)
		row, rejected := r.parse(rec)
		if rejected != nil {
			rejects = append(rejects, *rejected)
			continue
		}
		if row.NotNew.Reason != "" {
			rejects = append(rejects, notNew(row, rec.text))
			continue
		}
		rows = append(rows, row)
	}
	return rows, rejects
}

func TestReaderRows(t *testing.T) {
	t.Parallel()
	rows, rejects := readAll(t, mustReader(t, "to,name,zone,call_at\n07700 900001, Ann ,,\n+14155550100,Bob,America/Denver,2026-11-24 10:30\n\nnonsense,Cid,,\n", lenient(), options()))
	want := []campaign.Row{
		{Line: 2, To: "447700900001", Country: "GB", Zones: []string{"Europe/London"}, ZoneBasis: campaign.ZoneByNumber, Vars: map[string]string{"to": "07700 900001", "name": "Ann", "zone": "", "call_at": ""}},
		{Line: 3, To: "14155550100", Zones: []string{"America/Denver"}, ZoneBasis: campaign.ZoneByColumn, CallAt: at("2026-11-24T17:30:00Z"), OwnTime: at("2026-11-24T17:30:00Z"), Country: "US",
			Vars: map[string]string{"to": "+14155550100", "name": "Bob", "zone": "America/Denver", "call_at": "2026-11-24 10:30"}},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	refused := []campaign.RowError{{Line: 5, Column: "to", Reason: "there are letters in this number; write it with digits only", Record: "nonsense,Cid,,", Value: "nonsense"}}
	if diff := cmp.Diff(refused, rejects); diff != "" {
		t.Error(diff)
	}
}

func TestHeaderColumns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header string
		mapped map[string]string
		want   Columns
	}{
		{"to,name", nil, Columns{To: "to", Vars: []string{"to", "name"}}},
		{"name,Phone Number,notes", nil, Columns{To: "Phone Number", Vars: []string{"name", "Phone Number", "notes"}}},
		{"MSISDN;Time-Zone;Call_At", nil, Columns{To: "MSISDN", Zone: "Time-Zone", CallAt: "Call_At", Vars: []string{"MSISDN", "Time-Zone", "Call_At"}}},
		{"mobile,phone,to", nil, Columns{To: "to", Vars: []string{"mobile", "phone", "to"}}},
		{"mobile,phone", map[string]string{"to": "Mobile"}, Columns{To: "mobile", Vars: []string{"mobile", "phone"}}},
		{"to,wann,wo", map[string]string{"call_at": "wann", "zone": "wo"}, Columns{To: "to", Zone: "wo", CallAt: "wann", Vars: []string{"to", "wann", "wo"}}},
		{"to,zone", map[string]string{"zone": ""}, Columns{To: "to", Vars: []string{"to", "zone"}}},
		{"phone,,name,,", nil, Columns{To: "phone", Vars: []string{"phone", "name"}}},
		{`"to","first, last"`, nil, Columns{To: "to", Vars: []string{"to", "first, last"}}},
		{"to;a,b;c", nil, Columns{To: "to", Vars: []string{"to", "a,b", "c"}}},
		{"a,b,c;phone", nil, Columns{To: "phone", Vars: []string{"a,b,c", "phone"}}},
		{"to,name,dialer_state,Dialer_Phone", nil, Columns{To: "to", Vars: []string{"to", "name"}}},
		{"to,CALL_BEFORE", nil, Columns{To: "to", CallBefore: "CALL_BEFORE", Vars: []string{"to", "CALL_BEFORE"}}},
		{"number", nil, Columns{To: "number", Vars: []string{"number"}}},
	}
	for _, test := range tests {
		o := options()
		o.Map = test.mapped
		got := mustReader(t, test.header+"\n", lenient(), o).columns
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", test.header, diff)
		}
	}
}

func TestNewReaderErrors(t *testing.T) {
	t.Parallel()
	mapped := func(own, name string) func(*campaign.Settings, *Options) {
		return func(_ *campaign.Settings, o *Options) { o.Map = map[string]string{own: name} }
	}
	say := func(text string) func(*campaign.Settings, *Options) {
		return func(s *campaign.Settings, _ *Options) { s.Message.Say = text }
	}
	tests := []struct {
		name, file string
		change     func(*campaign.Settings, *Options)
		want       string
	}{
		{"empty", "", nil, "line 1: the file is empty"},
		{"blank lines only", "\n\r\n  \n", nil, "line 4: the file is empty"},
		{"no column to call", "who,what\n", nil, `line 1: no column holds the number to call: found "who", "what"`},
		{"two columns to call", "phone,mobile\n", nil, `"phone" and "mobile" could both be "to"`},
		{"data instead of names", "+447700900001,Ann\n", nil, "must name the columns"},
		{"a name twice that the message needs", "to,name,name\n", say("{{name}}"), `two columns are named "name"`},
		{"two names that are the same", "to,NAME,naMe\n", say("{{name}}"), `two columns are named`},
		{"the number twice", "to,to\n", nil, `two columns are named "to"`},
		{"two columns that are the number", "to,TO\n", nil, `"to" and "TO" could both be "to"`},
		{"an encoding that is none", "to\n", func(_ *campaign.Settings, o *Options) { o.Encoding = "klingon" }, "no such encoding"},
		{"an encoding against the mark", "\xef\xbb\xbfto\n", func(_ *campaign.Settings, o *Options) { o.Encoding = "windows-1252" }, "begins with the mark of utf-8"},
		{"a sheet of a CSV", "to\n", func(_ *campaign.Settings, o *Options) { o.Sheet = "People" }, "no spreadsheet"},
		{"a header of NULs", "t\x00o,n\n", nil, "NUL"},
		{"a header in no encoding", "\xef\xbb\xbfto,n\xffme\n", nil, "no characters"},
		{"an open quote", "to,\"name\n447700900001,Ann\n", nil, "not closed"},
		{"a header without end", "to," + strings.Repeat("x", maxRecord) + "\n", nil, "longer than 64 KiB"},
		{"too many columns", "to" + strings.Repeat(",", maxColumns) + "x\n", nil, "1000 columns"},
		{"a mapping of a column that is not ours", "to\n", mapped("name", "to"), "want one of to, zone, call_at"},
		{"a mapping to no column", "to\n", mapped("to", "tel"), `found "to"`},
		{"a mapping of the number to nothing", "to\n", mapped("to", ""), "--map to="},
		{"a column that the message needs", "to,nom\n", say("{{name}} {{town}}"), `"name", "town"; found "to", "nom"`},
		{"a bad message", "to\n", say(""), "exactly one"},
		{"a bad zone", "to\n", func(s *campaign.Settings, _ *Options) { s.Zone = "BST" }, `zone: "BST"`},
		{"a bad country", "to\n", func(_ *campaign.Settings, o *Options) { o.DefaultCountry = "England" }, "default country"},
		{"no hours", "to\n", func(s *campaign.Settings, _ *Options) { s.Hours = campaign.Hours{} }, "hours"},
	}
	for _, test := range tests {
		s, o := lenient(), options()
		if test.change != nil {
			test.change(&s, &o)
		}
		_, err := newReader(strings.NewReader(test.file), s, o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q in it", test.name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "7700900001") {
			t.Errorf("%s: a number in %v", test.name, err)
		}
	}
}

func TestReaderRejectedRows(t *testing.T) {
	t.Parallel()
	tests := []struct{ row, column, want string }{
		{"12,Ann,,", "to", "too short"},
		{",Ann,,", "to", "there is no number"},
		{"+447700900001,,,", "name", `column "name"`},
		{"+447700900001,Ann,GMT+1,", "zone", "IANA name"},
		{"+447700900001,Ann,Europe/Londn,", "zone", "not in the tz database"},
		{"+80012345678,Ann,,", "to", "add a column zone"},
		{"+447700900001,Ann,,tomorrow", "call_at", "want a time such as"},
		{"+447700900001,Ann,,2026-11-31 10:00", "call_at", "no such day"},
		{"+447700900001,Ann,,24/11/2026 10:00", "call_at", "want a time such as"},
		{"+447700900001,Ann,,2026-11-22 11:59", "call_at", "past"},
		{"+447700900001,Ann,,2028-01-01 12:00", "call_at", "a year ahead"},
		{"+447700900001,Ann,,2027-03-28 01:30", "call_at", "clocks skip"},
		{"+61412345678,Ann,,2026-11-24 10:00", "call_at", "several time zones"},
		{"+447700900001,Ann,", "call_at", "3 columns and the header 4"},
		{"+447700900001,Smith, Ann,,,more", "", "6 columns and the header 4"},
		{"+447700900001,A\x00nn,,", "name", "NUL"},
		{"+447700900001,A\xffnn,,", "name", "no characters"},
		{"+447700900001,A\uFFFDnn,,", "name", "no characters"},
		{"+447700900001," + strings.Repeat("x", 1600) + ",,", "", "characters, and Vonage speaks 1500"},
	}
	settings := lenient()
	settings.Message.Say = "Hello {{name}}"
	for _, test := range tests {
		// The sample that decides the encoding is valid UTF-8.
		file := "to,name,zone,call_at\n" + strings.Repeat("+447700900001,"+strings.Repeat("ë", 1000)+",,\n", 40) + test.row + "\n"
		rows, rejects := readAll(t, mustReader(t, file, settings, options()))
		if len(rows) != 40 || len(rejects) != 1 {
			t.Errorf("%.60q: %d rows, %d rejects", test.row, len(rows), len(rejects))
			continue
		}
		got := rejects[0]
		if got.Line != 42 || got.Column != test.column || !strings.Contains(got.Reason, test.want) {
			t.Errorf("%.60q: line %d, column %q: %s", test.row, got.Line, got.Column, got.Reason)
		}
		if strings.Contains(got.Reason, "7700900001") || strings.ContainsRune(got.Record, 0) || len(got.Record) > maxText+3 {
			t.Errorf("%.60q: %+v", test.row, got)
		}
	}
}

func TestReaderZonePrecedence(t *testing.T) {
	t.Parallel()
	settings := lenient()
	settings.Zone = "Europe/Paris"
	rows, rejects := readAll(t, mustReader(t, "to,zone\n+442079460018,\n+442079460018,Europe/Madrid\n+18005550100,\n", settings, options()))
	if len(rows) != 3 {
		t.Fatalf("rejects %+v", rejects)
	}
	for i, want := range []string{"Europe/Paris", "Europe/Madrid", "Europe/Paris"} {
		if diff := cmp.Diff([]string{want}, rows[i].Zones); diff != "" {
			t.Errorf("row %d:\n%s", i, diff)
		}
	}
}

func TestReaderZonesNeverOpenTogether(t *testing.T) {
	t.Parallel()
	settings := lenient()
	settings.Hours = campaign.Daily(9*60, 12*60)
	rows, rejects := readAll(t, mustReader(t, "to,zone\n+18005550100,\n+18005550100,America/Denver\n+18005550100,\n", settings, options()))
	if len(rows) != 1 || rows[0].Line != 3 || len(rejects) != 2 {
		t.Fatalf("rows %+v, rejects %+v", rows, rejects)
	}
	for _, r := range rejects {
		if r.Column != "to" || !strings.Contains(r.Reason, "no moment of the day at which it is 09:00-12:00 in all") {
			t.Errorf("%+v", r)
		}
	}
}

func TestReaderReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	file := "to,name\n" + strings.Repeat("+447700900001,Ann\n", 100_000)
	r, err := newReader(io.MultiReader(strings.NewReader(file), iotest.ErrReader(broken)), lenient(), options())
	require.NoError(t, err)
	var last error
	for _, err := range r.records() {
		last = err
	}
	if !errors.Is(last, broken) || !strings.HasPrefix(last.Error(), "line ") {
		t.Errorf("got %v", last)
	}
	if _, err := newReader(iotest.ErrReader(broken), lenient(), options()); !errors.Is(err, broken) {
		t.Errorf("at once: got %v", err)
	}
}

func TestReaderResumesAfterBreak(t *testing.T) {
	t.Parallel()
	r := mustReader(t, "to\n+442079460018\n+442079460019\n", lenient(), options())
	for range r.records() {
		break
	}
	rows, _ := readAll(t, r)
	if len(rows) != 1 || rows[0].Line != 3 {
		t.Errorf("went on with %+v", rows)
	}
}

func TestReaderParallelParse(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	file.WriteString("to,name,zone,call_at\n")
	for i := range 2000 {
		fmt.Fprintf(&file, "+4420794%05d,N%d,%s,2026-12-01 10:00\n", i, i, []string{"", "Europe/Paris", "Nowhere/Land"}[i%3])
	}
	r := mustReader(t, file.String(), lenient(), options())
	records := make(chan record)
	var mu sync.Mutex
	good, bad := map[int]string{}, 0
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for rec := range records {
				row, rejected := r.parse(rec)
				mu.Lock()
				if rejected != nil {
					bad++
				} else {
					good[row.Line] = row.Vars["name"]
				}
				mu.Unlock()
			}
		})
	}
	for rec, err := range r.records() {
		if err != nil {
			t.Error(err)
		}
		records <- rec
	}
	close(records)
	workers.Wait()
	if bad != 666 || len(good) != 1334 || good[2] != "N0" || good[2000] != "N1998" {
		t.Errorf("%d good, %d bad", len(good), bad)
	}
}

// endless is a file of left bytes that repeats a text.
type endless struct {
	text string
	left int
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < min(len(p), e.left) {
		k := copy(p[n:min(len(p), e.left)], e.text[e.at:])
		e.at = (e.at + k) % len(e.text)
		n += k
	}
	e.left -= n
	return n, nil
}

// Memory does not grow with the file, whatever its faults.
func TestReaderMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 40 MB")
	}
	for name, text := range map[string]string{
		"good rows":          "+442079460018,Ann\n",
		"a line without end": "x",
		"stray quotes":       "+442079460018,\"Ann\n" + strings.Repeat("+442079460018,Ann\n", 5000),
		"nothing but quotes": `"`,
		"nothing but commas": ",",
	} {
		in := io.MultiReader(strings.NewReader("to,name\n+442079460018,Ann\n"), &endless{text: text, left: 8 << 20})
		r, err := newReader(in, lenient(), options())
		require.NoError(t, err)
		before, most, records := heap(), uint64(0), 0
		for _, err := range r.records() {
			require.NoError(t, err)
			if records++; records%100_000 == 0 {
				most = max(most, heap())
			}
		}
		if most = max(most, heap()); most > before+2<<20 {
			t.Errorf("%s: %d records took %d KB", name, records, (most-before)>>10)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
