package csvimport

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// inputFile is a file of rows, whatever its form.
type inputFile struct {
	form     Form
	comma    string // between the columns in reports about the file
	warnings []string
	rows     interface{ next() (record, error) } // a splitter or a sheetReader
	splitter *splitter                           // nil: a spreadsheet
}

// Form says what a file is.
type Form struct {
	Encoding  string // such as utf-8, utf-16le or windows-1252; xlsx for a spreadsheet
	Guessed   bool   // the encoding is a guess
	Delimiter string // "" in a spreadsheet
	Sheet     string // of a spreadsheet
}

// openFile finds what a file is. It is closed after use.
func openFile(in io.Reader, o Options) (*inputFile, error) {
	unpacked, kind, err := unpack(in)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if kind == "xlsx" {
		sheet, err := openSheet(unpacked, o.Sheet)
		if err != nil {
			return nil, err
		}
		return &inputFile{form: Form{Encoding: kind, Sheet: sheet.name}, comma: ",", rows: sheet}, nil
	}
	if o.Sheet != "" {
		return nil, fmt.Errorf("--sheet %s: the file is no spreadsheet (xlsx)", o.Sheet)
	}
	text, c, err := decode(unpacked, o.Encoding)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	f := &inputFile{form: Form{Encoding: c.name, Guessed: c.guessed}, splitter: newSplitter(text)}
	f.rows = f.splitter
	if w := c.warning(); w != "" {
		f.warnings = append(f.warnings, w)
	}
	return f, nil
}

// next returns the next record that is not blank, or io.EOF.
func (f *inputFile) next() (record, error) { return f.rows.next() }

// readHeader reads the first line that is not blank.
func (f *inputFile) readHeader(mapped map[string]string) (header, error) {
	if f.splitter != nil {
		h, err := readHeader(f.splitter, mapped)
		if err != nil {
			return header{}, fmt.Errorf("line %d: %w", f.splitter.line, err)
		}
		f.comma = string(f.splitter.comma)
		f.form.Delimiter = f.comma
		return h, nil
	}
	rec, err := f.next()
	if err == io.EOF {
		return header{}, fmt.Errorf("sheet %q is empty; its first row must name the columns", f.form.Sheet)
	}
	if err != nil {
		return header{}, err
	}
	h, err := parseHeader(rec, mapped)
	if err != nil {
		return header{}, fmt.Errorf("sheet %q, row %d: %w", f.form.Sheet, rec.line, err)
	}
	return h, nil
}

// howToMend says what to do about bytes that are not text.
func (f *inputFile) howToMend() string {
	return fmt.Sprintf("it is read as %s: correct it, or name another with --encoding", f.form.Encoding)
}

func (f *inputFile) close() {
	if sheet, ok := f.rows.(*sheetReader); ok {
		sheet.close()
	}
}

// csvLine writes fields as one record of a CSV, without the line's end.
func csvLine(fields []string, comma string) string {
	var text strings.Builder
	w := csv.NewWriter(&text)
	w.Comma = rune(comma[0])
	_ = w.Write(fields) // a Builder does not fail
	w.Flush()
	return strings.TrimSuffix(text.String(), "\n")
}
