package csvimport

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// saying are settings with a message.
func saying(text string) campaign.Settings {
	s := settings()
	s.Message.Say = text
	return s
}

// spoken are the texts of the accepted rows, and "line column: reason" of the
// refused ones, in the file's order.
func spoken(t testing.TB, r *reader) (list []string) {
	t.Helper()
	for rec, err := range r.records() {
		require.NoError(t, err)
		row, rejected := r.parse(rec)
		if rejected != nil {
			list = append(list, fmt.Sprintf("%d %s: %s", rejected.Line, rejected.Column, rejected.Reason))
			continue
		}
		m, err := r.message.Render(row.Vars)
		require.NoError(t, err)
		list = append(list, row.To+m.Script.Say)
	}
	return list
}

// Files as people and spreadsheets write them, with the numbers called and the words
// spoken.
func TestFilesOfPeople(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat(",", 5000)
	tests := []struct {
		name, say, file string
		want            []string
		warning         string
	}{
		{"years in a header", "Hi {{name}}", "to,name,Fees 2025/2026,2026-12-01,\n+447700900226,Ann,12,x\n", []string{"447700900226Hi Ann"}, ""},
		{"blanks of other kinds in the header", "Hi {{First Name}}", "Phone\u00a0Number,First\u202fName\n+447700900219,Ann\n", []string{"447700900219Hi Ann"}, ""},
		{"a header with accents of their own", "Hi {{Prénom}}", "to,Pre\u0301nom\n+447700900222,Ann\n", []string{"447700900222Hi Ann"}, ""},
		{"a placeholder with accents of its own", "Hi {{pre\u0301nom}}", "to,PRÉNOM\n+447700900222,Ann\n", []string{"447700900222Hi Ann"}, ""},
		{"case folding", "Hi {{STRASSE}}", "to,Straße\n+447700900222,Ann\n", []string{"447700900222Hi Ann"}, ""},
		{"a mark that cannot be seen", "Hi {{name}}", "\ufeff\ufeffto,na\u200bme\n+447700900222,Ann\n", []string{"447700900222Hi Ann"}, ""},
		{"the same name twice, unused", "Hi {{name}}", "to,name,Notes,Notes\n+447700900223,Ann,a,b\n", []string{"447700900223Hi Ann"}, ""},
		{"short rows", "Hi {{name}}", "to,name,street\n+447700900263,Ann\n+447700900264,Bob,High St\n", []string{"447700900263Hi Ann", "447700900264Hi Bob"}, ""},
		{"short rows that lack what is said", "Hi {{name}}, {{street}}", "to,name,street\n+447700900263,Ann\n", []string{"2 street: the record ends before this column, which is used: it has 2 columns and the header 3"}, ""},
		{"short rows that lack what has a fallback", "Hi {{name}}, {{street|you}}", "to,name,street\n+447700900263,Ann\n", []string{"447700900263Hi Ann, you"}, ""},
		{"thousands of blank columns", "Hi {{name}}", "to,name" + wide + "\n+447700900223,Ann" + wide + "\n+447700900224,Bob\n", []string{"447700900223Hi Ann", "447700900224Hi Bob"}, ""},
		{"texts as spreadsheets force them", "Ref {{ref}}", "to,ref\n+447700900802,=\"00123\"\n=\"07700900124\",'0042\n'+447700900125,\"=\"\"7\"\"\"\n", []string{"447700900802Ref 00123", "447700900124Ref 0042", "447700900125Ref 7"}, ""},
		{"apostrophes of a name", "Hi {{name}}", "to,name\n+447700900802,'s-Hertogenbosch\n", []string{"447700900802Hi 's-Hertogenbosch"}, ""},
		{"single braces", "Hi {name}, {{name}} {other}", "to,Name\n+447700900803,Ann\n", []string{"447700900803Hi {name}, Ann {other}"}, "{Name} in the message"},
		{"values that are said", "{{when|date}}, {{when|time}}, {{code|digits}}, {{price|money GBP}}", "to,when,code,price\n+447700900803,2026-12-03 14:30,A12,12.5\n+447700900804,03/04/2026 14:30,1,1\n+447700900805,2026-12-03 14:30,1,a lot\n",
			[]string{"447700900803Thursday, December 3, 2026, 2:30 pm, A 1 2, £12.50", "3 when: this date can be read with the day or with the month first; write it as 2026-12-03, or say the order with --date-format DD/MM/YYYY or MM/DD/YYYY",
				"4 price: this amount has a currency that is not known; write its code of three letters, as 12.50 EUR"}, ""},
		{"blanks round a value", "Hi {{name}}.", "to,name\n+447700900803,\u00a0Ann\u2003\n", []string{"447700900803Hi Ann."}, ""},
	}
	for _, test := range tests {
		r := mustReader(t, test.file, saying(test.say), options())
		if diff := cmp.Diff(test.want, spoken(t, r)); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
		if got := strings.Join(r.warnings, "; "); test.warning == "" && got != "" || !strings.Contains(got, test.warning) {
			t.Errorf("%s: warnings %q, want %q", test.name, got, test.warning)
		}
	}
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.String()
}

func zipped(t testing.TB, parts map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for name, text := range parts {
		w, err := archive.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return out.String()
}

// workbook is an xlsx with two sheets, as Excel lays it out.
func workbook(first, second, workbookPr string) map[string]string {
	const relation = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	return map[string]string{
		"[Content_Types].xml": `<Types/>`,
		"xl/workbook.xml": `<?xml version="1.0"?><workbook xmlns:r="` + relation + `">` + workbookPr +
			`<sheets><sheet name="People" sheetId="1" r:id="rId7"/><sheet name="Old ones" sheetId="2" r:id="rId2"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId2" Target="/xl/worksheets/sheet1.xml"/><Relationship Id="rId7" Target="worksheets/sheet2.xml"/></Relationships>`,
		"xl/styles.xml": `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-409]dd/mm/yyyy\ hh:mm;@"/><numFmt numFmtId="165" formatCode="00000000000"/><numFmt numFmtId="166" formatCode="[Red]0.00"/></numFmts>` +
			`<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/><xf numFmtId="20"/></cellXfs></styleSheet>`,
		"xl/sharedStrings.xml":     `<sst><si><t>to</t></si><si><r><t>na</t></r><r><t>me</t></r><rPh><t>x</t></rPh></si><si><t xml:space="preserve"> Zoë &amp; Bob_x000D_</t></si></sst>`,
		"xl/worksheets/sheet2.xml": `<worksheet><sheetData>` + first + `</sheetData></worksheet>`,
		"xl/worksheets/sheet1.xml": `<worksheet><sheetData>` + second + `</sheetData></worksheet>`,
	}
}

const (
	sheetHeader = `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="inlineStr"><is><t>when</t></is></c><c r="D1" t="str"><f>1</f><v>sum</v></c></row>`
	sheetRows   = `<row r="2"/><row r="3"><c r="A3"><v>447700900123</v></c><c r="B3" t="s"><v>2</v></c><c r="C3" s="2"><v>46359.604166666664</v></c><c r="D3" s="4"><v>0.30000000000000004</v></c></row>` +
		`<row r="4"><c r="A4" s="3"><v>7700900124</v></c><c r="B4" t="inlineStr"><is><t>Cy</t></is></c><c r="C4" s="1"><v>46359</v></c></row>` +
		`<row><c s="3"><v>4.47700900125E+11</v></c><c t="b"><v>1</v></c><c s="5"><v>0.5</v></c></row>` +
		`<row r="9"><c r="A9" t="e"><v>#REF!</v></c><c r="B9" t="str"><v>Eve</v></c><c r="C9"><v>1</v></c></row>`
)

func TestSpreadsheets(t *testing.T) {
	t.Parallel()
	file := zipped(t, workbook(sheetHeader+sheetRows, `<row><c t="inlineStr"><is><t>phone</t></is></c><c t="inlineStr"><is><t>Name</t></is></c><c t="inlineStr"><is><t>when</t></is></c></row><row><c t="inlineStr"><is><t>07700 900126</t></is></c><c><v>5</v></c><c><v>6</v></c></row>`, ""))
	say := saying("{{name}}/{{when}}/{{sum|}}")
	want := []string{
		"447700900123Zoë & Bob/2026-12-03 14:30/0.3", "447700900124Cy/2026-12-03/", "447700900125TRUE/12:00/",
		"9 to: a spreadsheet shows an error here and no number; widen the column or mend its formula, and export again",
	}
	r := mustReader(t, file, say, options())
	defer r.close()
	if diff := cmp.Diff(want, spoken(t, r)); diff != "" || r.file.form != (Form{Encoding: "xlsx", Sheet: "People"}) {
		t.Errorf("%+v\n%s", r.file.form, diff)
	}
	packed := mustReader(t, gzipped(t, file), say, options())
	defer packed.close()
	if diff := cmp.Diff(want, spoken(t, packed)); diff != "" {
		t.Error(diff)
	}
	o := options()
	o.Sheet = "OLD\u00a0Ones"
	second := mustReader(t, file, saying("{{name}}/{{when}}"), o)
	defer second.close()
	if diff := cmp.Diff([]string{"4477009001265/6"}, spoken(t, second)); diff != "" {
		t.Error(diff)
	}
	old := mustReader(t, zipped(t, workbook(sheetHeader+sheetRows, "", `<workbookPr date1904="1"/>`)), say, options())
	defer old.close()
	if got := spoken(t, old)[1]; got != "447700900124Cy/2030-12-04/" {
		t.Errorf("with the calendar of 1904: %s", got)
	}
}

// The error for a file that is not a table names its kind. A damaged file is never read
// as a shorter one.
func TestOtherFiles(t *testing.T) {
	t.Parallel()
	whole := workbook(sheetHeader+sheetRows, "", "")
	without := func(part, text string) string {
		parts := workbook(sheetHeader+sheetRows, "", "")
		parts[part] = text
		return zipped(t, parts)
	}
	tests := []struct{ name, file, want string }{
		{"a spreadsheet that is hardly one", zipped(t, map[string]string{"[Content_Types].xml": "<Types/>", "xl/worksheets/sheet1.xml": "<worksheet/>"}), "this is a spreadsheet (xlsx) that cannot be read"},
		{"ods", zipped(t, map[string]string{"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}), "OpenDocument"},
		{"docx", zipped(t, map[string]string{"word/document.xml": "<x/>"}), "Word document"},
		{"zip", zipped(t, map[string]string{"people.csv": "to\n"}), "zip archive"},
		{"a cut zip", zipped(t, whole)[:300], "its end is missing"},
		{"xls", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + strings.Repeat("\x00", 600), "an old Excel file"},
		{"pdf", "%PDF-1.7\n", "a PDF"},
		{"html", "\n <!DOCTYPE html>\n<html><table><tr><td>to</td></tr></table>", "a web page (HTML)"},
		{"a table that calls itself xls", "<table><tr><td>to</td></tr></table>", "a web page (HTML)"},
		{"xml", `<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">`, "a spreadsheet in XML"},
		{"json", `[{"to": "+447700900123"}]`, "JSON"},
		{"vcard", "BEGIN:VCARD\nTEL:+447700900123\n", "vCard"},
		{"gzip in gzip in gzip", gzipped(t, gzipped(t, gzipped(t, "to\n"))), "several times"},
		{"a shared text that is not there", without("xl/sharedStrings.xml", "<sst/>"), "a text that is not there"},
		{"a sheet that is cut", without("xl/worksheets/sheet2.xml", "<worksheet><sheetData>"+sheetHeader+`<row r="2"><c><v>1`), "after row 2"},
		{"a huge cell", without("xl/worksheets/sheet2.xml", "<worksheet><sheetData>"+sheetHeader+`<row r="2"><c t="inlineStr"><is><t>`+strings.Repeat("x", 2*maxSheetPiece)), "larger than 4 MiB"},
		{"a huge shared text", without("xl/sharedStrings.xml", "<sst><si><t>"+strings.Repeat("x", 2*maxSheetPiece)), "larger than 4 MiB"},
	}
	for _, test := range tests {
		r, err := newReader(strings.NewReader(test.file), saying("Hi"), options())
		if err == nil {
			for _, e := range r.records() {
				err = e
			}
			r.close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	o := options()
	o.Sheet = "Nobody"
	_, err := newReader(strings.NewReader(zipped(t, whole)), saying("Hi"), o)
	if err == nil || !strings.Contains(err.Error(), `no such sheet: found "People", "Old ones"`) {
		t.Errorf("another sheet: %v", err)
	}
}

// A row may have several numbers of one person. Blank ones are left out. If one cannot be
// called, the row is refused and the error names the column.
func TestSeveralNumbersOfARow(t *testing.T) {
	t.Parallel()
	in := "name,mobile,home\nAnn,07700900001,02079460001\nBob,,02079460002\nCid,07700900003,\nDan,07700900004,123\nEve,,\nFay,07700900006,+447700900006\n"
	s := campaign.Settings{
		From: []string{"442079460000"}, Message: campaign.Message{Say: "Hello {{name}}"}, Zone: campaign.ZoneRecipient,
		Hours: campaign.Daily(0, 1440), Retry: campaign.DefaultPolicy(), RingingTimer: 60, LengthTimer: 60,
	}
	reader, err := newReader(strings.NewReader(in), s, Options{DefaultCountry: "GB", Now: time.Now(), Map: map[string]string{"to": "mobile + home"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rec, err := range reader.records() {
		if err != nil {
			t.Fatal(err)
		}
		row, rejected := reader.parse(rec)
		if rejected != nil {
			got = append(got, fmt.Sprintf("%d refused: %s", rejected.Line, rejected.Column))
			continue
		}
		text := fmt.Sprint(row.Line)
		for _, n := range row.Numbers() {
			text += " " + n.To + " " + n.Zones[0]
		}
		got = append(got, text)
	}
	want := []string{
		"2 447700900001 Europe/London 442079460001 Europe/London", "3 442079460002 Europe/London", "4 447700900003 Europe/London",
		"5 refused: home", "6 refused: mobile", "7 447700900006 Europe/London",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if to := reader.header.mapping()["to"]; to != "mobile+home" {
		t.Errorf("the mapping that is kept is %q", to)
	}
}
