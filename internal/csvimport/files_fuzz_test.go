package csvimport

import (
	"context"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"dialer/campaign"

	"golang.org/x/text/encoding/htmlindex"
	"pgregory.net/rapid"
)

// The contents of number cells and of other cells.
var (
	numberCells = []string{
		"+447700900123", "07700 900124", "447700900125", "0044 7700 900126", "(+44) 7700 900127", "tel:+44-7700-900128", `="07700900129"`, "'07700900130",
		"+44 (0)20 7946 0018", "०७७००९००१३१", "+33\u202f6\u202f39\u202f98\u202f01\u202f58", "4915123456789", "+52 1 55 5550 0131", "07700900123,900124",
		"+44 20 7946 0141 x4", "07700 900123 / 07700 900124", "#N/A", "4.47701E+11", "0800 FLOWERS", "0909 879 0171", "070 1234 5174", "999", "", " ",
		"+1 876 555 0119", "7700900132", "07700900133\u200b", "+44 7700 90013", "2026-12-03", "=HYPERLINK(\"x\")", "0770\xff0900134",
	}
	otherCells = []string{
		"Ann", "", "José", "Zoë", "日本", "Žofie", "=1+1", "'s", "@x", "a,b", "a;b", "a\tb", "a|b", "\"quoted\"", "two\nlines", "<b>&", "{{name}}", "x\x00", "b\xffd", "e\u0301", "  blank  ", "00123", `="7"`,
	}
	fuzzEncodings  = []string{"utf-8", "utf-8 bom", "utf-16le", "utf-16be", "windows-1252", "shift_jis", "gzip", "xlsx"}
	fuzzDelimiters = []string{",", ";", "\t", "|"}
)

// FuzzFiles makes whole files of such cells, in every encoding and with every
// delimiter, and imports them. Each row is accepted with its values, or refused with its
// line, column and reason. The counts add up, and every dialed number is a possible
// reading of its cell.
func FuzzFiles(f *testing.F) {
	for e := range fuzzEncodings {
		all := []byte{byte(e), byte(e)}
		for i := range numberCells {
			all = append(all, byte(i), byte(i+e))
		}
		f.Add(all, "x")
	}
	f.Add([]byte{0, 1, 200, 200}, "+44 7700 900\u00a0123;\"")
	f.Fuzz(func(t *testing.T, choices []byte, extra string) {
		if len(choices) < 2 || len(choices) > 200 || len(extra) > 200 {
			return
		}
		checkFuzzedFile(t, t.Fatalf, fuzzFileOf(choices, strings.ReplaceAll(extra, "\r", "")))
	})
}

// TestFilesOfAnyForm does the same with random choices.
func TestFilesOfAnyForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		choices := rapid.SliceOfN(rapid.Byte(), 2, 40).Draw(r, "choices")
		extra := rapid.OneOf(rapid.String(), rapid.StringMatching(`[+0-9 ()"\n,;.x/-]{0,24}`)).Draw(r, "extra")
		checkFuzzedFile(t, r.Fatalf, fuzzFileOf(choices, strings.ReplaceAll(extra, "\r", "")))
	})
}

// fuzzFile is a file and what is in it.
type fuzzFile struct {
	encoding, delimiter string
	rows                [][]string // the header is not one
}

func fuzzFileOf(choices []byte, extra string) fuzzFile {
	file := fuzzFile{encoding: fuzzEncodings[int(choices[0])%len(fuzzEncodings)], delimiter: fuzzDelimiters[int(choices[1])%len(fuzzDelimiters)]}
	pick := func(cells []string, choice byte) string {
		if choice >= 200 {
			return extra
		}
		return cells[int(choice)%len(cells)]
	}
	for pair := range slices.Chunk(choices[2:], 2) {
		if len(pair) == 2 {
			file.rows = append(file.rows, []string{pick(numberCells, pair[0]), pick(otherCells, pair[1])})
		}
	}
	return file
}

// cell is a cell as the file's form can hold it.
func (f fuzzFile) cell(text string) string {
	switch f.encoding {
	case "utf-8", "gzip":
		return text
	case "xlsx":
		return strings.Map(func(r rune) rune {
			if r == utf8.RuneError || r < ' ' && r != '\t' && r != '\n' || r == '\uFFFE' || r == '\uFFFF' {
				return '?'
			}
			return r
		}, strings.ReplaceAll(text, "_x", "x"))
	}
	text = strings.ToValidUTF8(text, "?")
	e, err := htmlindex.Get(strings.TrimSuffix(f.encoding, " bom"))
	if err != nil {
		panic(err)
	}
	encoded, err := e.NewEncoder().String(text)
	if err != nil {
		return "?"
	}
	if back, err := e.NewDecoder().String(encoded); err != nil || back != text {
		return "?" // a character that the encoding writes as another
	}
	return text
}

// write makes the file. lines are those on which its rows begin.
func (f fuzzFile) write(t testing.TB) (text string, lines []int) {
	rows := append([][]string{{"to", "name"}}, f.rows...)
	if f.encoding == "xlsx" {
		var sheet strings.Builder
		for i, row := range rows {
			fmt.Fprintf(&sheet, `<row r="%d">`, i+1)
			for _, cell := range row {
				fmt.Fprintf(&sheet, `<c t="inlineStr"><is><t>%s</t></is></c>`, html.EscapeString(f.cell(cell)))
			}
			sheet.WriteString("</row>")
			lines = append(lines, i+1)
		}
		return zipped(t, workbook(sheet.String(), "", "")), lines[1:]
	}
	var out strings.Builder
	line := 1
	for _, row := range rows {
		lines = append(lines, line)
		for i, cell := range row {
			if cell = f.cell(cell); strings.ContainsAny(cell, ",;\t|\"\n") {
				cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
			}
			line += strings.Count(cell, "\n")
			row[i] = cell
		}
		out.WriteString(strings.Join(row, f.delimiter) + "\n")
		line++
	}
	switch name := f.encoding; name {
	case "utf-8":
		text = out.String()
	case "gzip":
		text = gzipped(t, out.String())
	case "utf-8 bom":
		text = "\ufeff" + out.String()
	default:
		e, _ := htmlindex.Get(name)
		encoded, err := e.NewEncoder().String(out.String())
		if err != nil {
			t.Fatal(err)
		}
		text = map[string]string{"utf-16le": "\xff\xfe", "utf-16be": "\xfe\xff"}[name] + encoded
	}
	return text, lines[1:]
}

// remembered is a store that keeps the rows.
type remembered struct{ rows []campaign.Row }

func (r *remembered) OpenCampaign(_ context.Context, _ string, s campaign.Settings) (campaign.Campaign, error) {
	return campaign.Campaign{ID: 1, Settings: s}, nil
}

func (r *remembered) AddContacts(_ context.Context, _ int64, _ string, batch campaign.RowBatch) (campaign.BatchResult, error) {
	r.rows = append(r.rows, batch.Rows...)
	return campaign.BatchResult{Added: len(batch.Rows)}, nil
}

func (*remembered) BeginImport(_ context.Context, im campaign.Import) (campaign.Import, error) {
	return im, nil
}

func (*remembered) EndImport(context.Context, campaign.Import) (int, bool, error) {
	return 0, true, nil
}

func (r *remembered) FinishImport(context.Context, int64) error { return nil }

func checkFuzzedFile(t testing.TB, fatalf func(string, ...any), file fuzzFile) {
	said := make([][]string, len(file.rows))
	for i, row := range file.rows {
		for _, cell := range row {
			said[i] = append(said[i], file.cell(cell))
		}
	}
	text, lines := file.write(t)
	rowOn := map[int][]string{}
	for i, line := range lines {
		if strings.TrimSpace(said[i][0]+said[i][1]) != "" {
			rowOn[line] = said[i]
		}
	}
	s := lenient()
	s.Message.Say = "Hello {{name|friend}}."
	o := options()
	switch file.encoding {
	case "windows-1252", "shift_jis":
		o.Encoding = file.encoding
	case "utf-8", "gzip":
		// With few letters beyond ASCII a stray byte makes the encoding a guess: see
		// TestStrayBytes.
		if !utf8.ValidString(fmt.Sprint(said)) {
			o.Encoding = "utf-8"
		}
	}
	var store remembered
	refused := map[int]campaign.RowError{}
	o.OnRejected = func(r campaign.RowError) { refused[r.Line] = r }
	o.Rejects = io.Discard
	sum, err := Import(t.Context(), strings.NewReader(text), "fuzz", s, o, &store)
	if err != nil {
		fatalf("%v in %q", err, text)
	}
	if sum.Rows != len(store.rows)+len(refused) || sum.Rows != sum.Added+sum.Already+sum.Duplicates+sum.Rejected {
		fatalf("%d rows in, %d refused, and %+v", len(store.rows), len(refused), sum)
	}
	for line, row := range rowOn {
		if r, is := refused[line]; is {
			if r.Reason == "" || r.Column == "" && !strings.Contains(r.Reason, "quote") {
				fatalf("%q is refused as %+v", row, r)
			}
			continue
		}
		i := slices.IndexFunc(store.rows, func(r campaign.Row) bool { return r.Line == line })
		if i < 0 {
			fatalf("the row of line %d, %q, is neither accepted nor refused: %+v, %+v in %q", line, row, store.rows, refused, text)
		}
		if got := store.rows[i]; !slices.Contains(readings(row[0]), got.To) || got.Vars["name"] != campaign.CellValue(row[1]) {
			fatalf("%q is read as %+v", row, got)
		}
	}
	if len(rowOn) != sum.Rows {
		fatalf("%d rows of %d in %q", sum.Rows, len(rowOn), text)
	}
}

// readings are all numbers that somebody could read in a cell, with GB as the
// country of national ones.
func readings(cell string) []string {
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if !unicode.Is(unicode.Nd, r) {
				return -1
			}
			zero := r
			for unicode.Is(unicode.Nd, zero-1) && r-zero < 9 {
				zero--
			}
			if r >= '\U0001D7CE' && r <= '\U0001D7FF' { // five scripts, one behind the other
				zero = '\U0001D7CE' + (r-'\U0001D7CE')/10*10
			}
			return '0' + r - zero
		}, s)
	}
	var list []string
	for _, d := range []string{digits(cell), digits(strings.Replace(cell, "(0)", "", 1))} {
		list = append(list, d, strings.TrimPrefix(d, "00"), "44"+strings.TrimPrefix(d, "0"), "44"+d)
		if rest, old := strings.CutPrefix(d, "521"); old {
			list = append(list, "52"+rest)
		}
	}
	return list
}
