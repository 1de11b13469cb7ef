package main

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

type campaignExportCommand struct {
	campaignFlags
	Reached    bool   `xor:"whom" help:"Only people who were reached, as the campaign's --until asks: answered, heard or with a result."`
	NotReached bool   `name:"not-reached" xor:"whom" help:"Only people who ended without being reached, except suppressed and cancelled ones."`
	Result     string `xor:"whom" placeholder:"WORD" help:"Only those whose last key has this result, as confirmed or opted_out."`
	Format     string `enum:"csv,json,xlsx" default:"csv" placeholder:"csv|json|xlsx" help:"What is written (default: ${default})."`
	Out        string `placeholder:"FILE" help:"Where it is written (default: standard output)."`
}

func (c *campaignExportCommand) Help() string {
	return `One line a person: the CSV's own columns first, as they were read, then what became of them in columns dialer_... that enqueue ignores. So an export is a valid input of the next enqueue.`
}

func (c *campaignExportCommand) Run(ctx context.Context, con console) (err error) {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	write := func(out io.Writer) error {
		buffered := bufio.NewWriter(out)
		e := exportFormats[c.Format](buffered)
		err := app.Contacts{Store: db}.Export(ctx, c.Campaign, app.ExportQuery{Reached: c.Reached, NotReached: c.NotReached, Result: c.Result}, e.begin, e.person)
		if err == nil {
			err = e.end()
		}
		return errors.Join(listsThem(err), buffered.Flush())
	}
	switch {
	case c.Out != "":
	case c.Format == "xlsx":
		return write(con.Data()) // its bytes are not text
	default:
		return write(con.Out)
	}
	return replaceFile(c.Out, write)
}

// replaceFile writes a file that appears whole or not at all.
func replaceFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // by then it has its own name, unless something failed
	if err := errors.Join(write(file), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// exporter writes an export in one form, a person at a time.
type exporter interface {
	begin(columns []string) error
	person(app.ExportedContact) error
	end() error
}

var exportFormats = map[string]func(io.Writer) exporter{
	"csv":  func(out io.Writer) exporter { return &csvExport{out: csv.NewWriter(out)} },
	"json": func(out io.Writer) exporter { return &jsonExport{out: out} },
	"xlsx": func(out io.Writer) exporter { return &xlsxExport{zip: zip.NewWriter(out)} },
}

// exportColumns are our columns, after the file's own. "" is null.
var exportColumns = []struct {
	name  string
	value func(app.ExportedContact) string
}{
	{"dialer_key", func(k app.ExportedContact) string { return k.Key }},
	{"dialer_line", func(k app.ExportedContact) string { return strconv.Itoa(k.Line) }},
	{"dialer_to_number", func(k app.ExportedContact) string { return k.To }},
	{"dialer_state", func(k app.ExportedContact) string { return string(k.State) }},
	{"dialer_reason", func(k app.ExportedContact) string { return string(k.Reason) }},
	{"dialer_result", func(k app.ExportedContact) string { return k.Result }},
	{"dialer_heard_at", func(k app.ExportedContact) string { return exportTime(k.HeardAt) }},
	{"dialer_calls", func(k app.ExportedContact) string { return strconv.Itoa(k.Calls) }},
	{"dialer_first_call_at", func(k app.ExportedContact) string { return exportTime(k.FirstCallAt) }},
	{"dialer_last_call_at", func(k app.ExportedContact) string { return exportTime(k.LastCallAt) }},
	{"dialer_next_attempt_at", func(k app.ExportedContact) string { return exportTime(k.NextAttemptAt) }},
	{"dialer_duration_s", func(k app.ExportedContact) string { return strconv.FormatInt(k.DurationS, 10) }},
	{"dialer_price", func(k app.ExportedContact) string {
		if !k.Price.Valid {
			return ""
		}
		return k.Price.Decimal.StringFixed(8)
	}},
	{"dialer_answered", func(k app.ExportedContact) string { return strconv.FormatBool(k.Answered) }},
	{"dialer_calls_answered", func(k app.ExportedContact) string { return strconv.Itoa(k.CallsAnswered) }},
}

func exportTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// exportRow is a person's cells: the file's own columns, then ours.
func exportRow(columns []string, k app.ExportedContact) []string {
	cells := make([]string, 0, len(columns)+len(exportColumns))
	for _, name := range columns {
		cells = append(cells, k.Row[name])
	}
	for _, c := range exportColumns {
		cells = append(cells, c.value(k))
	}
	return cells
}

func exportHeader(columns []string) []string {
	header := append([]string{}, columns...)
	for _, c := range exportColumns {
		header = append(header, c.name)
	}
	return header
}

// csvExport writes a CSV in which no spreadsheet sees a formula.
type csvExport struct {
	out     *csv.Writer
	columns []string
}

func (e *csvExport) begin(columns []string) error {
	e.columns = columns
	return e.write(exportHeader(columns))
}

func (e *csvExport) person(k app.ExportedContact) error { return e.write(exportRow(e.columns, k)) }

func (e *csvExport) write(cells []string) error {
	for i := range cells {
		cells[i] = campaign.SafeCell(cells[i])
	}
	return e.out.Write(cells)
}

func (e *csvExport) end() error {
	e.out.Flush()
	return e.out.Error()
}

// jsonExport writes an array of objects with the columns in their order. Money is a
// string, so that no reader makes a float of it.
type jsonExport struct {
	out     io.Writer
	columns []string
	n       int
}

func (e *jsonExport) begin(columns []string) error {
	e.columns = exportHeader(columns)
	_, err := io.WriteString(e.out, "[")
	return err
}

func (e *jsonExport) person(k app.ExportedContact) error {
	var b strings.Builder
	if e.n++; e.n > 1 {
		b.WriteByte(',')
	}
	b.WriteString("\n  {")
	own := len(e.columns) - len(exportColumns)
	for i, cell := range exportRow(e.columns[:own], k) {
		name, _ := json.Marshal(e.columns[i]) // a string always can be
		value, _ := json.Marshal(cell)
		if i >= own && cell == "" {
			value = []byte("null")
		} else if i >= own && isNumber[e.columns[i]] {
			value = []byte(cell)
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %s", name, value)
	}
	b.WriteByte('}')
	_, err := io.WriteString(e.out, b.String())
	return err
}

var isNumber = map[string]bool{"dialer_line": true, "dialer_calls": true, "dialer_duration_s": true, "dialer_answered": true, "dialer_calls_answered": true}

func (e *jsonExport) end() error {
	_, err := io.WriteString(e.out, "\n]\n")
	return err
}

// xlsxExport writes a spreadsheet of one sheet, whose cells are all texts.
type xlsxExport struct {
	zip     *zip.Writer
	sheet   io.Writer
	columns []string
	rows    int
}

// maxSheetRows is the most rows of a sheet.
const maxSheetRows = 1 << 20

const xlsxNS = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`

var xlsxParts = []struct{ name, text string }{
	{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
		`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`},
	{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
	{"xl/workbook.xml", `<workbook ` + xlsxNS + ` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">` +
		`<sheets><sheet name="{sheet}" sheetId="1" r:id="rId1"/></sheets></workbook>`},
	{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`},
}

func (e *xlsxExport) begin(columns []string) error {
	e.columns = columns
	if err := e.open("people"); err != nil {
		return err
	}
	return e.write(exportHeader(columns))
}

// open begins the one sheet.
func (e *xlsxExport) open(name string) error {
	for _, part := range xlsxParts {
		out, err := e.zip.Create(part.name)
		if err == nil {
			_, err = io.WriteString(out, xml.Header+strings.ReplaceAll(part.text, "{sheet}", name))
		}
		if err != nil {
			return err
		}
	}
	var err error
	if e.sheet, err = e.zip.Create("xl/worksheets/sheet1.xml"); err != nil {
		return err
	}
	_, err = io.WriteString(e.sheet, xml.Header+`<worksheet `+xlsxNS+`><sheetData>`)
	return err
}

func (e *xlsxExport) person(k app.ExportedContact) error { return e.write(exportRow(e.columns, k)) }

func (e *xlsxExport) write(cells []string) error {
	if e.rows++; e.rows > maxSheetRows {
		return fmt.Errorf("a sheet holds %d rows, and there are more rows: export as csv", maxSheetRows)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<row r="%d">`, e.rows)
	for i, cell := range cells {
		if cell == "" {
			continue
		}
		fmt.Fprintf(&b, `<c r="%s%d" t="inlineStr"><is><t xml:space="preserve">`, sheetColumn(i), e.rows)
		if err := xml.EscapeText(&b, []byte(cell)); err != nil {
			return err
		}
		b.WriteString(`</t></is></c>`)
	}
	b.WriteString(`</row>`)
	_, err := io.WriteString(e.sheet, b.String())
	return err
}

// sheetColumn is A for 0, Z for 25, AA for 26.
func sheetColumn(i int) (name string) {
	for i++; i > 0; i = (i - 1) / 26 {
		name = string(rune('A'+(i-1)%26)) + name
	}
	return name
}

func (e *xlsxExport) end() error {
	if _, err := io.WriteString(e.sheet, `</sheetData></worksheet>`); err != nil {
		return err
	}
	return e.zip.Close()
}
