package csvimport

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	// maxRecord bounds one record, so that memory is bounded for any file.
	maxRecord = 64 << 10
	// maxColumns bounds the cost of a line that has only delimiters.
	maxColumns = 1000
	// maxText bounds the stored text of a rejected record.
	maxText = 1 << 10
)

// record is one record of a file, not yet checked.
type record struct {
	line    int      // of its first line, 1-based
	text    string   // as it is in the file; only the beginning of a too long one; "" in a spreadsheet
	size    int      // of what is kept of it, about
	fields  []string // without blank ones at the end
	columns int      // how many there are with those
	fault   string   // why it cannot be a row; "" when it may be one
}

// fieldSize is what a field takes in memory besides its text.
const fieldSize = 16

// Faults of a record itself.
const (
	faultLong    = "the record is longer than 64 KiB"
	faultColumns = "the record has more than 1000 columns"
	faultOpen    = `a quote is opened and not closed; write a quote inside a value twice ("")`
	faultLines   = `a value in quotes runs over several lines, and the record then does not have the header's columns; write a quote inside a value twice ("")`
	faultAfter   = `there is text after a closing quote; write a quote inside a value twice ("")`
)

// splitter splits a file into records, in the file's order. encoding/csv is not used,
// because there one stray quote swallows everything up to the next one.
//
// Here a faulty record costs its first line only: reading resumes on the next
// line. So a quote that is opened by mistake never hides the rows behind it.
// This includes a record over several lines that does not have the file's
// number of columns, since two stray quotes can look like one value.
type splitter struct {
	in      *bufio.Reader // UTF-8
	comma   byte
	columns int // 0: not known yet
	line    int // of the next record
}

func newSplitter(in io.Reader) *splitter {
	return &splitter{in: bufio.NewReaderSize(in, 4*maxRecord), line: 1}
}

// next returns the next record that is not blank, or io.EOF.
func (s *splitter) next() (record, error) {
	for {
		window, err := s.in.Peek(maxRecord + 2)
		switch {
		case err != nil && err != io.EOF:
			return record{}, fmt.Errorf("line %d: %w", s.line, err)
		case len(window) == 0:
			return record{}, io.EOF
		}
		rec, used, lines := s.cut(window)
		if _, err := s.in.Discard(used); err != nil {
			return record{}, fmt.Errorf("line %d: %w", s.line, err)
		}
		if rec.fault == faultLong {
			if err := s.skipLine(); err != nil {
				return record{}, fmt.Errorf("line %d: %w", s.line, err)
			}
		}
		s.line += lines
		if !rec.blank() {
			return rec, nil
		}
	}
}

// cut returns the first record of the window, how many bytes it uses, and how many lines.
func (s *splitter) cut(window []byte) (rec record, used, lines int) {
	fields, columns, end, lines, fault := splitFields(window, s.comma)
	if fault == "" && lines > 1 && s.columns > 0 && (columns < s.columns || len(fields) > s.columns) {
		fault = faultLines
	}
	if fault != "" {
		fields, lines = nil, 1
		end = endOfLine(window)
	}
	if end > maxRecord {
		return record{line: s.line, text: string(window[:maxText]), size: maxText, fault: faultLong}, maxRecord, 1
	}
	used = end + lineEnd(window[end:])
	return record{
		line: s.line, text: string(window[:end]), fields: fields, columns: columns, fault: fault,
		size: used + fieldSize*len(fields),
	}, used, lines
}

// skipLine passes over the rest of a line that is too long.
func (s *splitter) skipLine() error {
	for {
		window, err := s.in.Peek(maxRecord)
		if err != nil && err != io.EOF {
			return err
		}
		end := endOfLine(window)
		if end < len(window) {
			// A carriage return at the end of the window may have its line
			// feed behind it.
			window, _ = s.in.Peek(end + 2)
			_, err := s.in.Discard(end + lineEnd(window[end:]))
			return err
		}
		if _, err := s.in.Discard(len(window)); err != nil || len(window) == 0 {
			return err
		}
	}
}

func (rec record) blank() bool {
	return rec.fault == "" && len(rec.fields) == 0
}

// splitFields reads one record at the beginning of b. It returns the fields without blank
// ones at the end, the number of fields with those, where the record ends (without its
// line end), and how many lines it spans.
func splitFields(b []byte, comma byte) (fields []string, columns, end, lines int, fault string) {
	lines = 1
	for pos := 0; ; {
		var field string
		if q := openingQuote(b, pos, comma); q >= 0 {
			if field, pos, fault = quotedField(b, q+1, comma); fault != "" {
				return nil, 0, 0, 1, fault
			}
			lines += strings.Count(field, "\n")
		} else {
			stop := pos + plainFieldLength(b[pos:], comma)
			field, pos = string(b[pos:stop]), stop
		}
		columns++
		switch {
		case columns <= maxColumns:
			fields = append(fields, field)
		case strings.TrimSpace(field) != "":
			return nil, 0, 0, 1, faultColumns
		}
		if pos >= len(b) || b[pos] != comma {
			return trimBlank(fields, 0), columns, pos, lines, ""
		}
		pos++
	}
}

// openingQuote is where the field that begins at pos opens a quote, or -1.
// Blanks before the quote are not part of the value.
func openingQuote(b []byte, pos int, comma byte) int {
	for pos < len(b) && b[pos] != comma && (b[pos] == ' ' || b[pos] == '\t') {
		pos++
	}
	if pos < len(b) && b[pos] == '"' {
		return pos
	}
	return -1
}

// quotedField reads a value after its opening quote. Its line ends become \n.
func quotedField(b []byte, pos int, comma byte) (field string, end int, fault string) {
	var value strings.Builder
	for {
		i := bytes.IndexByte(b[pos:], '"')
		if i < 0 {
			return "", 0, faultOpen
		}
		value.Write(b[pos : pos+i])
		if pos += i + 1; pos < len(b) && b[pos] == '"' {
			value.WriteByte('"')
			pos++
			continue
		}
		for pos < len(b) && b[pos] != comma && b[pos] == ' ' {
			pos++
		}
		if pos < len(b) && b[pos] != comma && lineEnd(b[pos:]) == 0 {
			return "", 0, faultAfter
		}
		return toLineFeeds.Replace(value.String()), pos, ""
	}
}

var toLineFeeds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// plainFieldLength is the length of an unquoted field: quotes inside it are
// text.
func plainFieldLength(b []byte, comma byte) int {
	for i, c := range b {
		if c == comma || c == '\n' || c == '\r' {
			return i
		}
	}
	return len(b)
}

func endOfLine(b []byte) int {
	if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
		return i
	}
	return len(b)
}

// lineEnd is the length of the CRLF, LF or CR at the beginning of b; 0 when
// there is none.
func lineEnd(b []byte) int {
	switch {
	case bytes.HasPrefix(b, []byte("\r\n")):
		return 2
	case len(b) > 0 && (b[0] == '\n' || b[0] == '\r'):
		return 1
	}
	return 0
}

// trimBlank removes blank fields from the end while more than n are left, because
// spreadsheets write them.
func trimBlank(fields []string, n int) []string {
	for len(fields) > n && strings.TrimSpace(fields[len(fields)-1]) == "" {
		fields = fields[:len(fields)-1]
	}
	return fields
}

// reported is the beginning of a record as it is stored. It is valid text without
// NUL, which Postgres cannot store.
func (rec record) reported(comma string) string {
	text := rec.asText(comma)
	text = truncate(text[:min(len(text), 2*maxText)], maxText)
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// asText is the record as it is in the file. A row of a spreadsheet is written as
// it would be in a CSV.
func (rec record) asText(comma string) string {
	if rec.text != "" || rec.fields == nil {
		return rec.text
	}
	return csvLine(rec.fields, comma)
}

// truncate shortens s to at most n bytes without splitting a character.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
