package csvimport

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dialer/campaign"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

func utf16(t testing.TB, order unicode.Endianness, s string) string {
	t.Helper()
	out, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func cp1252(t testing.TB, s string) string {
	t.Helper()
	out, err := charmap.Windows1252.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The names that are read from each file; "!N" is a record rejected on line N.
func TestSplitterGoldenFiles(t *testing.T) {
	t.Parallel()
	const number = "+442079460018"
	long := strings.Repeat("é", 1000)
	row := func(name string) string { return number + "," + name }
	tests := []struct {
		name, file, encoding, delimiter string
		want                            []string
	}{
		{"plain", "to,name\n" + row("Ann") + "\n" + row("Bob") + "\n", "utf-8", ",", []string{"Ann", "Bob"}},
		{"no newline at the end", "to,name\n" + row("Ann"), "utf-8", ",", []string{"Ann"}},
		{"CRLF", "to,name\r\n" + row("Ann") + "\r\n" + row("Bob") + "\r\n", "utf-8", ",", []string{"Ann", "Bob"}},
		{"CR", "to,name\r" + row("Ann") + "\r" + row("Bob") + "\r!,x\r", "utf-8", ",", []string{"Ann", "Bob", "!4"}},
		{"mixed line ends", "to,name\r\n" + row("Ann") + "\n" + row("Bob") + "\r!,x", "utf-8", ",", []string{"Ann", "Bob", "!4"}},
		{"BOM", "\xef\xbb\xbfto,name\n" + row("Zoë") + "\n", "utf-8", ",", []string{"Zoë"}},
		{"BOM and quoted header", "\xef\xbb\xbf\"to\",\"name\"\n" + row("Zoë") + "\n", "utf-8", ",", []string{"Zoë"}},
		{"UTF-8 without BOM", "to,name\n" + row("Zoë 日本") + "\n", "utf-8", ",", []string{"Zoë 日本"}},
		{"UTF-16LE", utf16(t, unicode.LittleEndian, "to,name\r\n"+row("Zoë 😀")+"\r\n"), "utf-16le", ",", []string{"Zoë 😀"}},
		{"UTF-16BE", utf16(t, unicode.BigEndian, "to,name\n"+row("Zoë 日本")+"\n"), "utf-16be", ",", []string{"Zoë 日本"}},
		{"UTF-16LE with tabs, as a spreadsheet writes Unicode text", utf16(t, unicode.LittleEndian, "to\tname\r\n"+number+"\tÅsa\r\n"), "utf-16le", "\t", []string{"Åsa"}},
		{"UTF-16 cut in a character", utf16(t, unicode.LittleEndian, "to,name\n"+row("Ann")+"\n"+row("Bo")) + "\xd8", "utf-16le", ",", []string{"Ann", "!3"}},
		{"UTF-16 with half a pair", utf16(t, unicode.LittleEndian, "to,name\n"+row("A")) + "\x00\xd8\n\x00", "utf-16le", ",", []string{"!2"}},
		{"Windows-1252", cp1252(t, "to,name\n"+row("Zoë €5 “x”")+"\n"), "windows-1252", ",", []string{"Zoë €5 “x”"}},
		{"Windows-1252 with a hole", cp1252(t, "to,name\n"+row("Zoë")+"\n") + row("\x81") + "\n", "windows-1252", ",", []string{"Zoë", "!3"}},
		{"UTF-8 with one bad byte far behind", "to,name\n" + strings.Repeat(row(long)+"\n", 40) + row("\xe9") + "\n" + row("Bob") + "\n", "utf-8", ",",
			append(slices.Repeat([]string{long}, 40), "!42", "Bob")},
		{"NUL", "to,name\n" + row("A\x00nn") + "\n" + row("Bob") + "\n", "utf-8", ",", []string{"!2", "Bob"}},
		{"semicolons", "to;name\n" + number + ";Smith, Ann\n", "utf-8", ";", []string{"Smith, Ann"}},
		{"tabs", "to\tname\n" + number + "\tAnn\n", "utf-8", "\t", []string{"Ann"}},
		{"bars", "to|name\n" + number + "|Ann\n", "utf-8", "|", []string{"Ann"}},
		{"sep= line", "sep=;\r\nto;name\r\n" + number + ";Ann\r\n!;x\r\n", "utf-8", ";", []string{"Ann", "!4"}},
		{"sep= line against the count", "sep=|\nto|name|x,phone,y,z\n" + number + "|Ann|\n", "utf-8", "|", []string{"Ann"}},
		{"blank lines", "\n\nto,name\n\n" + row("Ann") + "\n  \n,\n\n" + row("Bob") + "\n!,x\n\n", "utf-8", ",", []string{"Ann", "Bob", "!10"}},
		{"quoted fields", "to,name\n\"" + number + "\",\"Smith, Ann\"\n", "utf-8", ",", []string{"Smith, Ann"}},
		{"doubled quotes", "to,name\n" + row(`"Ann ""A"" Smith"`) + "\n", "utf-8", ",", []string{`Ann "A" Smith`}},
		{"line ends in quotes", "to,name\n" + row("\"Ann\r\nSmith\"") + "\r\n!,x\n", "utf-8", ",", []string{"Ann\nSmith", "!4"}},
		{"blanks about quotes", "to,name\n" + number + ", \"Smith, Ann\" \n", "utf-8", ",", []string{"Smith, Ann"}},
		{"a quote inside a plain value", "to,name\n" + row(`5" Ann`) + "\n" + row("Bob") + "\n", "utf-8", ",", []string{`5" Ann`, "Bob"}},
		{"an empty quoted value", "to,name\n" + row(`""`) + "\n", "utf-8", ",", []string{""}},
		{"text after a quote", "to,name\n" + row(`"Ann" Smith`) + "\n" + row("Bob") + "\n", "utf-8", ",", []string{"!2", "Bob"}},
		{"a quote left open at the end", "to,name\n" + row("Ann") + "\n" + row(`"Bob`), "utf-8", ",", []string{"Ann", "!3"}},
		{"a quote left open in the middle", "to,name\n" + row(`"Ann`) + "\n" + row("Bob") + "\n" + row("Cid") + "\n", "utf-8", ",", []string{"!2", "Bob", "Cid"}},
		{"a quote left open before quoted fields", "to,name\n" + row(`"Ann`) + "\n" + row(`"Bob"`) + "\n" + row("Cid") + "\n", "utf-8", ",", []string{"!2", "Bob", "Cid"}},
		{"two quotes that look like one value", "to,name\n" + number + "\n" + `"x,1` + "\n" + row("Bob") + "\n" + `y",2,3` + "\n" + row("Cid") + "\n", "utf-8", ",", []string{"", "!3", "Bob", "!5", "Cid"}},
		{"a record over the bound", "to,name\n" + row(strings.Repeat("x", maxRecord)) + "\n" + row("Bob") + "\n", "utf-8", ",", []string{"!2", "Bob"}},
		{"a record far over the bound, CRLF", "to,name\r\n" + row(strings.Repeat("x", 5*maxRecord)) + "\r\n" + row("Bob") + "\r\n!,x", "utf-8", ",", []string{"!2", "Bob", "!4"}},
		{"a quoted record over the bound", "to,name\n" + row(`"`+strings.Repeat("x\n", maxRecord)+`"`) + "\n" + row("Bob") + "\n", "utf-8", ",",
			append(refusedLines(2, 2+maxRecord), "Bob")},
		{"a thousand and one columns", "to,name\n" + row(strings.Repeat(",", 1000)+"x") + "\n" + row("Bob") + "\n", "utf-8", ",", []string{"!2", "Bob"}},
		{"trailing delimiters", "to,name,,\n" + row("Ann,,,,") + "\n" + row("Bob") + "\n", "utf-8", ",", []string{"Ann", "Bob"}},
	}
	for _, test := range tests {
		r := mustReader(t, test.file, lenient(), options())
		if form := r.file.form; form.Encoding != test.encoding || form.Delimiter != test.delimiter {
			t.Errorf("%s: %+v", test.name, form)
		}
		if diff := cmp.Diff(test.want, namesOf(r)); diff != "" {
			t.Errorf("%s:\n%.2000s", test.name, diff)
		}
	}
}

func refusedLines(from, to int) []string {
	var list []string
	for line := from; line <= to; line++ {
		list = append(list, fmt.Sprintf("!%d", line))
	}
	return list
}

func namesOf(r *reader) []string {
	var names []string
	for rec, err := range r.records() {
		if err != nil {
			return append(names, err.Error())
		}
		row, rejected := r.parse(rec)
		if rejected != nil {
			names = append(names, fmt.Sprintf("!%d", rejected.Line))
			continue
		}
		names = append(names, row.Vars["name"])
	}
	return names
}

// A record of exactly the maximum length is accepted, with each line end, and at
// any place in the buffer.
func TestSplitterRecordsOfMaximumLength(t *testing.T) {
	t.Parallel()
	for _, ending := range []string{"\n", "\r\n", "\r"} {
		for _, extra := range []int{-2, -1, 0, 1, 2, 3, maxRecord - 2, maxRecord - 1, maxRecord, maxRecord + 1} {
			record := "+442079460018,"
			record += strings.Repeat("x", maxRecord+extra-len(record))
			s := newSplitter(strings.NewReader("1,2" + ending + record + ending + "3,4" + ending))
			s.comma, s.columns = ',', 2
			var faults []string
			for range 3 {
				rec, err := s.next()
				if err != nil {
					t.Fatal(err)
				}
				faults = append(faults, fmt.Sprint(rec.line, rec.fault))
			}
			want := []string{"1", "2", "3"}
			if extra > 0 {
				want[1] += faultLong
			}
			if diff := cmp.Diff(want, faults); diff != "" {
				t.Errorf("%+d with %q:\n%s", extra, ending, diff)
			}
		}
	}
}

var e164 = regexp.MustCompile(`^[1-9][0-9]{6,14}$`)

// pieces make files with every kind of fault.
var pieces = []string{`"`, `""`, ",", ";", "\n", "\r\n", "\r", "a", "+442079460018", " ", "é", "\xff", "\x00", `,"a`, `"b",`, strings.Repeat("x", 2000)}

// Whatever a file contains, a good row after it is read.
func TestReaderKeepsFollowingRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 60).Draw(t, "body"), "")
		checkFile(t, body)
	})
}

// checkFile checks the rules for every file: each record becomes a row or is rejected, in
// the order of the lines, and the last row is never lost.
func checkFile(t interface{ Fatalf(string, ...any) }, body string) {
	r, err := newReader(strings.NewReader("to,name\n"+body+"\n+442079460019,Last\n"), lenient(), options())
	if err != nil {
		t.Fatalf("%v", err)
	}
	records, line := 0, 1
	var last campaign.Row
	for rec, err := range r.records() {
		if err != nil {
			t.Fatalf("%v", err)
		}
		if records++; rec.line <= line {
			t.Fatalf("line %d after line %d", rec.line, line)
		}
		line = rec.line
		row, rejected := r.parse(rec)
		if rejected != nil && (rejected.Line != rec.line || rejected.Reason == "") {
			t.Fatalf("record of line %d refused as %+v", rec.line, rejected)
		}
		if rejected == nil && (row.Line != rec.line || !e164.MatchString(row.To) || len(row.Zones) == 0) {
			t.Fatalf("record of line %d read as %+v", rec.line, row)
		}
		last = row
	}
	if last.To != "442079460019" || last.Vars["name"] != "Last" {
		t.Fatalf("the last row was read as %+v", last)
	}
	if want := 2 + lineEnds(body+"\n"); last.Line != want {
		t.Fatalf("the last row is on line %d, counted as %d", want, last.Line)
	}
}

// lineEnds counts CRLF, LF and CR.
func lineEnds(s string) int {
	return strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s), "\n")
}

// Without quotes every line that is not blank is one record.
func TestReaderOneRecordPerLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[a-z0-9, +]{0,20}`)).Draw(t, "lines")
		want := 0
		for _, l := range lines {
			if strings.Trim(l, ", ") != "" {
				want++
			}
		}
		r, err := newReader(strings.NewReader("to,name\n"+strings.Join(lines, "\n")), lenient(), options())
		if err != nil {
			t.Fatal(err)
		}
		if got := len(namesOf(r)); got != want {
			t.Fatalf("%d records, want %d", got, want)
		}
	})
}

// Values that a spreadsheet writes are read unchanged.
func TestReaderQuotedValuesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringMatching(`[a-z",;\n é]{1,12}`), 1, 8).Draw(t, "values")
		var file strings.Builder
		file.WriteString("to,name\n")
		var want []string
		for _, v := range values {
			fmt.Fprintf(&file, "+442079460018,\"%s\"\n", strings.ReplaceAll(v, `"`, `""`))
			want = append(want, strings.TrimSpace(v))
		}
		r, err := newReader(strings.NewReader(file.String()), lenient(), options())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, namesOf(r)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzReader(f *testing.F) {
	for _, seed := range pieces {
		f.Add(seed)
	}
	f.Add("+442079460018,\"Ann\n+442079460018,Bob\n")
	f.Fuzz(func(t *testing.T, body string) { checkFile(t, body) })
}

func FuzzNewReader(f *testing.F) {
	f.Add([]byte("to,name\n+442079460018,Ann\n"))
	f.Add([]byte("\xff\xfet\x00o\x00\n\x00"))
	f.Add([]byte("sep=;\nto;\"a\"\"b\"\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := newReader(strings.NewReader(string(file)), lenient(), options())
		if err != nil {
			return
		}
		for rec, err := range r.records() {
			if err != nil {
				t.Fatal(err)
			}
			row, rejected := r.parse(rec)
			if (rejected == nil) == (row.To == "") {
				t.Fatalf("%+v and %+v of one record", row, rejected)
			}
		}
	})
}
