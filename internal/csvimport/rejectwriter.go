package csvimport

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"dialer/campaign"
)

// rejectWriter writes rejected rows as a CSV that can be corrected and imported
// again: three columns of ours and then the record as it was, under its own
// header, with its own delimiter, in UTF-8. Bytes that are not characters stay as they
// are. A cell that a spreadsheet would read as a formula gets an apostrophe, which the
// import removes again.
type rejectWriter struct {
	out     io.Writer
	comma   rune
	header  []string
	started bool
}

func newRejectWriter(out io.Writer, header []string, delimiter string) *rejectWriter {
	return &rejectWriter{out: out, comma: rune(delimiter[0]), header: header}
}

func (w *rejectWriter) write(row campaign.RowError, rec record) error {
	if !w.started {
		w.started = true
		if err := w.writeLine(append(w.ownHeader(), w.header...), ""); err != nil {
			return err
		}
	}
	own := []string{strconv.Itoa(row.Line), row.Column, row.Reason}
	text := rec.asText(string(w.comma))
	switch {
	case slices.ContainsFunc(rec.fields, func(f string) bool { return campaign.SafeCell(strings.TrimLeft(f, " ")) != strings.TrimLeft(f, " ") }):
		return w.writeLine(append(own, rec.fields...), "")
	case rec.fault == faultLong || !w.isRecord(text):
		return w.writeLine(append(own, text), "")
	}
	return w.writeLine(own, text)
}

// ownHeader names our columns so that they differ from the file's, which may
// itself be a file of rejected rows.
func (w *rejectWriter) ownHeader() []string {
	own := []string{"line", "column", "reason"}
	for i, name := range own {
		for n := 2; slices.Contains(w.header, own[i]); n++ {
			own[i] = fmt.Sprintf("%s_%d", name, n)
		}
	}
	return own
}

// isRecord reports whether the text can be written as it is without hiding the
// rows behind it: its quotes are closed.
func (w *rejectWriter) isRecord(text string) bool {
	reader := csv.NewReader(strings.NewReader(text + "\nend\n"))
	reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = w.comma, true, -1
	rows, err := reader.ReadAll()
	return err == nil && len(rows) == 2 && len(rows[1]) == 1 && rows[1][0] == "end"
}

// writeLine writes fields, and after them a record that is CSV already.
func (w *rejectWriter) writeLine(fields []string, record string) error {
	safe := make([]string, len(fields))
	for i, f := range fields {
		safe[i] = campaign.SafeCell(strings.TrimLeft(f, " "))
	}
	end := "\n"
	if record != "" {
		end = string(w.comma) + record + "\n"
	}
	_, err := io.WriteString(w.out, csvLine(safe, string(w.comma))+end)
	return err
}
