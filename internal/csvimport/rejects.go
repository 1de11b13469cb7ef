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

// shownRecord is the length from which a record in a RowError may have been
// cut.
const shownRecord = 1<<10 - 3

// rejects writes refused rows as a CSV that can be mended and imported again:
// three columns of ours and then the record as it was, under its own header,
// with its own delimiter, in UTF-8.
type rejects struct {
	out     io.Writer
	comma   rune
	header  []string
	started bool
}

func newRejects(out io.Writer, header []string, delimiter string) *rejects {
	return &rejects{out: out, comma: rune(delimiter[0]), header: header}
}

func (r *rejects) write(row campaign.RowError) error {
	if !r.started {
		r.started = true
		if err := r.line(append(r.ownHeader(), r.header...), ""); err != nil {
			return err
		}
	}
	own := []string{strconv.Itoa(row.Line), row.Column, row.Reason}
	if !r.standsAlone(row.Record) {
		return r.line(append(own, row.Record), "")
	}
	return r.line(own, row.Record)
}

// ownHeader names our columns so that they collide with none of the file's,
// which may itself be a file of refused rows.
func (r *rejects) ownHeader() []string {
	own := []string{"line", "column", "reason"}
	for i, name := range own {
		for n := 2; slices.Contains(r.header, own[i]); n++ {
			own[i] = fmt.Sprintf("%s_%d", name, n)
		}
	}
	return own
}

// standsAlone reports whether a record can be written as it was without
// swallowing the rows behind it: it was not cut, and its quotes are closed.
func (r *rejects) standsAlone(record string) bool {
	if len(record) >= shownRecord {
		return false
	}
	reader := csv.NewReader(strings.NewReader(record + "\nend\n"))
	reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = r.comma, true, -1
	rows, err := reader.ReadAll()
	return err == nil && len(rows) == 2 && len(rows[1]) == 1 && rows[1][0] == "end"
}

// line writes fields, and after them a record that is CSV already.
func (r *rejects) line(fields []string, record string) error {
	var text strings.Builder
	w := csv.NewWriter(&text)
	w.Comma = r.comma
	if err := w.Write(fields); err != nil {
		return err
	}
	w.Flush()
	end := "\n"
	if record != "" {
		end = string(r.comma) + record + "\n"
	}
	_, err := io.WriteString(r.out, strings.TrimSuffix(text.String(), "\n")+end)
	return err
}
