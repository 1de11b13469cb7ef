package campaign

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	// maxRecord bounds one record, so that memory is bounded for any file.
	maxRecord = 64 << 10
	// maxColumns bounds what a line of nothing but delimiters can cost.
	maxColumns = 1000
	// maxShown bounds the text of a refused record.
	maxShown = 1 << 10
)

// Record is one record of a file, not yet judged.
type Record struct {
	Line   int    // of its first line, 1-based
	Text   string // the beginning of what stood in the file
	Size   int    // bytes of the file, in UTF-8
	fields []string
	fault  string // why it cannot be a row; "" when it may be one
}

// Faults of a record as such.
const (
	faultLong    = "the record is longer than 64 KiB"
	faultColumns = "the record has more than 1000 columns"
	faultOpen    = `a quote is opened and not closed; write a quote inside a value twice ("")`
	faultLines   = `a value in quotes runs over several lines, and the record then has not the header's columns; write a quote inside a value twice ("")`
	faultAfter   = `there is text after a closing quote; write a quote inside a value twice ("")`
)

// splitter cuts a file into records. It needs the file in its order; what it
// yields can be judged in any.
//
// A record that is out of order costs its first line alone: reading resumes on
// the next one. So a quote that is opened by mistake can never swallow what
// follows. This includes a record over several lines that does not have the
// file's number of columns, since two stray quotes can look like one value.
type splitter struct {
	in      *bufio.Reader // UTF-8
	comma   byte
	columns int // 0: not known yet
	line    int // of the record to come
}

func newSplitter(in io.Reader) *splitter {
	return &splitter{in: bufio.NewReaderSize(in, 4*maxRecord), line: 1}
}

// next returns the next record that is not blank, or io.EOF.
func (s *splitter) next() (Record, error) {
	for {
		window, err := s.in.Peek(maxRecord + 2)
		switch {
		case err != nil && err != io.EOF:
			return Record{}, fmt.Errorf("line %d: %w", s.line, err)
		case len(window) == 0:
			return Record{}, io.EOF
		}
		rec, used, lines := s.cut(window)
		if _, err := s.in.Discard(used); err != nil {
			return Record{}, fmt.Errorf("line %d: %w", s.line, err)
		}
		if rec.fault == faultLong {
			if err := s.skipLine(); err != nil {
				return Record{}, fmt.Errorf("line %d: %w", s.line, err)
			}
		}
		s.line += lines
		if !rec.blank() {
			return rec, nil
		}
	}
}

// cut takes the first record off the window.
func (s *splitter) cut(window []byte) (rec Record, used, lines int) {
	fields, end, lines, fault := splitFields(window, s.comma)
	if fault == "" && lines > 1 && s.columns > 0 && len(trimBlank(fields, s.columns)) != s.columns {
		fault = faultLines
	}
	if fault != "" {
		fields, lines = nil, 1
		end = endOfLine(window)
	}
	if end > maxRecord {
		fields, fault, end = nil, faultLong, maxRecord
		return Record{Line: s.line, Text: shown(window[:end]), Size: end, fault: fault}, end, 1
	}
	text := shown(window[:end])
	used = end + terminator(window[end:])
	return Record{Line: s.line, Text: text, Size: used, fields: fields, fault: fault}, used, lines
}

// skipLine passes over the rest of a line that was too long to look at.
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
			_, err := s.in.Discard(end + terminator(window[end:]))
			return err
		}
		if _, err := s.in.Discard(len(window)); err != nil || len(window) == 0 {
			return err
		}
	}
}

// splitFields reads one record off the beginning of b: its fields, where it
// ends (its terminator not included), and over how many lines it runs.
func splitFields(b []byte, comma byte) (fields []string, end, lines int, fault string) {
	lines = 1
	for pos := 0; ; {
		var field string
		if q := openingQuote(b, pos, comma); q >= 0 {
			if field, pos, fault = quotedField(b, q+1, comma); fault != "" {
				return nil, 0, 1, fault
			}
			lines += strings.Count(field, "\n")
		} else {
			stop := pos + fieldEnd(b[pos:], comma)
			field, pos = string(b[pos:stop]), stop
		}
		if fields = append(fields, field); len(fields) > maxColumns {
			return nil, 0, 1, faultColumns
		}
		if pos >= len(b) || b[pos] != comma {
			return fields, pos, lines, ""
		}
		pos++
	}
}

// openingQuote is where the field that begins at pos opens a quote, or -1.
// Blanks before it are not the value's.
func openingQuote(b []byte, pos int, comma byte) int {
	for pos < len(b) && b[pos] != comma && (b[pos] == ' ' || b[pos] == '\t') {
		pos++
	}
	if pos < len(b) && b[pos] == '"' {
		return pos
	}
	return -1
}

// quotedField reads a value from behind its opening quote. Its line ends
// become \n.
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
		if pos < len(b) && b[pos] != comma && terminator(b[pos:]) == 0 {
			return "", 0, faultAfter
		}
		return newlines.Replace(value.String()), pos, ""
	}
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// fieldEnd is the length of an unquoted field: quotes inside it are text.
func fieldEnd(b []byte, comma byte) int {
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

// terminator is the length of the line end at the beginning of b: that of
// CRLF, LF or CR.
func terminator(b []byte) int {
	switch {
	case bytes.HasPrefix(b, []byte("\r\n")):
		return 2
	case len(b) > 0 && (b[0] == '\n' || b[0] == '\r'):
		return 1
	}
	return 0
}

// trimBlank takes blank fields off the end as long as more than n are left:
// spreadsheets write them.
func trimBlank(fields []string, n int) []string {
	for len(fields) > n && strings.TrimSpace(fields[len(fields)-1]) == "" {
		fields = fields[:len(fields)-1]
	}
	return fields
}

func (rec Record) blank() bool {
	return rec.fault == "" && len(trimBlank(rec.fields, 0)) == 0
}

// shown is the text of a record for the report of refused rows.
// It holds no NUL, which Postgres could not keep.
func shown(b []byte) string {
	text := strings.ToValidUTF8(cut(string(b[:min(len(b), 2*maxShown)]), maxShown), "\uFFFD")
	return strings.ReplaceAll(text, "\x00", "\uFFFD")
}

// checkText refuses what is no text in the file's encoding.
func checkText(fields []string) error {
	for _, f := range fields {
		switch {
		case strings.ContainsRune(f, 0):
			return errors.New("the record holds a NUL byte; export the file again as UTF-8")
		case !utf8.ValidString(f) || strings.ContainsRune(f, utf8.RuneError):
			return errors.New("the record holds bytes that are no characters in the file's encoding; export the file again as UTF-8")
		}
	}
	return nil
}
