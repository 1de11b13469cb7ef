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

// completeText is the length below which the text of a rejected record is
// certainly complete: a longer one may have been cut.
const completeText = maxText - 3

// rejectWriter writes rejected rows as a CSV that can be corrected and imported
// again: three columns of ours and then the record as it was, under its own
// header, with its own delimiter, in UTF-8.
type rejectWriter struct {
	out     io.Writer
	comma   rune
	header  []string
	started bool
}

func newRejectWriter(out io.Writer, header []string, delimiter string) *rejectWriter {
	return &rejectWriter{out: out, comma: rune(delimiter[0]), header: header}
}

func (w *rejectWriter) write(row campaign.RowError) error {
	if !w.started {
		w.started = true
		if err := w.writeLine(append(w.ownHeader(), w.header...), ""); err != nil {
			return err
		}
	}
	own := []string{strconv.Itoa(row.Line), row.Column, row.Reason}
	if !w.isRecord(row.Record) {
		return w.writeLine(append(own, row.Record), "")
	}
	return w.writeLine(own, row.Record)
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
// rows behind it: it was not cut, and its quotes are closed.
func (w *rejectWriter) isRecord(text string) bool {
	if len(text) >= completeText {
		return false
	}
	reader := csv.NewReader(strings.NewReader(text + "\nend\n"))
	reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = w.comma, true, -1
	rows, err := reader.ReadAll()
	return err == nil && len(rows) == 2 && len(rows[1]) == 1 && rows[1][0] == "end"
}

// writeLine writes fields, and after them a record that is CSV already.
func (w *rejectWriter) writeLine(fields []string, record string) error {
	var text strings.Builder
	line := csv.NewWriter(&text)
	line.Comma = w.comma
	if err := line.Write(fields); err != nil {
		return err
	}
	line.Flush()
	end := "\n"
	if record != "" {
		end = string(w.comma) + record + "\n"
	}
	_, err := io.WriteString(w.out, strings.TrimSuffix(text.String(), "\n")+end)
	return err
}
